"""The frame of clouds of points: an axis for each column."""

import numpy as np
import pytest

from tailbench import plots


def panels(x, columns=()):
    figure = plots.samples({"mine": x}, x, columns=columns)
    figure.draw_without_rendering()
    return figure.axes


@pytest.mark.filterwarnings("error")
def test_columns_of_other_units_fill_their_own_axes():
    rng = np.random.default_rng(0)
    x = rng.standard_t(2, (3000, 2)) * [1.0, 1e6]
    real, _ = panels(x)
    for axis, limits in zip(x.T, (real.get_xlim(), real.get_ylim()), strict=True):
        away = axis - np.median(axis)
        assert away.max() < limits[1] < 20 * np.abs(away).max()
        assert limits[0] < away.min()
    assert real.get_ylim()[1] / real.get_xlim()[1] > 1e4


@pytest.mark.filterwarnings("error")
def test_losses_do_not_leave_the_negative_half_empty():
    rng = np.random.default_rng(1)
    x = rng.pareto(1.5, (3000, 2)) * [1.0, 1e5]
    real, _ = panels(x, ["fire", "storm"])
    for axis, limits in zip(x.T, (real.get_xlim(), real.get_ylim()), strict=True):
        core = np.quantile(np.abs(axis - np.median(axis)), 0.98)
        assert limits[0] == pytest.approx(-2 * core)
        assert limits[1] > axis.max() - np.median(axis)
    assert real.get_ylabel() == "storm − median"


@pytest.mark.filterwarnings("error")
def test_a_light_column_beside_a_heavy_one_keeps_its_values():
    rng = np.random.default_rng(2)
    x = np.column_stack([100 + rng.normal(size=2000), rng.standard_t(1, 2000)])
    real, _ = panels(x, ["light", "heavy"])
    assert (real.get_xscale(), real.get_yscale()) == ("linear", "symlog")
    assert real.get_xlim()[0] < x[:, 0].min() and x[:, 0].max() < real.get_xlim()[1]
    constant = np.column_stack([np.zeros(50), np.r_[np.zeros(49), 5.0]])
    assert len(panels(constant)) == 2
