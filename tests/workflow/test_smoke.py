"""The thin slice of the workflow that every change is tested on: a run, a second, and a part.

The other modules of this folder are part of `make test-all`.
"""

import pandas as pd

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import stages


def test_a_run_makes_every_file_and_says_where_the_report_is(finished):
    made, printed = finished
    outputs = made.outputs()
    jobs = {job for job, _ in outputs.values()}
    assert len(jobs) == sum(stages(Plan.of(made.config(), "config.yaml")).values())
    for output, (_, again) in outputs.items():
        assert (made.run / output).exists() and not again, output
    assert f"The report is {made.results / 'report.html'}" in printed
    table = pd.read_csv(made.results / "metrics.csv")
    assert table[["value", "floor"]].notna().all(axis=None)


def test_a_second_run_has_nothing_to_do_and_a_changed_setting_reruns_its_part(work):
    before = work.files()
    assert "Nothing to be done" in work.snakemake()
    assert work.files() == before

    work.configure(lambda config: config["metrics"]["sliced_wasserstein"].update(directions=7))
    work.snakemake()
    after = work.files()
    changed = {path for path in before if after[path] != before[path]}
    unchanged = ("data", "models", "samples")
    folder = str(work.results.relative_to(work.run))
    assert not [
        path for path in changed if path.startswith(tuple(f"{folder}/{u}/" for u in unchanged))
    ]
    evaluated = {path for path in before if path.startswith(f"{folder}/metrics/")}
    assert evaluated and {path for path in evaluated if path.endswith(".csv")} <= changed
    assert f"{folder}/report.html" in changed
    assert "Nothing to be done" in work.snakemake("--dry-run")
