"""Flow matching: closed forms, bases, pairs, and heavy tails of every kind."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.special import ndtri

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.margins.softlog import SoftLog
from tailbench.models.fm import FM, FMSampling
from tailbench.models.preprocessing import robust_units
from tailbench.rng.streams import Streams
from tailbench.stats.tail_index import estimate_side, estimate_tail
from tailbench.training.context import SampleContext

CPU = torch.device("cpu")
TINY = {"train_steps": 40, "batch_size": 64, "width": 16, "num_blocks": 1, "validate_every": 20}
QUARTILE = 0.6744897501960817


def grid(n):
    """Levels of equal distance."""
    return (np.arange(n) + 0.5) / n


def cauchy(n, seed=0, dim=1):
    """A Cauchy sample whose quantiles are exact, in every column in another order."""
    rng = np.random.default_rng(seed)
    q = np.tan(np.pi * (grid(n) - 0.5))
    return np.stack([rng.permutation(q) for _ in range(dim)], axis=1)


class CauchyBase(FM):
    """From a Cauchy base of half the scale of Cauchy data in robust units."""

    def _base(self, positions):
        half = 0.5 * QUARTILE
        return lambda gaussian, uniform: half * (torch.pi * (uniform(1) - 0.5)).tan()

    def _kernel(self, positions, dim):
        return lambda square: -(square / (0.5 * QUARTILE) ** 2).log1p()


class NarrowBase(FM):
    """From Gaussians of deviation one half."""

    def _base(self, positions):
        return lambda gaussian, uniform: 0.5 * gaussian()

    def _kernel(self, positions, dim):
        return lambda square: -2.0 * square


def velocity(model, x, t):
    module = model._select([0])
    with torch.no_grad():
        points = torch.from_numpy(x).view(1, -1, 1)
        return module(points, torch.full((1, 1, 1), t, dtype=torch.float64)).flatten().numpy()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "alpha", "damping", "bound"),
    [(NarrowBase, 2.0, 0.0, 0.03), (CauchyBase, 1.0, 1.0, 0.2)],
)
def test_learns_the_velocity_between_stable_laws(cls, alpha, damping, bound):
    """Closed form between stable laws of one index, in the central 99 %.

    Between Cauchy laws the error of a single pair has no variance but by its weight, and networks
    fit worse by the mean over a batch: docs/models.md.
    """
    n = 20_000
    rng = np.random.default_rng(0)
    if alpha == 2.0:
        y, base = ndtri(grid(n))[:, None], 0.5 * rng.standard_normal(n)
    else:
        y, base = cauchy(n), 0.5 * QUARTILE * cauchy(n, 1)[:, 0]
    network = {"train_steps": 2000, "width": 64, "num_blocks": 2}
    model = cls(device="cpu", damping=damping, batch_mean=alpha == 2.0, **network)
    model.fit(y, verbose=False)
    z = rng.permutation((y / model.constants["scale"].numpy())[:, 0])
    wrong = size = 0.0
    for t in (0.1, 0.3, 0.5, 0.7, 0.9):
        x = (1 - t) * base + t * z
        low, high = np.quantile(x, [0.005, 0.995])
        x = x[(x > low) & (x < high)]
        up, down = t ** (alpha - 1), (1 - t) ** (alpha - 1) * 0.5**alpha
        truth = x * (up - down) / (t * up + (1 - t) * down)
        wrong += np.abs(velocity(model, x, t) - truth).mean()
        size += np.abs(truth).mean()
    assert wrong / size < bound
    p = np.array([0.05, 0.25, 0.75, 0.95])
    ratio = np.quantile(model.sample(n), p) / np.quantile(y, p)
    np.testing.assert_allclose(ratio, 1.0, atol=0.06)


@pytest.mark.slow
def test_soft_logarithms_make_laplace_laws_of_pareto_laws():
    """P(|X| > x) = (1 + x)^-a has its quartiles at those of a Gaussian for one a."""
    n, a = 20_000, np.log(2.0) / np.log(1.0 + QUARTILE)
    rng = np.random.default_rng(0)
    y = rng.choice([-1.0, 1.0], (n, 1)) * rng.permutation(grid(n) ** (-1 / a) - 1.0)[:, None]
    model = FM(device="cpu", margins="softlog", train_steps=1000, width=64, num_blocks=2)
    model.fit(y, verbose=False)
    units = robust_units(y[None])
    z = SoftLog.fit(y[None], *units).to_model(torch.from_numpy(model.sample(n))[None], [0])
    p = np.array([0.5, 0.8, 0.95, 0.99])
    expected = -np.log(1.0 - p) / a
    np.testing.assert_allclose(np.quantile(np.abs(z[0, :, 0].numpy()), p), expected, rtol=0.1)


def resampling(y):
    """Flow matching whose base is the law of its data: draws with replacement."""

    class Same(FM):
        def _base(self, positions):
            z = torch.from_numpy(y / self.constants["scale"].numpy())

            def draw(gaussian, uniform):
                return z[(len(z) * uniform(1)[..., 0]).long()]

            return draw

    return Same


def test_pairs_of_one_law_stay_where_they_are():
    """With base and data of one law, pairs by transport are near, and so is the map's end."""
    rng = np.random.default_rng(0)
    y = rng.standard_t(3, (4000, 2))
    y -= np.median(y, axis=0)
    moved = {}
    for coupling in ("independent", "ot"):
        model = resampling(y)(device="cpu", coupling=coupling, **(TINY | {"train_steps": 200}))
        module = model.fit(y, verbose=False)._select([0])
        streams = Streams([3], CPU, "train")
        base, data, _ = model._drawn(module, torch.from_numpy(y[None, :512]), streams)
        moved[coupling] = float((base - data).abs().median())
        assert sorted(data.flatten().tolist()) == sorted(y[:512].flatten().tolist())
        if coupling == "ot":
            with torch.no_grad():
                at_half = module(base, torch.full((1, 1, 1), 0.5, dtype=torch.float64))
            assert float(at_half.abs().median()) < 0.25
    assert moved["ot"] < 0.2 < 0.8 < moved["independent"]


def test_margins_of_the_base_are_those_of_the_data():
    """Each column and side has its own index; and columns are independent."""
    n = 20_000
    rng = np.random.default_rng(0)
    y = np.stack([rng.pareto(0.8, n), 1e6 * rng.standard_t(2, n), rng.standard_normal(n)], axis=1)
    y[:, 2] += 1e-6 * y[:, 1]
    model = FM(device="cpu", base="margins", **(TINY | {"train_steps": 5})).fit(y, verbose=False)
    module = model._select([0])
    streams = Streams([3], CPU, "train")
    base = module.base(lambda: streams.randn(n, 3), lambda *s: streams.uniform(n, *s))
    x = model.margins.to_data(base, [0])[0].numpy()
    assert x[:, 0].min() >= 0.0
    for j, index in ((0, 0.8), (1, 2.0)):
        found = estimate_side(x[x[:, j] > np.median(x[:, j]), j] - np.median(x[:, j]))
        assert found.xi == pytest.approx(1 / index, abs=4 * found.xi_se)
    assert estimate_tail(x[:, 2]).tail == "heavy"  # as the sum with a heavy column is
    p = [0.25, 0.5, 0.75]
    np.testing.assert_allclose(
        np.quantile(x[:, 1], p) / 1e6, np.quantile(y[:, 1], p) / 1e6, atol=0.05
    )
    related = np.corrcoef(np.sign(x[:, 1]), np.sign(x[:, 2]))[0, 1]
    assert abs(related) < 4 / np.sqrt(n)


def test_samples_begin_at_the_base(monkeypatch):
    """Without velocity the base comes out, of the data's index and beyond all clamps."""
    y = cauchy(4000, dim=2)
    model = FM(device="cpu", base="margins", **TINY).fit(y, verbose=False)
    original = model._select

    def select(positions):
        module = original(positions)
        module.forward = lambda x, t: torch.zeros_like(x)
        return module

    monkeypatch.setattr(model, "_select", select)
    x = model.sample(20_000, sampling_steps=1)
    for j in (0, 1):
        tail = estimate_tail(x[:, j])
        assert tail.xi == pytest.approx(1.0, abs=0.2)
    assert np.abs(x).max() > 1e4


@pytest.mark.parametrize("base", ["gaussian", "margins"])
@pytest.mark.parametrize("coupling", ["independent", "ot"])
@pytest.mark.parametrize("margins", ["none", "tail"])
def test_every_kind_of_data(base, coupling, margins):
    """One-sided of an index below one; 1e6 and more, at an offset; light."""
    rng = np.random.default_rng(0)
    n = 400
    y = np.stack(
        [rng.pareto(0.7, n), 1e7 + 1e6 * rng.standard_t(1.5, n), rng.standard_normal(n)], axis=1
    )
    model = FM(device="cpu", base=base, coupling=coupling, margins=margins, **TINY)
    x = model.fit(y, verbose=False).sample(500, sampling_steps=8)
    assert np.isfinite(x).all()
    low, high = np.quantile(y, [0.05, 0.95], axis=0)
    assert ((np.median(x, axis=0) > low) & (np.median(x, axis=0) < high)).all()


@pytest.mark.parametrize(("sampler", "nfe"), [("euler", 5), ("heun", 10), ("midpoint", 10)])
def test_cost(monkeypatch, sampler, nfe):
    y = np.random.default_rng(0).standard_normal((200, 2))
    model, calls = FM(device="cpu", **TINY).fit(y, verbose=False), []
    original = model._select

    def select(positions):
        module = original(positions)
        module.network.register_forward_hook(lambda _, given, __: calls.append(given[0].shape[1]))
        return module

    monkeypatch.setattr(model, "_select", select)
    drawn = model.sample_block(
        40, FMSampling(sampler=sampler, sampling_steps=5), SampleContext([1])
    )
    assert drawn.nfe == nfe and sum(calls) == nfe * 40


def test_a_saved_base_draws_the_same(tmp_path):
    y = cauchy(400, dim=2)
    model = FM(device="cpu", base="margins", **TINY).fit(np.stack([y, 3 * y]), verbose=False)
    model.save(tmp_path)
    loaded = FM.load(tmp_path, device="cpu")
    assert np.array_equal(loaded.sample(50, sampling_steps=3), model.sample(50, sampling_steps=3))


def test_a_base_of_margins_is_for_tables():
    x = np.random.default_rng(0).uniform(-1, 1, (40, 16))
    with pytest.raises(InputError, match="base: 'margins' is for tables"):
        FM(device="cpu", base="margins", **TINY).fit(
            x, images=ImageLayout((1, 4, 4)), verbose=False
        )


@pytest.mark.parametrize(
    "options", [{"base": "student"}, {"coupling": "sinkhorn"}, {"damping": 1.5}]
)
def test_settings_out_of_range(options):
    with pytest.raises(ValidationError, match=next(iter(options))):
        FM(**options)
