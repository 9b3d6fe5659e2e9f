"""What Snakemake runs again after a change, and what not.

Three changes on a finished run hold the parameters and inputs of the rules against the plan; what
each kind of change reaches is asserted in tests/unit/pipeline/planning, by test_reruns.py for the
configuration and by test_code_digest.py for code.
"""

import os
import re

import pytest

from tailbench.io.atomic import atomic_write

pytestmark = pytest.mark.slow

DATASETS = ("alpha_stable", "returns")
FIGURES = ("comparison", "sigma_t", "survival", "training")
GATHERED = {"collect", "tables", "report", "finish", *(f"figure/{name}" for name in FIGURES)}


def jobs(*rules, names, datasets=DATASETS, block="0-1"):
    """Name the jobs of some rules for models or methods, on some datasets."""
    return {
        f"{rule}/{dataset}/{name}/{block}"
        for rule in rules
        for dataset in datasets
        for name in names
    }


def edit(path, old, new):
    """Change a text file, once."""
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in {path}"
    atomic_write(path, text.replace(old, new, 1))


def test_editing_a_figure_redraws_that_figure_and_the_report(work):
    figure = work.repo / "src" / "tailbench" / "plots" / "survival.py"
    figure.write_text(figure.read_text() + "\nEDITED = True\n")
    assert work.pending() == {"figure/survival", "report", "finish"}
    before = work.files()
    work.snakemake()
    after = work.files()
    drawn = {path for path in after if after[path][0] != before.get(path, (0,))[0]}
    folder = str(work.results.relative_to(work.run))
    made = {p for p in drawn if not re.match(rf"{folder}/(logs|benchmarks|\.lock)", p)}
    assert made == {
        f"{folder}/report.html",
        f"{folder}/finished.txt",
        f"{folder}/figures/survival/.snakemake_timestamp",
        *(f"{folder}/figures/survival/{d}.{e}" for d in DATASETS for e in ("png", "pdf")),
    }
    assert work.pending() == set()


def test_editing_a_model_and_the_configuration_reruns_what_depends_on_them(work):
    """A new statement in a model, a new method, and new seeds on one dataset."""

    def change(config):
        config["methods"]["ode"] = {"type": "sgm", "sampler": "heun", "sampling_steps": 4}
        config["seeds"] = [*config["seeds"], "2"]
        config["datasets"]["returns"] = {"seeds": ["0-1"]}

    flow = work.repo / "src" / "tailbench" / "models" / "flow.py"
    flow.write_text(flow.read_text() + "\nEDITED = True\n")
    work.configure(change)
    new = {"datasets": ["alpha_stable"], "block": "2"}
    methods = ["sgm", "flow", "flow_sgm", "ode"]
    assert work.pending() == (
        jobs("train", names=["flow"])
        | jobs("sample", "evaluate", names=["flow", "flow_sgm", "ode"])
        | {"data/alpha_stable/2", "floor/alpha_stable/2"}
        | jobs("train", names=["sgm", "flow"], **new)
        | jobs("sample", "evaluate", names=methods, **new)
        | GATHERED
    )


def test_comments_and_touched_files_change_nothing(work):
    package = work.repo / "src" / "tailbench"
    edit(package / "models" / "sgm.py", '"""Score-based', '"""# Score-based')
    edit(package / "models" / "flow.py", "\nclass Flow(", "\n# A comment.\n\n\nclass Flow(")
    edit(package / "metrics" / "msle.py", '    """', '    """Edited. ')
    edit(package / "plots" / "survival.py", "annotations\n", "annotations\n# A comment.\n")
    for rules in sorted((work.repo / "workflow" / "rules").glob("*.smk")):
        rules.write_text(f"# A comment.\n{rules.read_text()}\n# Another.\n")
    edit(work.repo / "Snakefile", "rule all:", "# A comment.\nrule all:")
    edit(work.run / "config.yaml", "seeds:", "# A comment.\nseeds:")
    touched = [
        p for p in work.results.rglob("*") if p.name.startswith(("train.", "model.", "metr"))
    ]
    assert len(touched) > 6
    for path in [*package.rglob("*.py"), *touched]:
        os.utime(path)
    assert work.pending() == set()
    assert "Nothing to be done" in work.snakemake("--dry-run")
