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


DATA = {
    "nan": (table(storm=nan), ["'storm'", "NaN", "row 12"]),
    "infinity": (table(storm=infinite), ["'storm'", "row 12"]),
    "text": (table(storm=text), ["'storm'", "not numeric", "'much'"]),
    "constant": (table(storm=lambda i: 3), ["'storm'", "constant"]),
    "few_rows": (table(rows=100), ["100 rows", "128"]),
    "empty": ("", ["empty"]),
}
KEYS = {
    "unknown_dataset": (dataset("alpha_stabel"), ["datasets.alpha_stabel", "'alpha_stable'"]),
    "unknown_model": (model("wide", type="sgn"), ["models.wide", "'sgn'", "'sgm'"]),
    "unknown_method": (method("flaw"), ["methods.flaw", "'flow'"]),
    "typo": (model("flow", batch_sze=64), ["models.flow.batch_sze", "'batch_size'"]),
    "typo_at_the_top": (lambda config: config.update(seed=["0"]), ["seed:", "'seeds'"]),
    "negative_steps": (model("sgm", train_steps=-5), ["models.sgm.train_steps", "1", "-5"]),
    "alpha": (dataset("alpha_stable", alpha=2.5), ["datasets.alpha_stable.alpha", "2", "2.5"]),
    "name": (dataset("x; touch y", type="alpha_stable"), ["datasets.x; touch y", "name"]),
}


def write(folder, case):
    """Write the file of a case, and say which data set it is."""
    (folder / f"{case}.csv").write_text(DATA[case][0])
    return dataset(case, type="file", path=f"{case}.csv")


def check(work, changes, mistakes):
    """Run, and look for one line for each mistake, which holds all its words."""
    for change in changes:
        work.configure(change)
    before = work.files()
    printed = work.snakemake(succeeds=False)
    for words in mistakes:
        lines = [line for line in printed.splitlines() if all(word in line for word in words)]
        assert len(lines) == 1, (words, printed)
        assert "config.yaml" in lines[0]
    assert "Traceback" not in printed
    assert "Finished jobid" not in printed
    assert work.files() == before
    assert not [path for path in work.folder.rglob("y") if path.is_file()]


def test_data_that_cannot_be_used(work):
    changes = [write(work.run, case) for case in DATA]
    mistakes = [[f"datasets.{case}:", f"{case}.csv", *words] for case, (_, words) in DATA.items()]
    check(work, changes, mistakes)


def test_keys_that_cannot_be_used(work):
    changes, mistakes = zip(*KEYS.values(), strict=True)
    check(work, changes, mistakes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            dataset("mine", type="file", path="mine.csv"),
            ["datasets.mine.path", "mine.csv", "does not exist"],
        ),
        (method("sgm", model="sgn"), ["methods.sgm.model", "'sgn'", "'sgm'"]),
    ],
    ids=["missing_file", "model_not_there"],
)
def test_what_is_named_and_is_not_there(work, change, words):
    check(work, [change], [words])


def test_nothing_is_trained_beside_data_that_cannot_be_used(fresh, finished):
    fresh.configure(finished[0].config())
    check(fresh, [write(fresh.run, "nan")], [DATA["nan"][1]])
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
