"""Colours, names of variants, and axes that can be read."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from tailbench.data import Variant
from tailbench.plots import style

SWEEP = [Variant("flow_sgm", f"sigma_T={s}", {"sigma_T": s}) for s in (1.0, 2.0, "auto")]


def test_colours_are_the_same_everywhere():
    methods = ["sgm", "mine", "flow", "other"]
    assert style.colour(SWEEP[0]) == style.colour("flow_sgm", methods)
    assert style.marker(SWEEP[0]) == style.marker("flow_sgm", methods)
    assert len({style.colour(name, methods) for name in methods}) == 4
    assert style.colour("mine", methods) == style.colour("mine", ["mine", "other"])


@pytest.mark.parametrize("name", ["a[b", "flow_sgm[sigma_T=2]", "flow@noise-2", "x, y = 3"])
def test_names_are_not_taken_apart(name):
    """A method may be called anything: it is no variant of another and no derived model."""
    assert style.colour(name, [name]) not in {style.colour("flow_sgm"), style.colour("flow")}
    assert style.label(name) == style.label(Variant(name)) == name


def test_labels_are_written_from_settings():
    both = Variant("lim", "alpha=1.5,steps=8", {"alpha": 1.5, "steps": 8})
    assert style.label(both) == r"lim, $\alpha$ = 1.5, steps = 8"
    assert style.label(both, with_method=False) == r"$\alpha$ = 1.5, steps = 8"
    assert style.label(SWEEP[0]) == r"flow_sgm, $\sigma_T$ = 1"
    assert style.label(Variant("lim", "some label")) == "lim, some label"
    assert "\n" in style.title(SWEEP[0]) or len(SWEEP[0].text) <= style.LONG


def test_a_chosen_value_is_dashed_and_black():
    (one, line), (two, _), (chosen, dash) = style.strokes("#0173b2", SWEEP)
    assert line == "-" and dash == "--" and chosen == "#1a1a1a"
    assert len({one, two, chosen}) == 3


def test_the_theme_is_also_a_decorator():
    import matplotlib as mpl

    size = style.theme()(lambda: mpl.rcParams["axes.titleweight"])
    assert size() == size() == "bold" != mpl.rcParams["axes.titleweight"]


@pytest.mark.parametrize(
    "limits", [(0.9, 1.3), (0.1, 0.5), (0.02, 3), (1e-6, 1e4), (1, 1.01), (2e4, 6e4), (2e5, 9e6)]
)
def test_log_axes_have_a_few_ticks_that_are_apart(limits):
    with style.theme():
        figure, (axes, *_) = style.panels(4, height=2.6)
        style.log_axis(axes.xaxis, *limits)
        figure.draw_without_rendering()
    inside = [t for t in axes.get_xticks() if limits[0] <= t <= limits[1]]
    assert 2 <= len(inside) <= 9
    boxes = [text.get_window_extent() for text in axes.get_xticklabels() if text.get_text()]
    boxes = [box for box in boxes if axes.bbox.x0 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_large_and_small_ticks_are_powers():
    axes = Figure().subplots()
    style.log_axis(axes.yaxis, 2e4, 6e5)
    written = axes.yaxis.get_major_formatter()
    assert [written(t, 0) for t in (3e4, 1e5, 3e5)] == ["30000", "$10^{5}$", r"$3\times10^{5}$"]
    assert written(2e-5, 0) == r"$2\times10^{-5}$" and written(0.001, 0) == "0.001"


@pytest.mark.parametrize("high", [3.0, 1e5])
def test_zero_has_a_tick_on_a_log_axis(high):
    axes = Figure().subplots()
    style.log_axis(axes.xaxis, 0.2, high)
    style.zero_tick(axes.xaxis, 0.25)
    written = axes.xaxis.get_major_formatter()
    ticks = axes.get_xticks()
    assert ticks[0] == 0.25 and written(0.25, 0) == "0" and len(ticks) > 2
    assert np.all(np.diff(ticks) > 0) and all(written(t, 0) != "0" for t in ticks[1:])
