"""Jobs that fail, and runs that are killed."""

import json
import os
import re
import signal
import time

import pandas as pd
import pytest
from safetensors import safe_open

pytestmark = pytest.mark.slow

SMALL = {"batch_size": 64, "width": 16}
DATASETS = {"alpha_stable": {"n_train": 400, "n_test": 400}}


def test_a_diverged_training_fails_alone(fresh):
    fresh.configure(
        {
            "seeds": ["3"],
            "device": "cpu",
            "datasets": DATASETS,
            "models": {
                "sgm": {"train_steps": 20, "num_blocks": 1, **SMALL},
                "hot": {
                    "type": "sgm",
                    "train_steps": 20,
                    "num_blocks": 1,
                    "learning_rate": 1e6,
                    **SMALL,
                },
            },
            "methods": {
                "sgm": {"sampling_steps": 2},
                "hot": {"type": "sgm", "model": "hot", "sampling_steps": 2},
            },
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )
    printed = fresh.snakemake(succeeds=False)
    said = "alpha_stable/hot, seed 3: the validation loss is"
    log = (fresh.results / "logs" / "train" / "alpha_stable" / "hot" / "3.log").read_text()
    assert said in log and "at step 1 of 20" in log and "Traceback" not in log

    # all that does not depend on it is there, the report too
    metrics = pd.read_csv(fresh.results / "metrics.csv")
    assert set(metrics["method"]) == {"sgm"}
    report = (fresh.results / "report.html").read_text()
    assert "train hot" in report and said in report
    (failure,) = json.loads((fresh.results / "plan.json").read_text())["failures"]
    assert failure["cell"] == ["alpha_stable", "hot", "3"]
    assert failure["job"] == "train hot" and failure["reason"].startswith(said)
    assert failure["log"] == "logs/train/alpha_stable/hot/3.log"

    # the run has ended badly, and says why
    end = printed[printed.index("1 of 2 cells have no result:") :]
    assert "alpha_stable, hot, seeds 3: train hot failed: " in end and said in end
    assert not (fresh.results / "finished.txt").exists()

    # the next run tries the failed cell again, and nothing that has a result
    again = fresh.pending()
    assert {"train/alpha_stable/hot/3", "sample/alpha_stable/hot/3"} <= again
    assert not {job for job in again if "/sgm/" in job or job.startswith("data")}
    fresh.configure(lambda config: config["models"]["hot"].update(learning_rate=1e-3))
    fresh.snakemake()
    metrics = pd.read_csv(fresh.results / "metrics.csv")
    assert set(metrics["method"]) == {"sgm", "hot"}
    assert (fresh.results / "finished.txt").is_file()
    assert json.loads((fresh.results / "plan.json").read_text())["failures"] == []


def test_a_killed_run_goes_on_to_the_same_bytes(fresh, tmp_path_factory):
    fresh.configure(
        {
            "seeds": ["0-1"],
            "device": "cpu",
            "datasets": DATASETS,
            "models": {
                "flow": {"train_steps": 120, "layers": 1, "validate_every": 5, **SMALL},
                "sgm": {"train_steps": 300, "num_blocks": 1, "validate_every": 5, **SMALL},
            },
            "methods": {"flow_sgm": {"sigma_T": 1.0, "sampling_steps": 4}},
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )
    whole = fresh.copy(tmp_path_factory.mktemp("whole"))
    target = "results/default/samples/alpha_stable/flow_sgm/0-1/samples.npy"
    whole.snakemake(target)

    eager = {"TAILBENCH_CHECKPOINT_SECONDS": "0"}
    states = fresh.results / ".checkpoints" / "alpha_stable" / "flow" / "0-1"
    second = states / "seeds-1-1-cpu.safetensors"
    started = fresh.start(target, **eager)
    try:
        wait_for(lambda: second.exists() and 20 <= step_of(second) < 120, started)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    assert not list(fresh.results.rglob("flow/0-1/model.safetensors"))

    printed = fresh.snakemake(target, **eager)
    log = (fresh.results / "logs" / "train" / "alpha_stable" / "flow" / "0-1.log").read_text()
    assert int(re.search(r"resuming at step (\d+)", log)[1]) >= 20
    assert "sample: flow_sgm on alpha_stable" in printed
    assert not list((fresh.results / ".checkpoints").rglob("*.safetensors"))
    ended, never_killed = fresh.files(), whole.files()
    samples = [path for path in ended if path.startswith("results/default/samples")]
    samples = [path for path in samples if path.endswith(".npy")]
    assert samples == [target]
    for path in [*samples, *(p for p in ended if p.endswith("model.safetensors"))]:
        assert ended[path][1] == never_killed[path][1], path
    assert fresh.pending(target) == set()


DOOMED = '''
"""A model whose training is killed as long as there is a file."""

import os
import signal
from pathlib import Path

from tailbench.models.settings import SamplingSettings
from tailbench.models.simple import SimpleModel
from tailbench.registry import register


class DoomedSampling(SamplingSettings):
    """Settings of the sampling."""

    parts = {"model": ("doomed",)}
    model: str = "doomed"


@register
class Doomed(SimpleModel):
    """Gaussian noise about the mean."""

    methods = {"doomed": DoomedSampling}

    def fit_one(self, x, rng):
        if Path("killed").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return {"mean": x.mean(0)}

    def sample_one(self, state, n, settings, rng):
        return state["mean"] + rng.standard_normal((n, len(state["mean"])))
'''


def test_a_job_that_is_killed_for_good_does_not_cost_the_report(fresh):
    """It leaves no reason, so that collecting waits for it; a page of the others does not."""
    parts, killed = fresh.run / "parts", fresh.run / "killed"
    parts.mkdir()
    (parts / "doomed.py").write_text(DOOMED)
    killed.touch()
    fresh.configure(
        {
            "seeds": ["3"],
            "device": "cpu",
            "plugins": ["parts"],
            "datasets": DATASETS,
            "models": {"sgm": {"train_steps": 20, "num_blocks": 1, **SMALL}, "doomed": {}},
            "methods": {"sgm": {"sampling_steps": 2}, "doomed": {}},
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )
    printed = fresh.snakemake(succeeds=False)
    page = fresh.results / "incomplete.html"
    assert f"The report of the cells that have results is {page}" in printed
    text = page.read_text()
    assert "1 of 2 planned cells have no result" in text and "train doomed" in text
    assert "logs/train/alpha_stable/doomed/3.log" in text
    made = {path.name for path in fresh.results.iterdir()}
    assert not made & {"report.html", "metrics.csv", "plan.json", "config.json", "SHA256SUMS"}
    assert {"train/alpha_stable/doomed/3", "collect", "report"} <= fresh.pending()

    killed.unlink()
    fresh.snakemake()
    assert (fresh.results / "report.html").is_file() and not page.exists()


def step_of(state):
    with safe_open(state, framework="np") as file:
        return json.loads(file.metadata()["state"])["step"]


def wait_for(condition, process, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run has ended before it could be killed"
        assert time.monotonic() < end, "the run has not come that far"
        time.sleep(0.005)
