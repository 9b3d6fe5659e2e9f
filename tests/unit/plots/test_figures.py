"""Every figure draws from what it says it needs, in the same way each time."""

import numpy as np
import pytest

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.pipeline.stages import figure
from tailbench.plots import Figure, Need, style, tail_quantiles

FIGURES = registry.names("figures")
FILES = {
    Need.METRICS: ["metrics.csv"],
    Need.DATA: ["data/{}/0-1", "data/{}/2"],
    Need.FIRST_DATA: ["data/{}/0-1"],
    Need.SAMPLES: ["samples/{}/*/*"],
    Need.FIRST_SAMPLES: ["samples/{}/*/0-1"],
    Need.HISTORIES: ["models"],
}


@pytest.fixture(scope="module")
def inputs(fabricated):
    return ResultsReader(fabricated)


def part(name):
    return registry.load("figures", name)


@pytest.mark.parametrize("name", FIGURES)
def test_describes_itself(name):
    figure = part(name)
    assert issubclass(figure, Figure)
    assert figure.needs and figure.needs <= set(FILES)
    assert len(registry.first_line(figure)) > 15
    assert len(figure.caption) > 80
    assert figure.name == name


def test_a_need_that_is_misspelt_is_refused():
    with pytest.raises(TypeError, match=r"Mine\.needs: 'metric' is no"):
        type("Mine", (Figure,), {"needs": frozenset({"metric"})})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [name for name in FIGURES if name != "images"])
def test_draws_from_what_it_needs_alone_and_cuts_nothing_off(name, fabricated, tmp_path):
    """No text leaves the page, and none of a panel's own labels overlap those of a neighbour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    patterns = [pattern for need in part(name).needs for pattern in FILES[need]]
    for pattern in ["config.json*", "plan.json*", *patterns]:
        for file in fabricated.glob(pattern.format("returns")):
            link = tmp_path / file.relative_to(fabricated)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    with style.theme():
        drawn = part(name)().draw(ResultsReader(tmp_path), "returns")
        renderer = FigureCanvasAgg(drawn).get_renderer()
        drawn.draw_without_rendering()
        page = drawn.bbox.padded(1.5)
        boxes = [axes.get_tightbbox(renderer) for axes in drawn.axes]
        boxes += [legend.get_window_extent(renderer) for legend in drawn.legends]
    assert all(axes.has_data() for axes in drawn.axes)
    assert any(axes.get_xlabel() or axes.get_ylabel() for axes in drawn.axes)
    for box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            down = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert across <= 2 or down <= 2


def test_same_input_same_bytes(inputs, tmp_path):
    for folder in ("a", "b"):
        with style.theme():
            style.save(part("sigma_t")().draw(inputs, "returns"), tmp_path / folder, "x")
    for suffix in ("png", "pdf"):
        files = [(tmp_path / folder / f"x.{suffix}").read_bytes() for folder in ("a", "b")]
        assert files[0] == files[1]


def test_figures_that_do_not_apply_are_left_out(fabricated, tmp_path):
    import pandas as pd

    metrics = pd.read_csv(fabricated / "metrics.csv")
    metrics = metrics[metrics["method"].isin(["sgm"])]
    metrics.assign(floor=0.0, train_seconds=np.nan, sample_seconds=np.nan).to_csv(
        tmp_path / "metrics.csv", index=False
    )
    inputs = ResultsReader(tmp_path)
    for name in FIGURES:
        assert part(name)().draw(inputs, "stable") is None


def test_stage_replaces_the_folder(fabricated, tmp_path):
    for file in ("config.json", "plan.json", "metrics.csv", "samples"):
        (tmp_path / file).symlink_to(fabricated / file)
    folder = tmp_path / "figures" / "nfe"
    folder.mkdir(parents=True)
    (folder / "stale.png").touch()
    figure.run(tmp_path, "nfe")
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{d}.{s}" for d in ("stable", "student", "returns") for s in ("png", "pdf")}
    with pytest.raises(InputError, match="did you mean 'survival'"):
        figure.run(tmp_path, "survivel")


def test_a_figure_of_all_datasets_is_drawn_once(fabricated, tmp_path):
    for file in ("config.json", "plan.json", "metrics.csv"):
        (tmp_path / file).symlink_to(fabricated / file)
    figure.run(tmp_path, "ranking")
    names = {path.name for path in (tmp_path / "figures" / "ranking").iterdir()}
    assert names == {"all.png", "all.pdf"}


def test_theme_is_left_behind(inputs):
    import matplotlib as mpl

    before = mpl.rcParams["font.size"]
    with style.theme():
        assert mpl.rcParams["font.size"] == 9
    assert mpl.rcParams["font.size"] == before


def test_tails_keep_infinite_samples():
    r = np.array([[1.0, 2.0, np.inf, np.nan]])
    band = tail_quantiles.quantile_band(r, np.array([1.0, 0.75, 0.25]))
    assert band.middle.tolist() == [1.0, 1.0, np.inf]


def test_heaviest_columns_are_found():
    from tailbench.plots.scatter import heaviest

    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 6))
    assert heaviest(x) == [0, 1]
    x[:, [2, 5]] = rng.standard_t(2, size=(5000, 2))
    assert heaviest(x) == [2, 5]
