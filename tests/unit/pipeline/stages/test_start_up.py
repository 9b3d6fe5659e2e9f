"""What the jobs of a run import: a start takes longer than the work of many of them."""

import json
import subprocess
import sys

from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan

JOBS = """
import json, sys
from tailbench.pipeline.cli import app

for job in json.load(open("jobs.json")):
    app(["job", *job], standalone_mode=False)
heavy = ("torch", "ot", "matplotlib", "seaborn", "snakemake")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def jobs(plan, dataset, model):
    """The four jobs of a cell, from data to metrics, as words of the command line."""
    given = f"--dataset {dataset} --seeds 0-1 --spec"
    method = f"--method {model} --data data --device cpu"
    lines = {
        "data": (plan.specs.data(dataset), "--folder data"),
        "train": (
            plan.specs.train(model),
            f"--model {model} --code c --data data/train.npy --device cpu --state state "
            f"--folder models/{model}/0-1",
        ),
        "sample": (plan.specs.sample(model), f"{method} --models models --output s/samples.npy"),
        "evaluate": (
            plan.specs.evaluate(dataset),
            f"{method} --samples s/samples.npy --output metrics.csv",
        ),
    }
    return [[stage, *given.split(), spec, *rest.split()] for stage, (spec, rest) in lines.items()]


def test_classical_models_and_metrics_load_neither_torch_nor_plots(tmp_path):
    plan = Plan(
        parse(
            {
                "datasets": {"alpha_stable": {"n_train": 400, "n_test": 400}},
                "models": ["copula_gpd"],
                "methods": ["copula_gpd"],
                "metrics": ["sliced_wasserstein", "tail_index", "tail_ks", "tail_coverage"],
            }
        )
    )
    (tmp_path / "jobs.json").write_text(json.dumps(jobs(plan, "alpha_stable", "copula_gpd")))
    command = [sys.executable, "-c", JOBS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # POT has the costs of sliced_wasserstein
    assert json.loads(done.stdout.splitlines()[-1]) == ["ot"]
    assert "tail_ks" in (tmp_path / "metrics.csv").read_text()
