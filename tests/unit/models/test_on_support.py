"""Models on the support of the data: shares of atoms, joint ones, tails, and off to the bit."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tailbench import MVT, SGM, Bootstrap, CopulaGPD, Flow, FlowSGM, Gaussian, OnSupport, load
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError, NotFittedError
from tailbench.models.on_support import OnSupport as Home
from tailbench.models.persistence import load_method

POSITIVE = {0: (0, math.inf), 1: (0, "inf")}
TINY = {"train_steps": 300, "batch_size": 256, "width": 32, "num_blocks": 1, "verbose": False}
DRY, XI = 0.7, 1 / 3


def dry_days(n, seed=0, rho=0.7):
    """Two columns, zero with probability 0.7, else generalised Pareto, of a Gaussian copula."""
    w = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    u = stats.norm.cdf(w)
    amount = stats.genpareto(XI, scale=5.0).ppf(np.clip((u - DRY) / (1 - DRY), 0, 1))
    return np.where(u > DRY, amount, 0.0)


@pytest.fixture(scope="module")
def x():
    return dry_days(4000)


def share_error(p, *sizes):
    """Four standard errors of the difference of two shares."""
    return 4.0 * math.sqrt(p * (1 - p) * sum(1 / n for n in sizes))


MODELS = {
    "bootstrap": Bootstrap(verbose=False),
    "copula_gpd": CopulaGPD(verbose=False),
    "mvt": MVT(verbose=False),
    "sgm": SGM(device="cpu", **TINY),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request, x):
    made = OnSupport(MODELS[request.param], support=POSITIVE, atoms="auto", verbose=False)
    return made.fit(x, seed=0)


def test_the_share_of_dry_days_is_that_of_the_data(fitted, x):
    samples = fitted.sample(4000, seed=1)
    assert samples.min() == 0.0
    for j in (0, 1):
        tolerance = share_error(DRY, 4000, 4000)
        assert np.mean(samples[:, j] == 0) == pytest.approx(np.mean(x[:, j] == 0), abs=tolerance)
    both = np.mean((x == 0).all(axis=1))  # 0.59, and 0.49 of independent columns
    tolerance = share_error(both, 4000, 4000)
    assert np.mean((samples == 0).all(axis=1)) == pytest.approx(both, abs=tolerance)


def test_the_amounts_keep_their_law(fitted, x):
    """Quantiles of wet days, within the error of the order statistics of both."""
    samples = fitted.sample(4000, seed=1)
    for j in (0, 1):
        wet, drawn = (y[y[:, j] > 0, j] for y in (x, samples))
        for p in (0.25, 0.5, 0.75, 0.9):
            error = share_error(p, len(wet), len(drawn))
            error += 0.05 if fitted.name == "sgm" else 0.0  # of 300 steps
            low, high = np.quantile(wet, np.clip([p - error, p + error], 0, 1))
            assert low <= np.quantile(drawn, p) <= high


def test_the_tail_has_the_index_that_the_model_has_on_the_line(x):
    """Of the fitted law itself, far out, where its quantiles are known."""
    model = OnSupport(MVT(nu=2.0, verbose=False), support=POSITIVE, atoms="auto", verbose=False)
    law = model.fit(x).model.law_of(model.model.states[0])
    z = law.loc[:, None] + np.sqrt(np.diag(law.scatter))[:, None] * stats.t(2.0).isf([1e-9, 1e-12])
    far = np.log(model.maps[0].to_data(z.T))
    assert (far[1] - far[0]) / math.log(1e3) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_model_of_one_column_and_of_large_values():
    rng = np.random.default_rng(0)
    x = np.where(rng.random((2000, 1)) < 0.4, 0.0, 1e6 * rng.pareto(0.7, (2000, 1)))
    model = OnSupport(MVT(verbose=False), support="auto", atoms="auto", verbose=False).fit(x)
    samples = model.sample(2000, seed=0)
    assert samples.min() == 0.0
    assert np.mean(samples == 0) == pytest.approx(np.mean(x == 0), abs=share_error(0.4, 2000, 2000))


@pytest.mark.parametrize("support", [(0, math.inf), (-math.inf, 0), (0, 7)])
def test_no_sample_leaves_the_support(support):
    rng = np.random.default_rng(0)
    x = rng.pareto(1.2, (1000, 2)) + 1e-3
    x = np.minimum(x, 6.9) if support[1] == 7 else x
    x = -x if support[1] == 0 else x
    for model in (MVT(verbose=False), CopulaGPD(verbose=False)):
        made = OnSupport(model, support={0: support, 1: support}, verbose=False).fit(x)
        samples = made.sample(20_000, seed=0)
        assert (samples >= support[0]).all() and (samples <= support[1]).all()


def test_without_bounds_and_atoms_it_is_the_model_to_the_bit():
    y = np.random.default_rng(0).standard_t(3, (500, 2))
    for model in (MODELS["mvt"], SGM(device="cpu", **{**TINY, "train_steps": 20})):
        plain = type(model)(**model.get_params(deep=False)).fit(y, seed=3).sample(100, seed=4)
        made = OnSupport(model, support="auto", atoms="auto", verbose=False).fit(y, seed=3)
        assert np.array_equal(made.sample(100, seed=4), plain)


def test_it_is_saved_and_loaded(fitted, tmp_path, x):
    fitted.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, Home)
    assert np.array_equal(again.sample(64, seed=5), fitted.sample(64, seed=5))
    with pytest.raises(InputError, match=r"on the support of its data: read it by tailbench\.load"):
        type(fitted.model).load(tmp_path / "model")
    assert (Home.load(tmp_path / "model").sample(8, seed=0) >= 0).all()


def test_a_loaded_model_is_fitted_again_behind_the_same_bounds(tmp_path, x):
    columns = ["rain", "gust"]
    frame = pd.DataFrame(np.stack([x[:, 0], 1.0 + x[:, 1]], axis=1)[:1000], columns=columns)
    made = OnSupport(MVT(verbose=False), support={"gust": [0.5, None]}, atoms="auto", verbose=False)
    made.fit(frame).save(tmp_path / "named")
    again = load(tmp_path / "named")
    assert again.support == {"gust": (0.5, math.inf)} and again.atoms == "auto"
    assert np.array_equal(
        again.fit(frame, verbose=False).sample(50, seed=1), made.sample(50, seed=1)
    )
    block = np.stack([x[:500], np.minimum(x[500:1000], 3.0)])
    OnSupport(MVT(verbose=False), support="auto", verbose=False).fit(block).save(tmp_path / "block")
    assert load(tmp_path / "block").support == "auto"


def test_a_model_without_maps_is_saved_as_it_is(tmp_path):
    y = np.random.default_rng(0).standard_t(3, (500, 2))
    OnSupport(MVT(verbose=False), atoms="auto", verbose=False).fit(y).save(tmp_path / "model")
    assert isinstance(load(tmp_path / "model"), MVT)
    assert isinstance(Home.load(tmp_path / "model"), Home)


def test_blocks_and_seeds_of_them(x):
    block = np.stack([x[:1000], x[1000:2000]])
    made = OnSupport(CopulaGPD(verbose=False), atoms="auto", verbose=False).fit(block, seed=0)
    samples = made.sample(500, seed=0)
    assert samples.shape == (2, 500, 2) and made.num_seeds == 2 and made.dim == 2
    one = made.of_seed(1)
    share = np.mean(block[1] == 0)
    assert np.mean(one.sample(4000) == 0) == pytest.approx(share, abs=share_error(DRY, 4000))


def test_data_frames_name_the_columns(x):
    frame = pd.DataFrame(x[:1000], columns=["here", "there"])
    made = OnSupport(MVT(verbose=False), support={"there": [0, None]}, verbose=False).fit(frame)
    samples = made.sample(100, seed=0)
    assert list(samples.columns) == ["here", "there"] and samples["there"].min() == 0
    assert made.maps[0].columns[0] is None
    with pytest.raises(InputError, match=r"no column 'there2'.*'there'"):
        OnSupport(MVT(verbose=False), support={"there2": [0, 1]}).fit(frame)
    with pytest.raises(InputError, match=r"column 'here' .* beyond its support \[1, inf\], in row"):
        OnSupport(MVT(verbose=False), support={"here": [1, None]}).fit(frame)


def test_the_model_stays_as_it_is(x):
    model = MVT(verbose=False)
    made = OnSupport(model, atoms="auto", verbose=False)
    with pytest.raises(NotFittedError):
        made.sample(3)
    made.fit(x)
    with pytest.raises(NotFittedError):
        model.sample(3)
    with pytest.raises(InputError, match="images"):
        made.fit(x, images=ImageLayout((1, 1, 2), (), False))
    assert made.sample(3, seed=1).shape == (3, 2)


def test_a_refined_flow_is_put_together_behind_its_maps(x, tmp_path):
    small = {"train_steps": 10, "batch_size": 64}
    parts = {
        "flow": {"layers": 1, "bins": 4, "width": 16, **small},
        "sgm": {"width": 16, "num_blocks": 1, **small},
    }
    quiet = {"device": "cpu", "verbose": False}
    made = {"flow": Flow(**quiet, **parts["flow"]), "sgm": SGM(**quiet, **parts["sgm"])}
    for name, model in made.items():
        OnSupport(model, atoms="auto", verbose=False).fit(x[:500], seed=1).save(tmp_path / name)
    whole = load_method("flow_sgm", {name: [tmp_path / name] for name in made}, "cpu")
    assert isinstance(whole, Home) and isinstance(whole.model, FlowSGM)
    samples = whole.sample(200, seed=0, sigma_T=2.0, sampling_steps=4)
    assert samples.shape == (200, 2) and samples.min() == 0.0
    OnSupport(made["sgm"], atoms="auto", verbose=False).fit(x[500:999]).save(tmp_path / "sgm")
    with pytest.raises(InputError, match="behind other supports or atoms"):
        load_method("flow_sgm", {name: [tmp_path / name] for name in made}, "cpu")
    made["sgm"].fit(x[:500]).save(tmp_path / "sgm")
    with pytest.raises(InputError, match="behind other supports or atoms"):
        load_method("flow_sgm", {name: [tmp_path / name] for name in made}, "cpu")


def test_settings():
    with pytest.raises(ValueError, match="not below"):
        OnSupport(MVT(), support={0: (1, 0)})
    with pytest.raises(InputError, match="model is required to be a model of tailbench, and is 3"):
        OnSupport(3)
    made = OnSupport(MVT(), support="auto", atoms="auto")
    assert made.get_params(deep=False)["support"] == "auto" and made.name == "mvt"
    assert "Settings, by keyword" not in OnSupport.__doc__
    with pytest.raises(InputError, match="leave the method out"):
        made.supply({"target": None})


# density


def columns():
    """One column each: values, support, and the places between which a density has a mass."""
    rng = np.random.default_rng(5)
    pareto = rng.pareto(0.9, 3000) + 1e-3
    return {
        "losses": (pareto, (0, math.inf), (1e-9, 0.1, 1.0, 10.0, 1e6)),
        "a million": (1e6 * pareto, (0, math.inf), (1e-3, 1e5, 1e6, 1e9)),
        "an offset": (1e6 + pareto, (1e6, math.inf), 1e6 + np.array([1e-4, 0.5, 2.0, 1e3])),
        "debts": (-pareto, (-math.inf, 0), (-1e5, -10.0, -1.0, -1e-6)),
        "shares": (rng.beta(0.7, 2.0, 3000), (0, 1), (1e-6, 0.1, 0.6, 0.999)),
        "dry days": (dry_days(3000)[:, 0], (0, math.inf), (1e-9, 2.0, 20.0, 1e4)),
        "capped": (np.minimum(dry_days(3000)[:, 0], 9), (0, 9), (1e-9, 2.0, 5.0, 9.0 - 1e-9)),
    }


COLUMNS = columns()


def law_on_the_line(model):
    """The distribution function of the fitted law, in closed form."""
    state = model.model.states[0]
    if model.name == "mvt":
        spread = math.sqrt(float(np.asarray(state["scatter"]).item()))
        return lambda z: stats.t(float(state["nu"])).cdf((z - state["loc"].item()) / spread)
    return lambda z: stats.norm.cdf((z - state["mean"].item()) / abs(state["root"].item()))


def on_the_line(model, x):
    (one,) = model.maps[0].columns
    x = np.asarray(x, float)
    return one.to_line(x) if hasattr(one, "scale") else one.to_line(x, np.full(len(x), 0.5))


@pytest.mark.parametrize("make", [Gaussian, MVT])
@pytest.mark.parametrize("name", COLUMNS)
def test_the_density_has_the_mass_of_the_law(make, name):
    """Integrals between places, against the distribution function of the law on the line."""
    x, support, places = COLUMNS[name]
    model = OnSupport(make(verbose=False), support={0: support}, atoms="auto", verbose=False)
    law = law_on_the_line(model.fit(x[:, None]))
    bound = support[0] if math.isfinite(support[0]) else support[1]
    for low, high in itertools.pairwise(places):
        ends = sorted([abs(low - bound), abs(high - bound)])
        grid = bound + math.copysign(1, low - bound) * np.geomspace(*ends, 20_001)
        density = np.exp(model.log_prob(0.5 * (grid[1:] + grid[:-1])[:, None]))
        mass = law(on_the_line(model, [high])) - law(on_the_line(model, [low]))
        assert float(density @ np.abs(np.diff(grid))) == pytest.approx(mass[0], rel=2e-3, abs=1e-6)


def test_the_density_of_two_columns_is_that_of_the_line_times_both_slopes():
    rng = np.random.default_rng(3)
    x = np.abs(rng.standard_t(2.0, (2000, 2))) * [1.0, 1e3]
    model = OnSupport(MVT(verbose=False), support=POSITIVE, verbose=False).fit(x)
    maps, rows, h = model.maps[0], x[:50], 1e-6 * x[:50]
    rng = np.random.default_rng(0)
    steps = maps.to_line(rows + h, rng) - maps.to_line(rows - h, rng)
    expected = model.model.log_prob(maps.to_line(rows, rng)) + np.log(steps / (2 * h)).sum(axis=1)
    np.testing.assert_allclose(model.log_prob(rows), expected, atol=1e-5)
    assert np.array_equal(model.score_samples(rows), model.log_prob(rows))
    assert model.score(rows) == pytest.approx(expected.mean(), abs=1e-5)
    outside = model.log_prob([[-1.0, 5.0], [1.0, -1e-300], [0.0, 1.0], [1.0, 1e9]])
    assert np.isneginf(outside[:3]).all() and math.isfinite(outside[3])


def test_a_density_far_out_falls_by_the_index_of_the_law():
    x = COLUMNS["losses"][0][:, None]
    model = OnSupport(MVT(nu=1.5, verbose=False), support={0: (0, math.inf)}, verbose=False).fit(x)
    near, far = model.log_prob([[1e8], [1e12]])
    assert (far - near) / math.log(1e4) == pytest.approx(-2.5, abs=1e-3)


def test_the_density_of_data_without_bounds_is_that_of_the_model():
    y = np.random.default_rng(0).standard_t(3, (500, 2))
    plain = MVT(verbose=False).fit(y)
    made = OnSupport(MVT(verbose=False), support="auto", atoms="auto", verbose=False).fit(y)
    assert np.array_equal(made.log_prob(y), plain.log_prob(y))


def test_a_density_of_a_network_and_of_blocks(tmp_path):
    x = np.abs(np.random.default_rng(0).standard_normal((2, 300, 1)))
    small = {"train_steps": 5, "batch_size": 64, "layers": 1, "bins": 4, "width": 8}
    made = OnSupport(Flow(device="cpu", **small), support={0: (0, math.inf)}, verbose=False).fit(x)
    rows = np.linspace(1e-3, 12.0, 60_001)
    values = made.log_prob(np.stack([rows, rows])[..., None])
    assert values.shape == (2, len(rows))
    np.testing.assert_allclose(np.trapezoid(np.exp(values), rows, axis=1), 1.0, atol=0.02)
    made.save(tmp_path / "flow")
    again = load(tmp_path / "flow", device="cpu")
    assert np.array_equal(again.log_prob(x), made.log_prob(x))


def test_rows_without_a_density_and_models_without_one(x):
    frame = pd.DataFrame(x[:1000], columns=["here", "there"])
    made = OnSupport(MVT(verbose=False), atoms="auto", verbose=False)
    with pytest.raises(NotFittedError):
        made.log_prob(frame)
    made.fit(frame)
    with pytest.raises(InputError, match=r"column 'here' has the value 0, which has a probability"):
        made.log_prob(frame)
    wet = frame[(frame > 0).all(axis=1)]
    assert np.isfinite(made.log_prob(wet)).all()
    with pytest.raises(InputError, match="features"):
        made.log_prob(np.zeros((3, 3)))
    for name in ("log_prob", "score_samples", "score"):
        assert not hasattr(OnSupport(Bootstrap()), name) and hasattr(OnSupport(MVT()), name)
