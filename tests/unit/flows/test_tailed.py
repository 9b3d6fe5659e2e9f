"""The flow as a density: it integrates to one, and it is the density of what is sampled."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from tailbench.flows.coupling import CouplingFlow
from tailbench.flows.tailed import TailedFlow, student_from_gaussian, student_log_prob

KINDS = {"light": (0.0, 0.0), "ttf": (0.4, 0.0), "ttf cauchy": (1.0, 0.0), "student": (0.0, 0.4)}


def flow(dim, shape, student, seeds=1, noise=0.0):
    generators = [torch.Generator().manual_seed(e) for e in range(seeds)]
    coupling = CouplingFlow(generators, dim, 2, bins=4, bound=5.0, width=8, num_blocks=1).double()
    with torch.no_grad():
        for parameter in coupling.parameters():
            for e in range(seeds):
                parameter[e].normal_(0.0, 0.3, generator=generators[e])

    def full(value):
        return torch.full((seeds, dim), value, dtype=torch.float64)

    made = TailedFlow(coupling, full(0.3), full(0.7), full(shape), full(student), full(noise))
    return made.requires_grad_(False)


def far_grid():
    """Points x = sinh(v) from -1e15 to 1e15, with the weights of the trapezoidal rule."""
    v = np.linspace(-35.0, 35.0, 30_001)
    weights = np.cosh(v) * (v[1] - v[0])
    return np.sinh(v), weights


@pytest.fixture(scope="module")
def masses():
    """The grid and the mass of the density at each of its points, by kind."""
    x, weights = far_grid()
    point = torch.from_numpy(x).view(1, -1, 1)
    found = {}
    for kind, (shape, student) in KINDS.items():
        density = flow(1, shape, student).log_prob(point).exp().flatten().numpy()
        found[kind] = (x, density * weights)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_integrates_to_one(kind, masses):
    assert masses[kind][1].sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_density_of_the_samples(kind, masses):
    """The map rises, so P(X < x(z)) is the Gaussian probability of z: an exact oracle."""
    made = flow(1, *KINDS[kind])
    z = torch.tensor([-4.0, -2.0, -0.5, 0.0, 0.7, 2.0, 4.0], dtype=torch.float64)
    ends = made(z.view(1, -1, 1)).flatten().numpy()
    assert (np.diff(ends) > 0).all()
    x, mass = masses[kind]
    below = np.interp(ends, x, np.cumsum(mass) - 0.5 * mass)
    np.testing.assert_allclose(below, stats.norm.cdf(z.numpy()), atol=2e-5)


@pytest.mark.parametrize("kind", ["light", "ttf", "ttf cauchy"])
@pytest.mark.parametrize("dim", [2, 3])
def test_change_of_variables(kind, dim):
    """log p(x(z)) = log N(z) - log |det dx/dz|, the determinant by automatic differentiation."""
    made = flow(dim, *KINDS[kind])
    gaussian = 2.0 * torch.randn(8, dim, dtype=torch.float64, generator=torch.Generator())
    for z in gaussian:
        jacobian = torch.autograd.functional.jacobian(
            lambda v: made.tail(made.coupling(v.view(1, 1, dim))).flatten(), z
        )
        exact = stats.norm.logpdf(z.numpy()).sum() - torch.linalg.slogdet(jacobian).logabsdet
        x = made(z.view(1, 1, dim))
        assert made.log_prob(x).item() == pytest.approx(exact.item(), rel=1e-8)


@pytest.mark.parametrize("nu", [0.5, 1.0, 2.5, 30.0])
def test_student_quantiles(nu):
    z = torch.linspace(-8.0, 8.0, 33, dtype=torch.float64)
    t = student_from_gaussian(z.view(1, -1, 1), torch.tensor([[[1.0 / nu]]], dtype=torch.float64))
    exact = np.sign(z.numpy()) * stats.t.isf(stats.norm.sf(z.abs().numpy()), nu)
    np.testing.assert_allclose(t.flatten().numpy(), exact, rtol=1e-8, atol=1e-12)


def test_student_only_where_there_is_an_index():
    z = torch.randn(2, 5, 2, dtype=torch.float64)
    index = torch.tensor([[0.0, 0.4], [1.0, 0.0]], dtype=torch.float64).unsqueeze(-2)
    t = student_from_gaussian(z, index)
    for e, j, nu in ((0, 1, 2.5), (1, 0, 1.0)):
        exact = stats.t.ppf(stats.norm.cdf(z[e, :, j].numpy()), nu)
        np.testing.assert_allclose(t[e, :, j].numpy(), exact, rtol=1e-9)
    for e, j in ((0, 0), (1, 1)):
        torch.testing.assert_close(t[e, :, j], z[e, :, j], rtol=0.0, atol=0.0)


def test_student_density():
    z = torch.tensor([-1e6, -3.0, 0.0, 0.5, 40.0], dtype=torch.float64).view(1, -1, 1)
    index = torch.tensor([[[0.4]]], dtype=torch.float64)
    exact = stats.t.logpdf(z.flatten().numpy(), 2.5)
    np.testing.assert_allclose(student_log_prob(z, index).flatten().numpy(), exact, rtol=1e-12)
    exact = stats.norm.logpdf(z.flatten().numpy())
    np.testing.assert_allclose(student_log_prob(z, 0.0 * index).flatten().numpy(), exact)


@pytest.mark.parametrize(
    ("kind", "exponent"), [("ttf", 2.5), ("ttf cauchy", 1.0), ("student", 2.5)]
)
def test_the_density_falls_with_the_exponent(kind, exponent):
    far = torch.tensor([1e12, 1e14], dtype=torch.float64).view(1, 2, 1)  # beyond the splines
    slope = flow(1, *KINDS[kind]).log_prob(far).diff().item() / math.log(100.0)
    assert slope == pytest.approx(-(exponent + 1.0), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_is_minus_the_log_density_per_dimension(kind):
    """Up to the log-determinant of the tail transform, which training cannot change."""
    made = flow(3, *KINDS[kind], seeds=2)
    x = torch.randn(2, 50, 3, dtype=torch.float64, generator=torch.Generator())
    z = made.tail.inverse(x)
    exact = -(made.log_prob(x) + made.tail.log_abs_det_jacobian(z)).mean(-1) / 3
    torch.testing.assert_close(made.loss(z), exact)


def test_loss_with_noise():
    made = flow(3, 0.4, 0.0, seeds=2, noise=0.25)
    x, draw = torch.randn(2, 2, 50, 3, dtype=torch.float64, generator=torch.Generator())
    torch.testing.assert_close(
        made.loss(x, draw), made.loss(made.tail.inverse(x + 0.25 * draw)), rtol=1e-12, atol=0.0
    )


def test_seeds_are_independent():
    block = flow(2, 0.4, 0.0, seeds=2)
    x = torch.randn(2, 20, 2, dtype=torch.float64, generator=torch.Generator())
    alone = flow(2, 0.4, 0.0, seeds=1)
    torch.testing.assert_close(block.log_prob(x)[:1], alone.log_prob(x[:1]))
    torch.testing.assert_close(block(x)[:1], alone(x[:1]))


def test_the_constants_are_not_parameters():
    """Location, scale and index are estimated from the data, not learned."""
    made = flow(2, 0.4, 0.0)
    assert {name.split(".")[0] for name, _ in made.named_parameters()} == {"coupling"}
    assert all(name.startswith("coupling.") for name in made.state_dict())
    assert made.double().scale.dtype == torch.float64


@pytest.mark.parametrize("nu", [0.6, 2.5, 20.0])
def test_learned_degrees_start_at_those_of_the_base(nu):
    """The law is that of the fixed base, and its gradient by nu that of the Student-t density."""
    fixed = flow(2, 0.0, 1.0 / nu)
    tensors = {
        key: getattr(fixed, key) for key in ("location", "scale", "shape", "student", "noise")
    }
    learned = TailedFlow(fixed.coupling, **tensors, learned=True)
    learned.degrees.data = learned.degrees.data.double()
    x = torch.tensor([[[0.1, -3.0], [1e3, 5.0]]], dtype=torch.float64)
    np.testing.assert_allclose(learned.index.detach(), 1.0 / nu, rtol=1e-6)
    found = learned.log_prob(x)
    np.testing.assert_allclose(found.detach(), fixed.log_prob(x), rtol=1e-5)
    (slope,) = torch.autograd.grad(found.sum(), learned.degrees)
    base, _ = fixed.coupling.inverse(fixed.tail.inverse(x))
    step = 1e-5 * nu
    ends = [stats.t.logpdf(base.numpy(), nu + sign * step).sum((0, 1)) for sign in (1, -1)]
    by_nu = (ends[0] - ends[1]) / (2 * step)
    inner = torch.sigmoid(learned.degrees.detach())  # of nu by the parameter
    np.testing.assert_allclose(slope, by_nu * inner.numpy(), rtol=1e-3, atol=1e-7)


def test_a_flow_of_two_sides_integrates_to_one():
    made = flow(1, 0.9, 0.0)
    made.low_shape = torch.full((1, 1), 0.1, dtype=torch.float64)
    x, weights = far_grid()
    density = made.log_prob(torch.from_numpy(x).view(1, -1, 1)).exp().flatten().numpy()
    assert (density * weights).sum() == pytest.approx(1.0, abs=1e-4)
    above = density[x > 1e8] * x[x > 1e8] ** (1 + 1 / 0.9)
    assert above.max() / above.min() < 1.01 and density[x < -1e5].max() < 1e-30
