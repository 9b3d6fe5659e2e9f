"""The tails of columns: what is drawn is the share beyond a distance."""

import numpy as np
import pytest

from tailbench import plots


def test_lines_are_the_shares_beyond_a_distance():
    real = np.random.default_rng(0).pareto(1.0, (1000, 2)) * 1e6
    made = np.random.default_rng(1).standard_t(0.6, (700, 2))
    figure = plots.column_tails(made, real, columns=["x", "y"])
    assert [axes.get_title() for axes in figure.axes] == ["x", "y"]
    for j, axes in enumerate(figure.axes):
        point = np.median(real[:, j])
        upper, lower, made_upper, made_lower = axes.lines
        for line, x in (
            (upper, real[:, j] - point),
            (lower, point - real[:, j]),
            (made_upper, made[:, j] - point),
            (made_lower, point - made[:, j]),
        ):
            r, share = line.get_data()
            np.testing.assert_allclose(share, [np.mean(x >= value) for value in r])
        low, high = axes.get_xlim()
        assert 0 < low < high and high >= upper.get_xdata().max()
    figure.draw_without_rendering()


def test_many_columns_and_columns_of_one_value():
    x = np.ones((20, 15))
    figure = plots.column_tails(x, x)
    assert len(figure.axes) == 12 and figure.axes[0].get_title() == "column 0"
    figure.draw_without_rendering()


def test_widths_differ():
    with pytest.raises(ValueError, match="have 2 columns, and the reference has 3"):
        plots.column_tails(np.ones((5, 2)), np.ones((5, 3)))
