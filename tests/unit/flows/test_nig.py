"""The base of normal-inverse Gaussian columns by SciPy's law, quadrature and differences."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from tailbench.flows.coupling import CouplingFlow
from tailbench.flows.nig import NormalInverseGaussianFlow, log_scaled_bessel_k1, nig_log_prob
from tailbench.stats.normal_inverse_gaussian import log_pdf


def flow(dim=1, seeds=1, raw=None):
    """A flow in double precision whose layers are not the identity, with given parameters."""
    generators = [torch.Generator().manual_seed(e) for e in range(seeds)]
    coupling = CouplingFlow(generators, dim, 1, bins=4, bound=5.0, width=8, num_blocks=1)
    with torch.no_grad():
        for parameter in coupling.parameters():
            for e in range(seeds):
                parameter[e].normal_(0.0, 0.3, generator=generators[e])

    def full(value):
        return torch.full((seeds, dim), value, dtype=torch.float64)

    made = NormalInverseGaussianFlow(
        coupling,
        location=full(0.3),
        scale=full(0.7),
        shape=full(0.0),
        student=full(0.0),
        noise=full(0.0),
    ).double()
    if raw is not None:
        made.columns.data = (
            torch.tensor(raw, dtype=torch.float64).view(1, 4, 1).repeat(seeds, 1, dim)
        )
    return made.requires_grad_(False)


RAW = [-1.5, 0.8, 0.2, -0.3]  # steepness 0.2, skewness 0.6


def test_bessel_function():
    x = torch.tensor([1e-200, 1e-3, 0.5, 2.0, 7.0, 700.0, 1e8, 1e200], dtype=torch.float64)
    x.requires_grad_(True)
    value = log_scaled_bessel_k1(x)
    np.testing.assert_allclose(
        value.detach().numpy(), np.log(special.k1e(x.detach().numpy())), rtol=1e-13
    )
    (slope,) = torch.autograd.grad(value.sum(), x)
    exact = 1.0 - special.k0e(x.detach().numpy()) / special.k1e(x.detach().numpy())
    exact -= 1.0 / x.detach().numpy()
    np.testing.assert_allclose(slope.numpy(), exact, rtol=1e-10, atol=1e-15)
    assert torch.isfinite(slope).all()


def test_density_and_its_gradients():
    x = torch.tensor([-1e6, -3.0, -0.1, 0.7, 20.0, 1e6], dtype=torch.float64)
    for a, rho in ((0.02, 0.9), (1.0, 0.0), (80.0, -0.5)):
        tensors = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, rho)]
        value = nig_log_prob(x, *tensors)
        np.testing.assert_allclose(
            value.detach().numpy(), log_pdf(x.numpy(), a, rho), rtol=1e-10, atol=1e-10
        )
        near = slice(1, 5)
        slopes = torch.autograd.grad(value[near].sum(), tensors)
        for k, slope in enumerate(slopes):
            step = 1e-5 * max(abs((a, rho)[k]), 0.1)
            ends = []
            for sign in (1, -1):
                moved = [a, rho]
                moved[k] += sign * step
                ends.append(log_pdf(x.numpy()[near], *moved).sum())
            assert slope.item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_single_precision_is_widened():
    x = torch.tensor([1e5, 3.0])
    found = nig_log_prob(x, torch.tensor(1.0), torch.tensor(0.0))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), log_pdf(x.double().numpy(), 1.0, 0.0))


@pytest.mark.parametrize("raw", [None, RAW, [3.0, -2.0, 0.0, 0.4]])
def test_integrates_to_one_and_is_the_density_of_the_samples(raw):
    """The map rises, so P(X < x(z)) is the Gaussian probability of z."""
    made = flow(raw=raw)
    v = np.linspace(-16.0, 16.0, 40_001)
    x, weights = np.sinh(v), np.cosh(v) * (v[1] - v[0])
    mass = made.log_prob(torch.from_numpy(x).view(1, -1, 1)).exp().flatten().numpy() * weights
    assert mass.sum() == pytest.approx(1.0, abs=1e-5)
    z = torch.tensor([-5.0, -2.0, -0.5, 0.0, 0.7, 2.0, 5.0], dtype=torch.float64)
    ends = made(z.view(1, -1, 1)).flatten().numpy()
    assert (np.diff(ends) > 0).all()
    below = np.interp(ends, x, np.cumsum(mass) - 0.5 * mass)
    np.testing.assert_allclose(below, stats.norm.cdf(z.numpy()), atol=2e-5)


def test_far_out_it_is_the_base():
    """Beyond the splines' bound data are an affine map of the base: SciPy's law to the bit."""
    made = flow(raw=RAW)
    a, rho, location, scale = (float(v) for v in made.base_columns().flatten())
    x = torch.tensor([-60.0, -8.0, 9.0, 80.0], dtype=torch.float64)
    z = (x - 0.3) / 0.7
    delta = scale * (1 - rho**2) ** 0.75 * a**0.5
    law = stats.norminvgauss(
        a, a * rho, loc=location - delta * rho / (1 - rho**2) ** 0.5, scale=delta
    )
    found = made.log_prob(x.view(1, -1, 1)).flatten().numpy()
    np.testing.assert_allclose(found, law.logpdf(z.numpy()) - np.log(0.7), rtol=1e-9)


def test_it_begins_symmetric_with_the_quartiles_of_a_gaussian():
    made = flow(dim=2, seeds=2)
    a, rho, location, scale = made.base_columns().flatten(1)
    np.testing.assert_allclose(a, 1.0, rtol=1e-6)
    assert (rho == 0).all() and (location == 0).all()
    law = stats.norminvgauss(1.0, 0.0, scale=float(scale[0]))
    assert law.ppf(0.75) == pytest.approx(stats.norm.ppf(0.75), rel=1e-6)


def test_seeds_and_columns_have_their_own():
    made = flow(dim=2, seeds=2)
    before = made.log_prob(torch.ones(2, 3, 2, dtype=torch.float64))
    made.columns.data[1, 0, 0] += 1.0
    after = made.log_prob(torch.ones(2, 3, 2, dtype=torch.float64))
    assert torch.equal(before[0], after[0]) and not torch.equal(before[1], after[1])
