"""The functions that a user calls in a notebook, with arrays and tables of their own."""

import doctest
import importlib
import itertools
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tailbench import plots
from tailbench.data import Variant
from tailbench.metrics.group_scores import scores
from tailbench.metrics.ranking import ranking
from tailbench.metrics.trade_offs import pareto
from tailbench.plots import metric_points, style

FAR = 1e6
STEPS = metric_points.STEPS[0]


def student(nu, n=800, seed=0):
    return np.random.default_rng(seed).standard_t(nu, (n, 2))


@pytest.fixture
def heavy():
    """Real data whose farthest value is a million."""
    x = student(1.0)
    return x * (FAR / np.abs(x).max())


def tidy(methods=None, seeds=2):
    """A table of two metrics; ``methods`` maps a name to settings and sigma_T."""
    rng = np.random.default_rng(1)
    methods = methods or [
        ("flow", None, None), ("flow_sgm", {"sigma_T": 0.0}, 0.0),
        ("flow_sgm", {"sigma_T": 2.0}, 2.0), ("flow_sgm", {"sigma_T": "auto"}, 1.0),
        ("dlpm", {STEPS: 5}, None), ("dlpm", {STEPS: 10}, None),
    ]  # fmt: skip
    rows = []
    for (method, settings, sigma), seed, metric in itertools.product(
        methods, range(seeds), ("max_sw1", "msle")
    ):
        rows.append(
            {
                "dataset": "toy",
                "method": method,
                "variant": ",".join(f"{k}={v}" for k, v in (settings or {}).items()),
                "settings": json.dumps(settings or {}),
                "seed": seed,
                "metric": metric,
                "value": float(np.exp(rng.normal())),
                "floor": 0.2,
                "nfe": (settings or {}).get(STEPS, 1 if method == "flow" else 63),
                "sigma_T": sigma,
                "train_seconds": 4.0,
                "sample_seconds": 1.0 + seed,
            }
        )
    return pd.DataFrame(rows).astype({"sigma_T": float})


def panels(figure):
    figure.draw_without_rendering()
    return [axes for axes in figure.axes if axes.get_xlabel() or axes.get_title()]


def test_survival_runs_its_example():
    module = importlib.import_module("tailbench.plots.survival")
    found = doctest.DocTestFinder().find(module.survival, "survival", globs={})
    runner = doctest.DocTestRunner()
    results = [runner.run(test) for test in found if test.examples]
    assert results and all(result == (0, result.attempted) for result in results)


@pytest.mark.filterwarnings("error")
def test_survival_of_heavy_tails(heavy):
    figure = plots.survival({"gaussian": student(50.0), "mine": heavy}, heavy, tail_index=1.0)
    first, second = panels(figure)
    assert [first.get_title(), second.get_title()] == ["gaussian", "mine"]
    real, light, slope = first.lines
    assert real.get_xdata().max() > FAR / 2 and light.get_xdata().max() < 1000
    np.testing.assert_allclose(second.lines[0].get_xdata(), second.lines[1].get_xdata())
    x, y = slope.get_data()
    assert np.log(y[1] / y[0]) / np.log(x[1] / x[0]) == pytest.approx(-1.0)
    assert first.get_xlim()[1] > FAR and first.get_xscale() == first.get_yscale() == "log"


@pytest.mark.filterwarnings("error")
def test_survival_keeps_samples_that_diverged(heavy):
    broken = student(2.0)
    broken[:5] = np.inf
    figure = plots.survival({"broken": broken}, heavy)
    (axes,) = panels(figure)
    assert np.isfinite(axes.get_xlim()).all()


def test_the_tail_lies_on_the_diagonal_or_is_named(heavy):
    figure = plots.qq_tail({"same": heavy, "light": student(50.0)}, heavy, student(1.0, seed=3))
    same, light = panels(figure)
    line = same.lines[1]
    np.testing.assert_allclose(line.get_xdata(), line.get_ydata())
    assert [text.get_text() for text in light.texts] == ["below the frame"] and not same.texts


def test_two_axes_are_one_seed(heavy):
    one = plots.survival({"a": student(2.0)}, heavy)
    several = plots.survival({Variant("a"): student(2.0)[None]}, heavy[None])
    for a, b in zip(one.axes[0].lines, several.axes[0].lines, strict=True):
        np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())


@pytest.mark.parametrize("draw", [plots.survival, plots.qq_tail])
def test_wrong_shapes_and_no_samples_are_named(draw, heavy):
    with pytest.raises(ValueError, match="samples of mine: the shape is 800, not"):
        draw({"mine": heavy[:, 0]}, heavy)
    with pytest.raises(ValueError, match="the reference: the shape is 2, not"):
        draw({"mine": heavy}, heavy[0])
    with pytest.raises(ValueError, match="there are no samples"):
        draw({}, heavy)


@pytest.mark.filterwarnings("error")
def test_samples_compress_the_tails(heavy):
    figure = plots.samples({"mine": heavy, "far": 100 * heavy}, heavy, columns=["left", "right"])
    real, mine, far = panels(figure)
    assert real.get_xscale() == "symlog" and mine.get_xlabel() == "left − median"
    assert [text.get_text().split()[1] for text in far.texts] == ["beyond"] and not mine.texts
    boxes = [text.get_window_extent() for text in mine.get_xticklabels()]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_steps_are_taken_from_settings():
    """The label says nothing: it may be any text."""
    drawn = {Variant("dlpm", f"label {n}", {STEPS: n}): student(2.0) for n in (10, 5)}
    other = {Variant("lim", "steps=5", {STEPS: 5, "alpha": 2.0}): student(2.0)}
    figure = plots.steps(drawn | other, student(2.0), distances={Variant("dlpm", "label 5"): 0.25})
    titles = [axes.get_title() for axes in panels(figure)]
    assert titles == ["real data (held out)", "dlpm, 5 steps\n$W_1$ 0.25", "dlpm, 10 steps"]
    assert plots.steps(other, student(2.0)) is None


def test_images_of_bytes_and_of_values():
    real = np.full((20, 12), 255, np.uint8)
    figure = plots.image_grid({"mine": np.full((20, 12), -1.0)}, real, (3, 2, 2))
    white, black = (axes.get_images()[0].get_array() for axes in figure.axes)
    assert (white == 255).all() and (black[:2, :2] == 0).all()


@pytest.mark.parametrize("draw", [plots.nfe, plots.cost, plots.sigma_t, plots.comparison])
def test_tables_as_pandas_reads_them(draw, tmp_path):
    """Empty fields are missing values, then; nothing is lost by it."""
    tidy().to_csv(tmp_path / "metrics.csv", index=False)
    read = pd.read_csv(tmp_path / "metrics.csv")
    assert read["variant"].isna().any()
    ours, theirs = draw(tidy()), draw(read)
    assert len(ours.axes) == len(theirs.axes)
    for a, b in zip(ours.axes, theirs.axes, strict=True):
        assert len(a.lines) == len(b.lines) and len(a.texts) == len(b.texts)


@pytest.mark.parametrize("draw", [plots.nfe, plots.cost, plots.sigma_t, plots.comparison])
def test_one_of_several_datasets_is_named(draw):
    both = pd.concat([tidy(), tidy().assign(dataset="other")])
    with pytest.raises(ValueError, match="the metrics are of 2 datasets"):
        draw(both)
    assert draw(both, "other") is not None
    assert draw(both[both["method"] == "none"], "toy") is None


def test_variants_that_differ_in_steps_are_joined():
    figure = plots.nfe(tidy())
    lines = {tuple(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "^"}
    assert lines == {(5.0, 10.0)}


def test_zero_and_chosen_values_of_sigma_t_have_a_place():
    axes = panels(plots.sigma_t(tidy()))[0]
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels[0] == "0"
    curve = next(line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker())
    assert curve.get_xdata()[0] == axes.get_xticks()[0] > axes.get_xlim()[0]
    (stars,) = (c for c in axes.collections if len(c.get_offsets()) == 2 and len(c.get_sizes()))
    assert set(stars.get_offsets()[:, 0]) == {1.0}


def test_a_sweep_of_chosen_values_alone_is_no_sweep():
    fixed = [("flow_sgm", None, 1.0), ("flow", None, None)]
    assert plots.sigma_t(tidy(fixed), chosen={"flow_sgm"}) is None


def test_the_best_is_bold_in_the_comparison():
    table = tidy([("a", None, None), ("b", None, None)], seeds=1)
    table["value"] = [0.2, 4.0, 0.8, 2.0]
    axes = plots.comparison(table).axes[0]
    texts = {text.get_text(): text.get_weight() for text in axes.texts}
    assert texts == {"1": "bold", "20": "normal", "4": "normal", "10": "bold"}


@pytest.mark.parametrize("worst", [0.7, 30.0, 1e9])
def test_the_line_of_validation_stays_in_the_frame(worst):
    """However far the losses of one seed are from the others'."""
    step = np.arange(50, 1001, 50)
    fall = 2.0 * np.exp(-step / 60)
    history = pd.concat(
        pd.DataFrame({"seed": m, "step": step, "loss": 0.4 + fall, "val_loss": v + fall})
        for m, v in enumerate((3.0, 3.2, worst))
    )
    (axes,) = panels(plots.training(history))
    line = next(line for line in axes.lines if line.get_marker() == "o")
    late = line.get_ydata()[10:]
    low, high = axes.get_ylim()
    assert (low < late).all() and (late < high).all() and high < 10


def test_derived_models_have_the_colour_of_their_base():
    history = pd.DataFrame(
        {"model": "flow@x", "step": [1, 2], "loss": [2.0, 1.0], "val_loss": np.nan}
    )
    figure = plots.training(history, bases={"flow@x": "flow"})
    assert figure.axes[0].lines[0].get_color() == style.colour("flow")
    assert figure.axes[0].get_title() == "flow@x"
    assert plots.training(history[:0]) is None


def test_drawing_leaves_the_settings_of_a_notebook_alone(heavy):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.survival({"a": heavy}, heavy)
    assert dict(mpl.rcParams) == before


def test_functions_are_found_whatever_is_imported_first():
    script = """
import sys
import tailbench.plots.survival
from tailbench import plots, registry
for name in registry.names("figures"):
    registry.load("figures", name)
assert all(callable(getattr(plots, name)) for name in plots.__all__)
print(*[m for m in ("matplotlib", "pandas", "seaborn", "tailbench.pipeline") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == [] and done.returncode == 0, done.stderr


def ranked_methods(count, seeds=5):
    """Scores of methods of which each is clearly worse than the one before, but the last two."""
    rng = np.random.default_rng(0)
    rows = [
        (
            f"d{d}",
            f"m{i:02d}",
            "",
            s,
            metric,
            0.1 * 1.5 ** min(i, count - 2),
            0.1,
            5.0 * (count - i),
        )
        for d, i, s in itertools.product(range(3), range(count), range(seeds))
        for metric in ("sw1", "msle", "chi95_error")
    ]
    names = ["dataset", "method", "variant", "seed", "metric", "value", "floor", "train_seconds"]
    table = pd.DataFrame(rows, columns=names).assign(sample_seconds=0.0, nfe=np.nan)
    table["value"] *= np.exp(0.05 * rng.normal(size=len(table)))
    return table


def test_ranking_draws_the_order_the_intervals_and_what_cannot_be_told_apart():
    metrics = ranked_methods(6)
    found = ranking(scores(metrics))
    figure = plots.ranking(found)
    assert [axes.get_title() for axes in figure.axes] == ["bulk", "margins' tails", "joint tails"]
    for axes, (_, of) in zip(figure.axes, found.groupby("group", sort=False), strict=False):
        assert [label.get_text() for label in axes.get_yticklabels()] == list(of["name"])
        lines = [line.get_xydata() for line in axes.lines]
        points = [x for x in lines if len(x) == 1]
        assert [x[0, 0] for x in points] == pytest.approx(list(np.exp(of["iqm"])))
        spans = [x for x in lines if len(x) == 2 and x[0, 1] == x[1, 1] and len(set(x[:, 0])) == 2]
        assert [x[1, 0] for x in spans] == pytest.approx(list(np.exp(of["high"])))
        bars = [x for x in lines if x[0, 0] == x[-1, 0] and 0 < x[0, 0] < 1 and len(x) == 2]
        (bar,) = [x for x in bars if x[0, 1] > 1]
        assert bar[:, 1] == pytest.approx([3.7, 5.3])  # the last two


def test_ranking_says_how_many_methods_are_left_out_and_if_seeds_are_few():
    figure = plots.ranking(ranking(scores(ranked_methods(32, seeds=2))))
    axes = figure.axes[0]
    assert axes.get_title() == "bulk\nnot enough seeds to rank: range"
    assert len(axes.get_yticklabels()) == 30
    assert [text.get_text() for text in axes.texts] == ["and 2 more"]


def test_pareto_draws_the_front():
    metrics = ranked_methods(6)
    table = pareto(metrics, scores(metrics))
    figure = plots.pareto(table)
    assert len(figure.axes) == 3  # evaluations are not known
    axes = figure.axes[0]
    of = table.query("group == 'bulk' and cost == 'seconds' and front").sort_values("amount")
    front = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    assert front.get_xdata() == pytest.approx(of["amount"].to_numpy())
    assert front.get_ydata() == pytest.approx(np.exp(of["iqm"].to_numpy()))
    assert " ".join(axes.get_xlabel().split()).endswith(f"front: {', '.join(of['method'])}")
    free = table.assign(amount=table["amount"].where(table["name"] != "m05", 0.0))
    labels = plots.pareto(free).axes[0].get_xticklabels()
    assert "0" in [label.get_text() for label in labels]


def test_nothing_to_rank_is_no_figure():
    metrics = ranked_methods(2).assign(floor=0.0)
    assert plots.ranking(ranking(scores(metrics))) is None
    assert plots.pareto(pareto(metrics, scores(metrics))) is None
