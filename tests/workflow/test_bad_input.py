"""Bad input ends in one sentence before any job is run, and leaves alone what is there."""

import pytest

pytestmark = pytest.mark.slow


def table(rows=400, **columns):
    """Write a CSV of two columns; a column is a function of the row's number."""
    columns = {"fire": lambda i: i * i % 97 + 0.5, "storm": lambda i: i * 7 % 31, **columns}
    lines = [",".join(str(column(i)) for column in columns.values()) for i in range(rows)]
    return "\n".join([",".join(columns), *lines]) + "\n"


def nan(i):
    return "" if i == 11 else i * 7 % 31


def infinite(i):
    return "inf" if i == 11 else i * 7 % 31


def text(i):
    return "much" if i == 11 else i * 7 % 31


def dataset(name, **settings):
    return lambda config: config["datasets"].update({name: settings})


def model(name, **settings):
    return lambda config: config["models"].setdefault(name, {}).update(settings)


def method(name, **settings):
    return lambda config: config["methods"].setdefault(name, {}).update(settings)


MINE = dataset("mine", type="file", path="mine.csv")
DATA = {
    "nan": (table(storm=nan), ["datasets.mine", "'storm'", "mine.csv", "NaN", "row 12"]),
    "infinity": (table(storm=infinite), ["datasets.mine", "'storm'", "mine.csv", "row 12"]),
    "text": (table(storm=text), ["datasets.mine", "'storm'", "mine.csv", "not numeric", "'much'"]),
    "constant": (
        table(storm=lambda i: 3),
        ["datasets.mine", "'storm'", "mine.csv", "constant"],
    ),
    "few_rows": (table(rows=100), ["datasets.mine", "mine.csv", "100 rows", "128"]),
    "empty": ("", ["datasets.mine", "mine.csv", "empty"]),
}
KEYS = {
    "missing_file": (MINE, ["datasets.mine.path", "mine.csv", "does not exist"]),
    "unknown_dataset": (dataset("alpha_stabel"), ["datasets.alpha_stabel", "'alpha_stable'"]),
    "unknown_model": (model("wide", type="sgn"), ["models.wide", "'sgn'", "'sgm'"]),
    "unknown_method": (method("flaw"), ["methods.flaw", "'flow'"]),
    "model_not_there": (method("sgm", model="sgn"), ["methods.sgm.model", "'sgn'", "'sgm'"]),
    "typo": (model("flow", batch_sze=64), ["models.flow.batch_sze", "'batch_size'"]),
    "typo_at_the_top": (lambda config: config.update(seed=["0"]), ["seed:", "'seeds'"]),
    "negative_steps": (model("sgm", train_steps=-5), ["models.sgm.train_steps", "1", "-5"]),
    "alpha": (dataset("alpha_stable", alpha=2.5), ["datasets.alpha_stable.alpha", "2", "2.5"]),
    "name": (dataset("x; touch y", type="alpha_stable"), ["datasets.x; touch y", "name"]),
}


def check(work, change, words):
    """Run, and look for one line that holds all the words."""
    work.configure(change)
    before = work.files()
    printed = work.snakemake(succeeds=False)
    lines = [line for line in printed.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, printed
    assert "config.yaml" in lines[0]
    assert "Traceback" not in printed
    assert "Finished jobid" not in printed
    assert work.files() == before
    assert not [path for path in work.folder.rglob("y") if path.is_file()]
    return printed


@pytest.mark.parametrize("case", DATA)
def test_data_that_cannot_be_used(work, case):
    content, words = DATA[case]
    (work.run / "mine.csv").write_text(content)
    work.configure(lambda config: config["datasets"].pop("returns"))
    check(work, MINE, words)


@pytest.mark.parametrize("case", KEYS)
def test_keys_that_cannot_be_used(work, case):
    change, words = KEYS[case]
    check(work, change, words)


def test_nothing_is_trained_beside_data_that_cannot_be_used(fresh, finished):
    fresh.configure(finished[0].config())
    (fresh.run / "mine.csv").write_text(DATA["nan"][0])
    check(fresh, MINE, DATA["nan"][1])
    assert not fresh.results.exists()


def test_overrides_on_the_command_line_are_checked(fresh, finished):
    fresh.configure(finished[0].config())
    (fresh.run / "mine.csv").write_text(DATA["constant"][0])
    override = 'datasets={"mine": {"type": "file", "path": "mine.csv"}}'
    printed = fresh.snakemake("--config", override, succeeds=False)
    assert "column 'storm' of mine.csv is constant" in printed
    assert not fresh.results.exists()


def test_another_run_in_the_same_folder_is_refused(work):
    from tailbench.pipeline.runtime.results_lock import lock_results_dir

    work.configure(lambda config: config["models"]["flow"].update(train_steps=7))
    lock_results_dir(work.results)
    before = work.files()
    printed = work.snakemake(succeeds=False)
    assert f"another run holds the lock on {work.results}" in printed
    assert work.files() == before
