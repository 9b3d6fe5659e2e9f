"""The choice of a model, from a table to a folder that is sampled."""

import math
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import tailbench
from tailbench.choosing import judge, search
from tailbench.choosing.candidates import Method
from tailbench.datasets.returns import Returns
from tailbench.exceptions import InputError
from tailbench.pipeline.results.trained import source_of

NETWORK = {"width": 16, "num_blocks": 1, "batch_size": 64}


FEW = [Method("bootstrap"), Method("gaussian"), Method("copula_gpd")]


@pytest.fixture
def quick(monkeypatch):
    """Judge by fewer metrics where the scores are not what is tested."""
    few = ("energy", "msle", "tail_coverage", "tail_ks", "tail_direction")
    monkeypatch.setattr(judge, "METRICS", few)


def choose(data, **options):
    """Choose without a network, however long it takes."""
    given = {"methods": FEW, "clock": lambda: 0.0, "verbose": False}
    return tailbench.choose(data, **{**given, **options})


def student(n, dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)) / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def of(choice, name):
    return choice.table.set_index("method").loc[name]


def test_gaussian_data_get_the_lightest_model():
    rng = np.random.default_rng(0)
    choice = choose(rng.standard_normal((400, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]]))
    assert choice.name == "gaussian" and of(choice, "gaussian")["role"] == "best"
    drawn = choice.best.sample(20_000)
    assert drawn.shape == (20_000, 2)
    tenth = np.sort(np.abs(drawn[:, 0]))[-20]  # of a scale 1: 3.29 is passed by one in a thousand
    assert 3.0 < tenth < 3.7
    assert "reproduces bulk, margins' tails and joint tails" in choice.verdict[1]


def test_heavy_tails_get_a_model_that_has_them():
    choice = choose(1e6 + 3e4 * student(450, 2, 2.5), methods=[*FEW[:2], Method("mvt"), FEW[2]])
    assert choice.name in ("mvt", "copula_gpd")
    assert of(choice, "gaussian")["worst"] > 1.7 * of(choice, choice.name)["worst"]
    far = np.abs(choice.best.sample(20_000)[:, 0] - 1e6) / 3e4
    share = np.mean(far > 13.0)  # 0.0008 of the law, where the Gaussian of its covariance has none
    assert 1e-4 < share < 5e-3


def test_losses_stay_losses():
    """Index below one, a million and more: no sample of the best is below zero."""
    rng = np.random.default_rng(0)
    x = 1e6 * np.stack(
        [rng.pareto(0.8, 400), np.where(rng.random(400) < 0.4, 0, rng.pareto(2, 400))], 1
    )
    choice = choose(x)
    assert choice.name == "copula_gpd" and choice.facts.one_sided
    drawn = choice.best.sample(20_000)
    assert (drawn >= 0).all() and 0.3 < np.mean(drawn[:, 1] == 0) < 0.5
    assert of(choice, "copula_gpd")["outside"] == 0 and of(choice, "gaussian")["outside"] > 0.2
    assert "keep to the bounds of the data; those of gaussian do not" in choice.verdict[2]


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_all_methods_of_the_list_keep_to_bounds_and_atoms(unit, quick, tmp_path):
    """Too few rows for networks; those are behind the same maps."""
    rng = np.random.default_rng(3)
    rain = np.where(rng.random(400) < 0.4, 0.0, rng.pareto(0.8, 400))
    x = unit * np.stack([rain, np.minimum(rng.pareto(2.0, 400), 3.0)], axis=1)
    choice = choose(x, methods=None)
    judged = choice.table.dropna(subset=["worst"])
    assert {"gaussian", "mvt", "copula_gpd", "kde"} <= set(judged["method"])
    assert (judged["outside"] == 0).all()
    choice.save(tmp_path / "m")
    drawn = tailbench.load(tmp_path / "m").sample(20_000, seed=1)
    np.testing.assert_array_equal(drawn, choice.best.sample(20_000, seed=1))
    assert drawn.min() == 0.0 and drawn[:, 1].max() == 3.0 * unit
    for j, atom in ((0, 0.0), (1, 3.0 * unit)):
        share = np.mean(x[:, j] == atom)  # within four standard errors of 400 rows
        error = 4 * math.sqrt(share * (1 - share) / 400)
        assert np.mean(drawn[:, j] == atom) == pytest.approx(share, abs=error)


def test_where_no_method_keeps_to_the_bounds_the_best_is_said_not_to(quick):
    x = np.abs(student(300, 1, 3))
    choice = choose(x, methods=[Method("bootstrap"), Method("gaussian")])
    assert choice.name == "gaussian" and "are beyond a bound of the data" in choice.verdict[-1]


def test_one_column(quick):
    choice = choose(student(300, 1, 2.0)[:, 0])
    assert choice.name != "gaussian" and choice.best.sample(5).shape == (5, 1)
    assert choice.table["joint"].isna().all() and "joint" not in " ".join(choice.verdict)


def test_the_copy_of_the_rows_is_never_chosen(quick):
    choice = choose(student(300, 2, 1.5), methods=[Method("bootstrap"), Method("gaussian")])
    assert choice.name == "gaussian" and of(choice, "bootstrap")["role"] == "control"
    assert of(choice, "bootstrap")["worst"] < of(choice, "gaussian")["worst"]
    assert "does not reproduce bulk (" in choice.verdict[1]


def test_real_returns():
    x, columns = Returns().read()
    frame = pd.DataFrame(x[:400], columns=list(columns))
    frame.insert(0, "day", pd.date_range("1999-01-05", periods=400))
    choice = choose(frame)
    assert choice.columns == columns and choice.facts.order == "rising"
    assert choice.name != "bootstrap" and math.isfinite(of(choice, choice.name)["worst"])
    assert len(choice.best.sample(10)[0]) == 3


class Spy(Method):
    """A Gaussian that keeps what it was fitted on."""

    seen: ClassVar[list] = []

    def build(self, steps=None):
        model = super().build(steps)
        fit = model.fit
        model.fit = lambda x, **options: (self.seen.append(x), fit(x, **options))[1]
        return model


def held_out_rows(frame, **options):
    """The positions of the first held-out fold, by values that rise with the row."""
    Spy.seen = []
    choose(frame, methods=[Spy("gaussian")], **options)
    every = frame["x"].to_numpy()
    return np.flatnonzero(~np.isin(every, Spy.seen[0][:, 0]))


def test_blocks_are_held_out_where_there_are_dates(quick):
    rng = np.random.default_rng(0)
    plain = pd.DataFrame({"x": rng.standard_normal(150), "y": rng.standard_normal(150)})
    dated = plain.assign(day=pd.date_range("2020", periods=150))
    blocks = list(range(50))
    assert held_out_rows(dated).tolist() == blocks
    assert held_out_rows(plain, ordered=True).tolist() == blocks
    assert held_out_rows(plain).tolist() != blocks
    assert held_out_rows(dated, ordered=False).tolist() != blocks


class Ticking:
    """A clock that every look takes a tenth of a second of."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.1
        return self.now


@pytest.mark.slow
def test_a_network_is_trained_saved_and_sampled(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(search, "MOST_STEPS", 100)
    methods = [Method("bootstrap"), Method("fm", NETWORK, trained=True)]
    frame = pd.DataFrame(student(300, 2, 3), columns=["fire", "storm"])
    choice = choose(frame, methods=methods, budget=60.0, clock=Ticking())
    assert choice.name == "fm"
    assert of(choice, "fm")["steps"] == choice.best.settings.train_steps == 100
    choice.save(tmp_path / "m")
    assert source_of(tmp_path / "m").columns == ("fire", "storm")
    loaded = tailbench.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.sample(50, seed=3), choice.best.sample(50, seed=3))
    written = pd.read_csv(tmp_path / "m" / "choice.csv")
    assert written["method"].tolist() == ["bootstrap", "fm"]
    np.testing.assert_allclose(written["worst"], choice.table["worst"])


def test_equal_seeds_give_equal_choices(quick):
    x = student(300, 2, 3)
    one, again, other = (choose(x, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one.table, again.table)
    np.testing.assert_array_equal(one.best.sample(5), again.best.sample(5))
    assert not one.table["worst"].equals(other.table["worst"])


def test_a_folder_is_written_whole_or_not(tmp_path, monkeypatch, quick):
    choice = choose(student(150, 1, 3), methods=[Method("gaussian")])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds no earlier choice"):
        choice.save(tmp_path / "mine")
    choice.save(tmp_path / "m")
    choice.save(tmp_path / "m")  # an earlier choice is replaced
    before = {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir()}

    def interrupted(path):
        (path / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(choice.best, "save", interrupted)
    for folder in ("m", "new"):
        with pytest.raises(KeyboardInterrupt):
            choice.save(tmp_path / folder)
    assert {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "mine"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((0, 2)), {}, "must have rows"),
        (student(100, 1, 3), {}, "100 rows are too few .*; 120 are needed"),
        (student(200, 1, 3), {"budget": 0}, "must be a positive number of seconds, not 0"),
        (student(200, 1, 3), {"budget": math.nan}, "must be a positive number of seconds"),
        (student(200, 1, 3), {"columns": ["x"]}, r"has no column 'x' \(known: 0\)"),
        (student(200, 1, 3), {"methods": [Method("bootstrap")]}, "no method could be fitted"),
        (np.where(student(200, 1, 3) > 2, np.nan, student(200, 1, 2)), {}, "has missing values"),
    ],
)
def test_what_cannot_be_used_is_said(quick, data, options, message):
    with pytest.raises(InputError, match=message):
        choose(data, **options)
