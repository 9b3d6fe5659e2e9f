"""Names of files and columns that a shell, or Snakemake, would take for something else."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

PATHS = [
    "x; touch y.csv",
    "$(touch y).csv",
    "`touch y`.csv",
    'it\'s "q" & touch y.csv',
    "-rf --output=y.csv",
    "two\nlines; touch y.csv",
]
COLUMNS = ["a; touch y", "$(touch y)", "'; touch y; '", "{input}", "{wildcards.dataset}", "{{"]


def write(path):
    rows = [",".join(str(i * (j + 3) % 97) for j in range(len(COLUMNS))) for i in range(300)]
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")


def test_what_a_shell_would_run_is_data(fresh):
    datasets = {}
    for i, path in enumerate(PATHS):
        write(fresh.run / path)
        datasets[f"mine_{i}"] = {"type": "file", "path": path, "columns": COLUMNS}
    fresh.configure(
        {
            "seeds": ["0"],
            "device": "cpu",
            "datasets": datasets,
            "models": {"sgm": {"train_steps": 3, "num_blocks": 1, "batch_size": 32, "width": 8}},
            "methods": {"sgm": {"sampling_steps": 2}},
            "metrics": {"tail_ks": {}},
            "figures": ["survival"],
        }
    )
    before = set(fresh.run.iterdir())
    fresh.snakemake("results/default/metrics.csv")
    assert {p.name for p in set(fresh.run.iterdir()) - before} == {"results", ".snakemake"}
    assert not [path for path in fresh.folder.rglob("y*") if path.is_file()]
    table = pd.read_csv(fresh.results / "metrics.csv")
    assert set(table["dataset"]) == set(datasets)


OVERRIDES = {
    'datasets={"x; touch y": {"type": "gmm"}}': "datasets.x; touch y:",
    'models={"$(touch y)": {"type": "sgm"}}': "models.$(touch y):",
    'methods={"`touch y`": {"type": "sgm"}}': "methods.`touch y`:",
    'device="cpu; touch y"': "device:",
    'seeds=["0; touch y"]': "seeds.0:",
    'figures=["survival; touch y"]': "figures.0:",
}


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        (list(OVERRIDES), list(OVERRIDES.values())),
        (['datasets={"m": {"type": "file", "path": "{dataset}.csv"}}'], ["datasets.m"]),
    ],
    ids=["names", "wildcard"],
)
def test_names_on_the_command_line(fresh, overrides, keys):
    write(fresh.run / "{dataset}.csv")
    fresh.configure(
        {
            "datasets": {"gmm": {}},
            "models": {"sgm": {}},
            "methods": {"sgm": {}},
            "metrics": ["msle"],
        }
    )
    printed = fresh.snakemake("--dry-run", "--config", *overrides, succeeds=False)
    for key in keys:
        assert f"config.yaml: {key}" in printed
    assert "Traceback" not in printed
    assert not [path for path in fresh.folder.rglob("y*") if path.is_file()]
