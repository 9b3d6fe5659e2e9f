"""Maps of columns: exact inverses in double precision, sides apart, bounds kept."""

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from tailbench.margins.base import make_margins
from tailbench.models.preprocessing import robust_units

NAMES = ["none", "softlog", "tail"]


def columns(n=4000, seeds=2, seed=0):
    """Two-sided heavy, light, positive and heavy, rain, an offset, an index below one, uniform."""
    rng = np.random.default_rng(seed)
    shape = (seeds, n)
    parts = [
        rng.standard_t(2.5, shape),
        3.0 * rng.standard_normal(shape) - 1.0,
        rng.pareto(1.5, shape),
        np.maximum(rng.standard_normal(shape) - 0.5, 0.0),
        1e9 + rng.standard_t(3.0, shape),
        rng.standard_t(0.7, shape) * 1e6,
        -rng.uniform(size=shape),
    ]
    return np.stack(parts, axis=-1)


def fitted(name, x):
    return make_margins(name).fit(x, *robust_units(x))


def tensor(x):
    return torch.from_numpy(np.asarray(x, dtype=np.float64))


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(name):
    x = columns()
    margins = fitted(name, x)
    z = margins.to_model(tensor(x), [0, 1])
    assert z.dtype == torch.float64 and z.shape == x.shape and bool(torch.isfinite(z).all())
    back = margins.to_data(z, [0, 1]).numpy()
    np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("far", [1e6, 1e100, 1e300])
def test_far_out(name, far):
    x = columns()[..., [0, 1, 5]]
    margins = fitted(name, x)
    points = tensor(np.broadcast_to([far, -far], (2, 3, 2)).swapaxes(1, 2).copy())
    z = margins.to_model(points, [0, 1])
    assert bool(torch.isfinite(z).all())
    torch.testing.assert_close(margins.to_data(z, [0, 1]), points, rtol=1e-11, atol=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_it_rises_and_the_median_goes_to_zero(name):
    x = columns()
    margins = fitted(name, x)
    levels = np.linspace(-1, 1, 41)[None, :, None]
    location, scale = robust_units(x)
    grid = tensor(location[:, None] + scale[:, None] * np.sinh(8 * levels))
    z = margins.to_model(grid, [0, 1])
    assert bool((z.diff(dim=1) >= 0).all())
    torch.testing.assert_close(z[:, 20], torch.zeros(2, 7, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_each_position_has_its_own_map(name):
    x = columns()
    both = fitted(name, x)
    for e in range(2):
        alone = fitted(name, x[e : e + 1])
        z = both.to_model(tensor(x[e : e + 1]), [e])
        torch.testing.assert_close(z, alone.to_model(tensor(x[e : e + 1]), [0]))


def test_units_are_robust_units():
    x = columns()
    location, scale = robust_units(x)
    z = fitted("none", x).to_model(tensor(x), [0, 1])
    np.testing.assert_allclose(z.numpy(), (x - location[:, None]) / scale[:, None])


def test_the_formula_of_softlog():
    x = columns()
    u = fitted("none", x).to_model(tensor(x), [0, 1])
    z = fitted("softlog", x).to_model(tensor(x), [0, 1])
    torch.testing.assert_close(z, u.sign() * (1 + u.abs()).log())


def test_quartiles_go_to_those_of_a_gaussian():
    x = columns(n=20_001)[..., [0, 1, 2, 4, 5]]
    z = fitted("tail", x).to_model(tensor(x), [0, 1]).numpy()
    low, high = np.quantile(z, [0.25, 0.75], axis=1)
    np.testing.assert_allclose(high, ndtri(0.75), atol=2e-3)
    np.testing.assert_allclose(low[:, [0, 1, 3, 4]], ndtri(0.25), atol=2e-3)


def test_power_laws_become_light():
    """Of 20,000 Gaussian values the largest is about four; of those of t(2.5) about a hundred."""
    x = columns(n=20_000)[..., [0, 4, 5]]
    z = fitted("tail", x).to_model(tensor(x), [0, 1]).numpy()
    assert np.abs(z).max(axis=1).min() > 3.0 and np.abs(z).max() < 6.5


def test_each_side_has_its_own_index():
    rng = np.random.default_rng(3)
    x = np.where(rng.random(40_000) < 0.5, -rng.pareto(4.0, 40_000), rng.pareto(1.25, 40_000))
    margins = fitted("tail", x[None, :, None])
    assert margins.constants["low_index"].item() == pytest.approx(0.25, abs=0.1)
    assert margins.constants["high_index"].item() == pytest.approx(0.8, abs=0.1)


def test_samples_of_positive_columns_stay_positive():
    x = columns()[..., [2, 3, 6]]
    margins = fitted("tail", x)
    z = tensor(np.broadcast_to(np.linspace(-40, 6, 200)[None, :, None], (2, 200, 3)).copy())
    y = margins.to_data(z, [0, 1])
    assert bool((y[..., :2] >= 0).all()) and bool((y[..., 2] <= 0).all())
    assert bool((y[..., 2] >= -1e3).all())
    dry = y[..., 1] == 0.0
    assert bool(dry.any()) and not bool(dry.all())  # on the bound, where rain without a drop is
    assert bool((y[..., 0] > 0).all() or (y[..., 0] == 0).float().mean() < 0.8)


def test_rain_keeps_its_dry_days():
    x = columns(n=20_000)[..., [3]]
    margins = fitted("tail", x)
    z = margins.to_model(tensor(x), [0, 1])
    noisy = z + 1e-3 * torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    y = margins.to_data(noisy, [0, 1]).numpy()
    assert y.min() == 0.0
    assert abs((y < 1e-2).mean() - (x < 1e-2).mean()) < 0.01


def test_an_offset_costs_no_digits():
    x = columns()[..., [4]]
    for name in NAMES:
        margins = fitted(name, x)
        z = margins.to_model(tensor(x), [0, 1])
        assert len(np.unique(z.float().numpy()[0])) > 3900
        np.testing.assert_allclose(margins.to_data(z, [0, 1]).numpy(), x, rtol=0, atol=1e-6)
