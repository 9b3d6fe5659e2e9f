"""Data as blocks, robust units, devices."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from tailbench.compute.devices import resolve_device
from tailbench.exceptions import InputError
from tailbench.models.preprocessing import as_block, robust_units


def test_a_table_is_a_block_of_one_seed():
    x = np.arange(6.0).reshape(3, 2)
    assert as_block(x).shape == (1, 3, 2)
    assert as_block(x[None]).shape == (1, 3, 2)
    assert as_block(x.tolist()).dtype == np.float64
    assert as_block(torch.from_numpy(x)).shape == (1, 3, 2)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(5), r"shape \(n, d\) or \(E, n, d\), not \(5,\)"),
        (np.zeros((1, 2, 3, 4)), r"shape \(n, d\) or \(E, n, d\)"),
        (np.zeros((1, 2)), r"at least two rows, and have n_samples=1"),
        (np.zeros((5, 0)), r"0 feature\(s\) \(shape=\(5, 0\)\)"),
        (np.array([[1.0], [np.nan]]), "must not hold NaN or infinity"),
        (np.array([[1.0], [np.inf]]), "must not hold NaN or infinity"),
        (np.array([[1.0, 2.0], [3.0, 2.0]]), "column 1 of the data is constant"),
        (np.array([[[1.0], [2.0]], [[3.0], [3.0]]]), "column 0 of the data is constant"),
    ],
)
def test_bad_data(x, message):
    with pytest.raises(InputError, match=message) as caught:
        as_block(x)
    assert "\n" not in str(caught.value)


def test_units_of_a_gaussian_are_mean_and_standard_deviation():
    grid = special.ndtri((np.arange(100_001) + 0.5) / 100_001)
    location, scale = robust_units((5.0 + 0.2 * grid)[None, :, None])
    assert location.shape == scale.shape == (1, 1)
    assert location.item() == pytest.approx(5.0)
    assert scale.item() == pytest.approx(0.2, rel=1e-4)


def test_units_exist_for_a_cauchy():
    grid = np.tan(np.pi * ((np.arange(100_001) + 0.5) / 100_001 - 0.5))
    location, scale = robust_units((5.0 + 0.2 * grid)[None, :, None])
    assert location.item() == pytest.approx(5.0)
    assert scale.item() == pytest.approx(0.2 / 0.6744897501960817, rel=1e-4)


@given(location=st.floats(-1e3, 1e3), scale=st.floats(1e-3, 1e3), seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_units_move_with_the_data(location, scale, seed):
    x = np.random.default_rng(seed).standard_t(1.5, (2, 50, 3))
    centre, width = robust_units(x)
    moved_centre, moved_width = robust_units(location + scale * x)
    np.testing.assert_allclose(moved_centre, location + scale * centre, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moved_width, scale * width, rtol=1e-7)


@pytest.mark.parametrize("equal", [0.49, 0.5, 0.51, 0.7, 0.9, 0.985, 0.999])
def test_units_where_many_values_are_equal(equal):
    """The quartiles agree, or nearly; wider quantiles do not."""
    n = 4000
    x = np.zeros(n)
    x[: round((1.0 - equal) * n)] = np.random.default_rng(0).standard_normal(round((1 - equal) * n))
    location, scale = robust_units(x[None, :, None])
    assert location.item() == 0.0
    assert 0.05 < scale.item() < 2.0


@pytest.mark.parametrize("nu", [0.3, 0.5, 1.0, 2.5])
def test_units_of_heavy_laws_are_those_of_the_quartiles(nu):
    """Wide tails alone do not make the quartiles look equal."""
    x = stats.t.ppf((np.arange(4000) + 0.5) / 4000, nu)
    expected = stats.t.ppf(0.75, nu) / stats.norm.ppf(0.75)
    assert robust_units(x[None, :, None])[1].item() == pytest.approx(expected, rel=0.01)


def test_units_of_two_points():
    location, scale = robust_units(np.array([[[1.0], [3.0]]]))
    assert location.item() == 2.0 and scale.item() > 0.0


def test_units_where_one_value_differs():
    x = np.zeros((1, 1000, 1))
    x[0, 17, 0] = 5.0
    assert robust_units(x)[1].item() == pytest.approx(5.0 / (2.0 * special.ndtri(1.0 - 1 / 2000)))


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there(device):
    with pytest.raises(InputError, match="CUDA is not available"):
        resolve_device(device)
