"""The flow: which tails it gives to which column, and how far they reach."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from tailbench.exceptions import InputError
from tailbench.models.flow import Flow, FlowSampling, FlowSettings
from tailbench.rng.streams import Streams
from tailbench.stats.tail_index import estimate_side
from tailbench.training.context import SampleContext

QUARTILE = 0.6744897501960817


def cauchy(n=20_000):
    """The quantiles of a standard Cauchy law, the largest about 12,700."""
    return np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))


def normal(n=20_000, seed=0):
    return np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize("tails", ["auto", "ttf", "student", "none"])
def test_choice_of_tails(fitted, tails):
    model = fitted(f"flow {tails}")
    shape, student = model.constants["shape"], model.constants["student"]
    assert model.info["tails"]["mode"] == tails
    for e, rows in enumerate(model.info["tails"]["per_seed"]):
        assert [row["tail"] for row in rows] == ["heavy", "light"]
        assert [row["column"] for row in rows] == [0, 1]
        xi = [row["xi"] for row in rows]
        given = [max(xi[0], 0.05), max(xi[1], 0.05)] if tails == "ttf" else [xi[0], 0.0]
        expected = {"auto": (given, [0, 0]), "ttf": (given, [0, 0]), "student": ([0, 0], given)}
        exact = expected.get(tails, ([0.0, 0.0], [0.0, 0.0]))
        assert shape[e].tolist() == pytest.approx(exact[0])
        assert student[e].tolist() == pytest.approx(exact[1])
        assert [row["lambda"] for row in rows] == pytest.approx(
            [s + t for s, t in zip(*exact, strict=True)]
        )


@pytest.mark.parametrize("tails", ["auto", "student"])
@pytest.mark.parametrize("seed", range(3))
def test_only_heavy_columns_get_tails(tails, seed):
    """Whatever the permutations of the couplings: the heavy column is the second."""
    x = np.stack(
        [normal(4000), stats.t.ppf((np.arange(4000) + 0.5) / 4000, 1.5), normal(4000, 1)], 1
    )
    model = Flow(device="cpu", tails=tails, train_steps=5, layers=1, width=8).fit(
        x, seed=seed, verbose=False
    )
    y = np.abs(model.sample(4000, seed=0))
    assert y[:, 1].max() > 30.0
    assert y[:, [0, 2]].max() < 8.0


@pytest.mark.parametrize(("tails", "reach"), [("auto", True), ("ttf", True), ("none", False)])
def test_how_far_samples_reach(tails, reach):
    """Cauchy data with values above 1e4: a flow with tails goes beyond 1e3, a plain one cannot."""
    model = Flow(device="cpu", tails=tails, train_steps=20, layers=1, width=8)
    y = np.abs(model.fit(cauchy()[:, None], verbose=False).sample(20_000, seed=0))
    assert bool(y.max() > 1e3) is reach
    if reach:  # P(|x| > 1e3) = 6.4e-4 exactly
        assert 1e-4 < (y > 1e3).mean() < 3e-3


def test_the_student_base_reaches_too():
    model = Flow(device="cpu", tails="student", train_steps=20, layers=1, width=8)
    y = np.abs(model.fit(cauchy()[:, None], verbose=False).sample(20_000, seed=0))
    assert y.max() > 1e3


def test_each_side_has_its_own_tail(tmp_path):
    """A power law of index 1 above, an exponential below: quartiles kept, indices per side."""
    n = 20_000
    rng = np.random.default_rng(0)
    up = rng.uniform(size=n) < 0.5
    x = 5.0 + np.where(up, rng.pareto(1.0, n), -rng.standard_exponential(n))[:, None]
    model = Flow(device="cpu", tails="ttf_sides", train_steps=20, layers=1, width=8)
    model.fit(x, verbose=False)
    ((row,),) = model.info["tails"]["per_seed"]
    assert row["lambda"] == pytest.approx(1.0, abs=0.1) and row["lambda_low"] < 0.15
    y = model.sample(n, seed=0)[:, 0]
    median = np.median(y)
    high, low = (estimate_side(side[side > 0]) for side in (y - median, median - y))
    assert high.xi == pytest.approx(1.0, abs=0.15) and low.xi < 0.25
    spread = np.subtract(*np.quantile(y, [0.75, 0.25])) / np.subtract(*np.quantile(x, [0.75, 0.25]))
    assert spread == pytest.approx(1.0, abs=0.15)
    model.save(tmp_path)
    loaded = Flow.load(tmp_path, device="cpu")
    assert np.array_equal(loaded.sample(50, seed=0), model.sample(50, seed=0))
    points = x[:20]
    assert np.array_equal(loaded.log_prob(points), model.log_prob(points))


def test_learned_degrees_are_told_and_saved(tmp_path):
    """Each column's own, from the estimates on; samples have them."""
    x = np.stack([cauchy(), normal()], axis=1)
    model = Flow(device="cpu", tails="student_learned", train_steps=60, layers=1, width=8)
    model.fit(x, verbose=False)
    (rows,) = model.info["tails"]["per_seed"]
    (index,) = model.base_index()
    assert [row["lambda"] for row in rows] == pytest.approx(index.tolist())
    assert index[0] == pytest.approx(1.0, abs=0.3) and index[1] < 0.2
    start = model.constants["student"].numpy()[0]
    assert np.abs(index - start).max() > 1e-4
    y = np.abs(model.sample(20_000, seed=0))
    assert y[:, 0].max() > 1e3 > 100 > y[:, 1].max()
    model.save(tmp_path)
    loaded = Flow.load(tmp_path, device="cpu")
    assert np.array_equal(loaded.base_index(), model.base_index())
    assert np.array_equal(loaded.sample(50, seed=0), model.sample(50, seed=0))


def test_linear_layers_leave_light_columns_light(tmp_path):
    """A heavy column that leans on a light one: the light one stays light, also when loaded."""
    heavy, light = cauchy(), normal()
    x = np.stack([heavy + 2.0 * light, light], axis=1)
    model = Flow(device="cpu", tails="student", mixing="linear", train_steps=150, layers=1, width=8)
    model.fit(x, verbose=False)
    y = model.sample(20_000, seed=0)
    assert np.abs(y[:, 0]).max() > 1e3 > 20 > np.abs(y[:, 1]).max()
    middle = np.abs(y[:, 0]) < 3.0
    assert np.corrcoef(y[middle].T)[0, 1] > 0.3
    assert np.isfinite(model.log_prob(1e6 * x)).all()
    model.save(tmp_path)
    loaded = Flow.load(tmp_path, device="cpu")
    assert np.array_equal(loaded.sample(50, seed=0), model.sample(50, seed=0))


@pytest.mark.parametrize("tails", ["auto", "ttf", "ttf_sides"])
def test_linear_layers_are_refused_before_a_tail_transform(tails):
    with pytest.raises(ValueError, match=f"mixing: linear goes with .* not {tails}"):
        Flow(tails=tails, mixing="linear")


def test_a_semi_heavy_base_is_learned_told_and_saved(tmp_path):
    """Skewed data of exponential tails: the base leans, the tails stay light, a file keeps it."""
    rng = np.random.default_rng(0)
    x = np.stack([lean_draws(rng, 2000), rng.standard_normal(2000)], axis=1)
    model = Flow(device="cpu", tails="nig", train_steps=80, layers=1, width=8)
    model.fit(x, verbose=False)
    (rows,) = model.info["tails"]["per_seed"]
    assert all(row["lambda"] == 0.0 for row in rows) and (model.base_index() == 0.0).all()
    lean, light = (row["nig"] for row in rows)
    assert lean["skewness"] > 0.05 > abs(light["skewness"]) - 0.1
    assert light["steepness"] > lean["steepness"] > 0
    held_out = np.stack([lean_draws(rng, 2000), rng.standard_normal(2000)], axis=1)
    gaussian = Flow(device="cpu", tails="none", train_steps=80, layers=1, width=8)
    gaussian.fit(x, verbose=False)
    assert model.score(held_out) > gaussian.score(held_out)
    model.save(tmp_path)
    loaded = Flow.load(tmp_path, device="cpu")
    assert np.array_equal(loaded.sample(50, seed=0), model.sample(50, seed=0))
    assert np.isfinite(model.log_prob(np.full((1, 2), 1e6))).all()


def lean_draws(rng, n):
    """Draws of the law that the test above has for its first column."""
    mixing = rng.wald(1.0, 1.0, n)
    return 1.5 * mixing + np.sqrt(mixing) * rng.standard_normal(n)


def test_scaled_data_give_scaled_samples(block, small):
    huge = 2.0**20
    for tails in ("auto", "student"):
        one = Flow(device="cpu", tails=tails, **small["flow"]).fit(block, verbose=False)
        other = Flow(device="cpu", tails=tails, **small["flow"]).fit(huge * block, verbose=False)
        np.testing.assert_allclose(
            other.sample(50, seed=0), huge * one.sample(50, seed=0), rtol=1e-5
        )


@pytest.mark.parametrize("tails", ["auto", "ttf", "none"])
def test_the_tail_layer_keeps_the_quartiles(fitted, tails):
    """A standard Gaussian's quartiles go to those of the data, whatever the shape."""
    model = fitted(f"flow {tails}")
    z = torch.tensor([-QUARTILE, 0.0, QUARTILE], dtype=torch.float64)
    found = model.module.tail(z.view(1, 3, 1).expand(2, 3, 2)).numpy()
    widths = found[:, 2] - found[:, 0]
    plain = fitted("flow none")
    np.testing.assert_allclose(found[:, 1], plain.constants["location"].numpy())
    np.testing.assert_allclose(widths, 2 * QUARTILE * plain.constants["scale"].numpy(), rtol=1e-9)


def test_log_density(fitted, tables, block):
    model, table = fitted("flow auto"), tables("flow auto")
    assert model.log_prob(block).shape == (2, 300)
    assert table.log_prob(block[0]).shape == (300,)
    np.testing.assert_allclose(model.log_prob(block)[0], table.log_prob(block[0]), rtol=1e-4)
    with pytest.raises(RuntimeError, match="has not been fitted"):
        Flow().log_prob(block)


@pytest.mark.parametrize("tails", ["auto", "student", "none"])
def test_the_density_of_a_fitted_flow_integrates_to_one(tails):
    x = stats.t.ppf((np.arange(2000) + 0.5) / 2000, 2.0)[:, None]
    model = Flow(device="cpu", tails=tails, train_steps=30, layers=1, width=8).fit(x, verbose=False)
    v = np.linspace(-30.0, 30.0, 20_001)
    density = np.exp(model.log_prob(np.sinh(v)[:, None]))
    assert integrate.trapezoid(density * np.cosh(v), v) == pytest.approx(1.0, abs=1e-3)


def test_the_density_falls_as_the_estimated_index_says():
    model = Flow(device="cpu", train_steps=20, layers=1, width=8).fit(
        cauchy()[:, None], verbose=False
    )
    (row,) = model.info["tails"]["per_seed"][0]
    slope = np.diff(model.log_prob(np.array([[1e12], [1e14]])))[0] / math.log(100.0)
    assert slope == pytest.approx(-(row["index"] + 1.0), rel=1e-6)
    assert row["index"] == pytest.approx(1.0, rel=0.1)


def test_training_with_noise_sees_noisy_data(fitted, block):
    """The loss is that of a clean batch to which the noise has been added."""
    model = fitted("flow noise")
    module = model.module
    batch = torch.from_numpy(block[:, :50])
    noise = 0.5 * torch.from_numpy(
        np.subtract(*np.quantile(block, [0.75, 0.25], axis=1)) / (2.0 * QUARTILE)
    )
    torch.testing.assert_close(model.constants["noise"], noise)
    streams = Streams([1, 2], torch.device("cpu"), "x")
    noisy = batch + noise.unsqueeze(1) * streams.randn(50, 2)
    expected = module.loss(module.latents(noisy).float(), streams.randn(50, 2))
    found = model._loss(module, batch, Streams([1, 2], torch.device("cpu"), "x"))
    torch.testing.assert_close(found.double(), expected.double(), rtol=1e-4, atol=1e-5)


def test_noise_widens_the_samples():
    """A flow of Gaussian data at noise 2 has a standard deviation of sqrt(1 + 2^2)."""
    x = normal(4000)[:, None]
    model = Flow(device="cpu", noise=2.0, train_steps=150, layers=1, width=8).fit(x, verbose=False)
    assert model.sample(4000, seed=0).std() == pytest.approx(math.sqrt(5.0), rel=0.06)


def test_samples_cost_one_evaluation(fitted):
    drawn = fitted("flow auto").sample_block(10, FlowSampling(), SampleContext([1, 2]))
    assert drawn.nfe == 1


def test_samples_that_are_not_finite_are_an_error(fitted, monkeypatch):
    model = fitted("flow auto")
    broken = model._select([0])
    broken.forward = lambda z: torch.full_like(z[..., 1:], torch.inf)
    monkeypatch.setattr(model, "_select", lambda positions: broken)
    with pytest.raises(FloatingPointError, match="toy: a sample is not finite"):
        model.sample_block(10, FlowSampling(), SampleContext([1, 2], "toy"))


@pytest.mark.parametrize("tails", ["auto", "none"])
def test_too_few_rows_for_a_tail(tails):
    with pytest.raises(InputError, match="column 0 of the data: a tail cannot be estimated"):
        Flow(device="cpu", tails=tails, train_steps=1).fit(normal(20)[:, None], verbose=False)


def test_half_of_the_values_equal():
    x = np.where(np.arange(1000) % 2, normal(1000), 0.0)[:, None]
    y = (
        Flow(device="cpu", train_steps=20, layers=1, width=8)
        .fit(x, verbose=False)
        .sample(500, seed=0)
    )
    assert np.isfinite(y).all() and 0.2 < y.std() < 5.0


def test_settings_are_bounded():
    assert FlowSettings().tails == "auto"
    for bad in ({"tails": "heavy"}, {"noise": -1.0}, {"bins": 1}, {"tail_fraction": 0.6}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            FlowSettings(**bad)
