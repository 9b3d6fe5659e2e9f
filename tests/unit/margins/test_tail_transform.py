"""The tail transform against closed forms and many digits."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from tailbench.margins.tail_transform import TailTransform, half_log_erfc, inverse_half_log_erfc

SHAPES = (0.0, 0.05, 0.2, 0.4, 1.0, 2.0)
MAGNITUDES = (1.0, 10.0, 1e3, 1e6)
LEVELS = (1e-12, 1e-8, 9.9e-4, 1.1e-3, 0.1, 0.69, 1.14, 1.16, 5.0, 29.9, 30.1, 699.0, 710.0, 1e4)


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def transform(shape, location=0.0, scale=1.0):
    return TailTransform(vector(location), vector(scale), vector(shape))


def column(values):
    return torch.as_tensor(np.asarray(values, dtype=np.float64)).reshape(1, -1, 1)


@pytest.mark.parametrize("u", LEVELS)
def test_inverse_against_many_digits(u):
    z = inverse_half_log_erfc(vector(u)).item()
    with mpmath.workdps(60):
        root = mpmath.findroot(lambda v: mpmath.log(mpmath.erfc(v / mpmath.sqrt(2))) + u, z)
        assert abs(z - root) <= 1e-15 * root


@pytest.mark.parametrize("z", [1e-12, 1e-6, 0.3, 0.999, 1.0, 1.001, 3.0, 8.0, 37.0, 140.0])
def test_level_against_many_digits(z):
    with mpmath.workdps(60):
        exact = -mpmath.log(mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)))
        assert abs(half_log_erfc(vector(-z)).item() - exact) <= 5e-15 * exact


def test_level_zero():
    assert inverse_half_log_erfc(vector(0.0)).item() == 0.0
    assert half_log_erfc(vector(0.0)).item() == 0.0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("magnitude", MAGNITUDES)
def test_inverse_far_out(shape, magnitude):
    x = column([-magnitude, magnitude])
    tail = transform(shape)
    torch.testing.assert_close(tail(tail.inverse(x)), x, rtol=1e-9, atol=0.0)
    moved = transform(shape, location=-0.3, scale=0.05)
    torch.testing.assert_close(moved(moved.inverse(x)), x, rtol=1e-9, atol=0.0)


@given(
    shape=st.sampled_from(SHAPES),
    z=st.floats(-8.0, 8.0),
    location=st.floats(-10.0, 10.0),
    scale=st.floats(1e-3, 1e3),
)
@settings(max_examples=100, deadline=None)
def test_inverse_of_the_latent(shape, z, location, scale):
    tail = transform(shape, location, scale)
    back = tail.inverse(tail(column([z]))).item()
    assert back == pytest.approx(z, rel=1e-9, abs=1e-11 * (1.0 + abs(location) / scale))


@given(shape=st.sampled_from(SHAPES), z=st.floats(0.0, 30.0))
@settings(max_examples=50, deadline=None)
def test_is_odd_about_its_location(shape, z):
    y = transform(shape)(column([-z, z])).flatten()
    assert y[0].item() == -y[1].item()


@pytest.mark.parametrize("shape", SHAPES)
def test_rises(shape):
    z = column(np.linspace(-8.0, 8.0, 1001))
    assert bool((transform(shape)(z).diff(dim=1) > 0).all())


@pytest.mark.parametrize("shape", SHAPES)
def test_log_determinant_against_autograd(shape):
    tail = transform(shape, location=0.7, scale=0.2)
    far = tail.inverse(column([-1e6, 1e6])).flatten()
    near = torch.linspace(-8.0, 8.0, 34, dtype=torch.float64)
    for value in torch.cat([near, far]):
        z = value.reshape(1, 1, 1).clone().requires_grad_()
        (slope,) = torch.autograd.grad(tail(z).sum(), z)
        exact = tail.log_abs_det_jacobian(z.detach()).item()
        assert slope.log().item() == pytest.approx(exact, rel=1e-12, abs=1e-12)


def test_log_determinant_at_zero():
    """There, the slope is s sqrt(2/pi) whatever the shape, and s if light."""
    tail = TailTransform(torch.zeros(3), vector(2.0, 2.0, 2.0), vector(0.0, 0.4, 2.0))
    exact = 3.0 * math.log(2.0) + 2.0 * 0.5 * math.log(2.0 / math.pi)
    assert tail.log_abs_det_jacobian(torch.zeros(1, 1, 3)).item() == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s])
def test_a_gaussian_becomes_generalised_pareto(shape):
    """P(|x| > t) = (1 + lambda t)^(-1/lambda) for s = 1, exactly."""
    t = np.array([1e-3, 1.0, 10.0, 1e3, 1e6, 1e9])
    z = transform(shape).inverse(column(t)).flatten().numpy()
    log_survival = math.log(2.0) + special.log_ndtr(-z)
    np.testing.assert_allclose(log_survival, -np.log1p(shape * t) / shape, rtol=1e-11)


@pytest.mark.parametrize("nu", [0.8, 1.0, 1.7, 2.5, 5.0])
def test_a_student_has_the_shape_one_over_nu(nu):
    """Far out, both log-survivals fall with the same slope in log t: their ratio is constant."""
    t = np.array([1e5, 1e7])
    z = transform(1.0 / nu).inverse(column(t)).flatten().numpy()
    ours = math.log(2.0) + special.log_ndtr(-z)
    students = math.log(2.0) + stats.t.logsf(t, nu)
    assert np.diff(ours) == pytest.approx(np.diff(students), rel=1e-4)


def test_light_is_affine():
    z = column([-3.0, 0.0, 2.0])
    tail = transform(0.0, location=5.0, scale=0.1)
    torch.testing.assert_close(tail(z), 5.0 + 0.1 * z)
    torch.testing.assert_close(
        tail.log_abs_det_jacobian(z), torch.full((1, 3), math.log(0.1)).double()
    )


def test_seeds_and_coordinates_have_their_own():
    shape, scale = vector(0.0, 0.4, 1.0, 0.1).view(2, 2), vector(1.0, 2.0, 3.0, 4.0).view(2, 2)
    block = TailTransform(torch.zeros(2, 2), scale, shape)
    z = torch.randn(2, 5, 2, dtype=torch.float64)
    total = torch.zeros(2, 5, dtype=torch.float64)
    for e in range(2):
        for j in range(2):
            one = transform(shape[e, j].item(), scale=scale[e, j].item())
            own = z[e, :, j].reshape(1, -1, 1)
            torch.testing.assert_close(block(z)[e, :, j], one(own).flatten())
            total[e] += one.log_abs_det_jacobian(own).flatten()
    torch.testing.assert_close(block.log_abs_det_jacobian(z), total)


def test_single_precision_comes_out_double():
    tail = TailTransform(torch.zeros(1), torch.ones(1), torch.ones(1))
    assert tail(torch.ones(1, 1, 1)).dtype == torch.float64
    assert tail.inverse(torch.ones(1, 1, 1)).dtype == torch.float64


@pytest.mark.parametrize(
    ("scale", "shape"), [(0.0, 0.5), (-1.0, 0.5), (math.nan, 0.5), (1.0, -0.1), (1.0, math.nan)]
)
def test_refuses_a_bad_scale_or_shape(scale, shape):
    with pytest.raises(ValueError, match="positive scales and shapes of at least 0"):
        transform(shape, scale=scale)


@pytest.mark.parametrize("low", [0.0, 0.05, 1.5])
def test_each_side_may_have_its_own_shape(low):
    """Each side is that of the transform with one shape; and the density is that of the map."""
    where, size = torch.full((2,), 3.0), torch.full((2,), 0.5)
    shape, low_shape = torch.full((2,), 0.4), torch.full((2,), low)
    tail = TailTransform(where, size, shape, low_shape)
    z = torch.tensor([[-6.0, -1.0], [-1e-3, 0.0], [0.2, 8.0]], dtype=torch.float64)
    sides = [TailTransform(where, size, one)(z) for one in (low_shape, shape)]
    x = tail(z)
    assert torch.equal(x, torch.where(z < 0, *sides))
    torch.testing.assert_close(tail.inverse(x), z, rtol=1e-10, atol=1e-12)
    z.requires_grad_()
    (slope,) = torch.autograd.grad(tail(z).sum(), z)
    found = tail.log_abs_det_jacobian(z.detach())
    away = z.detach().abs().min(-1).values > 0
    torch.testing.assert_close(found[away], slope.log().sum(-1)[away], rtol=1e-9, atol=1e-9)


def test_no_negative_shape_of_a_side():
    with pytest.raises(ValueError, match="shapes of at least 0"):
        TailTransform(torch.zeros(1), torch.ones(1), torch.ones(1), -torch.ones(1))
