"""What is run again after a change, and what is not."""

import os
import re

import pytest

from tailbench.io.atomic import atomic_write

pytestmark = pytest.mark.slow

DATASETS = ("alpha_stable", "returns")
FIGURES = ("comparison", "sigma_t", "survival", "training")
GATHERED = {"collect", "tables", "report", *(f"figure/{name}" for name in FIGURES)}


def jobs(*rules, names=("sgm", "flow", "flow_sgm"), datasets=DATASETS, block="0-1"):
    """Name the jobs of some rules for models or methods, on all datasets."""
    return {
        f"{rule}/{dataset}/{name}/{block}"
        for rule in rules
        for dataset in datasets
        for name in names
    }


def floors(datasets=DATASETS, block="0-1"):
    return {f"floor/{dataset}/{block}" for dataset in datasets}


def data(datasets=DATASETS, block="0-1"):
    return {f"data/{dataset}/{block}" for dataset in datasets}


def everything(datasets=DATASETS, block="0-1"):
    """Name all jobs of a dataset and block, besides those that gather."""
    return (
        data(datasets, block)
        | floors(datasets, block)
        | jobs("train", names=("sgm", "flow"), datasets=datasets, block=block)
        | jobs("sample", "evaluate", datasets=datasets, block=block)
    )


def edit(path, old, new):
    """Change a text file, once."""
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in {path}"
    atomic_write(path, text.replace(old, new, 1))


def test_editing_a_figure_redraws_that_figure_and_the_report(work):
    figure = work.repo / "src" / "tailbench" / "figures" / "survival.py"
    figure.write_text(figure.read_text() + "\nEDITED = True\n")
    assert work.pending() == {"figure/survival", "report"}
    before = work.files()
    work.snakemake()
    after = work.files()
    drawn = {path for path in after if after[path][0] != before.get(path, (0,))[0]}
    made = {p for p in drawn if not re.match(r"results/default/(logs|benchmarks|\.lock)", p)}
    assert made == {
        "results/default/report.html",
        "results/default/figures/survival/.snakemake_timestamp",
        *(f"results/default/figures/survival/{d}.{e}" for d in DATASETS for e in ("png", "pdf")),
    }
    assert work.pending() == set()


NEW_STATEMENT = "\nEDITED = True\n"
CODE = {
    "models/flow.py": jobs("train", names=["flow"])
    | jobs("sample", "evaluate", names=["flow", "flow_sgm"])
    | GATHERED,
    "models/flow_sgm.py": jobs("sample", "evaluate", names=["flow_sgm"]) | GATHERED,
    "diffusion/denoiser.py": jobs("train", names=["sgm"])
    | jobs("sample", "evaluate", names=["sgm", "flow_sgm"])
    | GATHERED,
    "training/streams.py": jobs("train", names=["sgm", "flow"])
    | jobs("sample", "evaluate")
    | GATHERED,
    "targets/alpha_stable.py": everything(["alpha_stable"]) | GATHERED,
    "datasets/returns.py": everything(["returns"]) | GATHERED,
    "metrics/msle.py": jobs("evaluate") | floors() | GATHERED,
    "stages/tables.py": {"tables", "report"},
    "stages/templates/report.css": {"report"},
    "published/flow_sgm_headline.csv": {"tables", "report"},
    "__init__.py": set(),
}


@pytest.mark.parametrize("file", CODE)
def test_editing_code_reruns_what_it_touches(work, file):
    path = work.repo / "src" / "tailbench" / file
    path.write_text(path.read_text() + (NEW_STATEMENT if path.suffix == ".py" else "\n\n"))
    assert work.pending() == CODE[file]


def test_comments_change_nothing(work):
    package = work.repo / "src" / "tailbench"
    edit(package / "models" / "sgm.py", '"""Score-based', '"""# Score-based')
    edit(package / "models" / "flow.py", "\nclass Flow(", "\n# A comment.\n\n\nclass Flow(")
    edit(package / "metrics" / "msle.py", '    """', '    """Edited. ')
    edit(package / "training" / "loop.py", "import math\n", "import math  # for pi\n")
    edit(package / "figures" / "survival.py", "annotations\n", "annotations\n# A comment.\n")
    for rules in sorted((work.repo / "workflow" / "rules").glob("*.smk")):
        rules.write_text(f"# A comment.\n{rules.read_text()}\n# Another.\n")
    edit(work.repo / "Snakefile", "rule all:", "# A comment.\nrule all:")
    edit(work.run / "config.yaml", "seeds:", "# A comment.\nseeds:")
    for path in package.rglob("*.py"):
        os.utime(path)
    assert work.pending() == set()
    assert "Nothing to be done" in work.snakemake("--dry-run")


def test_touched_results_change_nothing(work):
    for path in work.results.rglob("*"):
        if path.name in ("train.npy", "model.safetensors", "metrics.csv"):
            os.utime(path)
    assert work.pending() == set()


def set_steps_of_flow(config):
    config["models"]["flow"]["steps"] += 1


def set_steps_of_sampling(config):
    config["methods"]["flow_sgm"]["steps"] = 9


def add_block(config):
    config["seeds"] = [*config["seeds"], "2"]


def add_dataset(config):
    config["datasets"]["gaussian_grid"] = {"n_train": 1000, "n_test": 1000}


def add_method(config):
    config["methods"]["ode"] = {"type": "sgm", "sampler": "heun", "steps": 4}


def add_method_with_model(config):
    config["models"]["wide"] = {**config["models"]["sgm"], "type": "sgm", "width": 48}
    config["methods"]["wide"] = {"type": "sgm", "model": "wide", "steps": 4}


def add_method_on_one_dataset(config):
    add_method(config)
    config["datasets"]["returns"] = {"methods": ["sgm", "flow", "flow_sgm"]}


def remove_method(config):
    del config["methods"]["flow_sgm"]


def remove_dataset(config):
    del config["datasets"]["returns"]


def set_dataset(config):
    config["datasets"]["alpha_stable"]["alpha"] = 1.5


def set_metric(config):
    config["metrics"]["sliced_wasserstein"]["directions"] += 1


def set_threads(config):
    config["threads"] = 2


def name_default_and_reorder(config):
    config["models"]["flow"]["tails"] = "auto"
    config["models"] = dict(reversed(config["models"].items()))
    config["models"]["sgm"] = dict(reversed(config["models"]["sgm"].items()))


CHANGES = {
    set_steps_of_flow: jobs("train", names=["flow"])
    | jobs("sample", "evaluate", names=["flow", "flow_sgm"])
    | GATHERED,
    set_steps_of_sampling: jobs("sample", "evaluate", names=["flow_sgm"]) | GATHERED,
    add_block: everything(block="2") | GATHERED,
    add_dataset: everything(["gaussian_grid"]) | GATHERED,
    add_method: jobs("sample", "evaluate", names=["ode"]) | GATHERED,
    add_method_with_model: jobs("train", "sample", "evaluate", names=["wide"]) | GATHERED,
    add_method_on_one_dataset: jobs("sample", "evaluate", names=["ode"], datasets=["alpha_stable"])
    | GATHERED,
    remove_method: GATHERED,
    remove_dataset: GATHERED,
    set_dataset: everything(["alpha_stable"]) | GATHERED,
    set_metric: jobs("evaluate") | floors() | GATHERED,
    set_threads: GATHERED,
    name_default_and_reorder: set(),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_changing_the_configuration_reruns_what_depends_on_it(work, change):
    work.configure(change)
    assert work.pending() == CHANGES[change]
