"""Losses relative to the end of each seed's own training."""

import numpy as np
import pandas as pd
import pytest

from tailbench import plots

STEP = np.arange(50, 1001, 50)
FALL = 0.5 * np.exp(-STEP / 150)


def drawn(history):
    figure = plots.training(history)
    (axes,) = figure.axes
    figure.draw_without_rendering()
    return axes


def test_seeds_of_other_levels_lie_on_each_other():
    """Losses of three data sets with other tails differ by a factor, and so do not here."""
    history = pd.concat(
        pd.DataFrame(
            {"seed": m, "step": STEP, "loss": k * (1 + FALL), "val_loss": 2 * k * (1 + FALL)}
        )
        for m, k in enumerate((1.3, 4.0, 1e6))
    )
    axes = drawn(history)
    assert axes.get_ylabel() == "loss / end"
    expected = (1 + FALL) / np.median(1 + FALL[STEP >= 500])
    for line in axes.lines:
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)
    for band in axes.collections:
        places = band.get_paths()[0].vertices
        upper = np.array([places[places[:, 0] == s, 1].max() for s in STEP])
        np.testing.assert_allclose(upper, expected, rtol=1e-9)


@pytest.mark.parametrize("level", [-2.0, 0.0])
def test_losses_that_are_not_positive_are_shifted(level):
    history = pd.DataFrame({"seed": 0, "step": STEP, "loss": level + FALL, "val_loss": np.nan})
    axes = drawn(history)
    if level < 0:
        assert axes.get_ylabel() == "loss − end"
        expected = FALL - np.median(FALL[STEP >= 500])
        np.testing.assert_allclose(axes.lines[0].get_ydata(), expected, atol=1e-12)
    low, high = axes.get_ylim()
    late = axes.lines[0].get_ydata()[STEP >= 100]
    assert (low < late).all() and (late < high).all()
