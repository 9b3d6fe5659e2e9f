"""Every figure draws from what it says it needs, in the same way each time."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fabricate import seal
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.results.reader import ResultsReader, settings_of
from tailbench.pipeline.stages import figure
from tailbench.plots import style, tail_quantiles

FIGURES = registry.names("figures")
FILES = {
    "metrics": ["metrics.csv"],
    "data": ["data/{}/0-1", "data/{}/2"],
    "first data": ["data/{}/0-1"],
    "samples": ["samples/{}/*/*"],
    "first samples": ["samples/{}/*/0-1"],
    "histories": ["models"],
}


@pytest.fixture(scope="module")
def inputs(fabricated):
    return ResultsReader(fabricated)


def part(name):
    return registry.load("figures", name)


@pytest.mark.parametrize("name", FIGURES)
def test_describes_itself(name):
    figure = part(name)
    assert figure.needs <= set(FILES)
    assert figure.needs
    assert len(registry.summary(figure)) > 15
    assert len(figure.caption) > 80
    assert figure.name == name


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
    metrics = metrics[metrics["family"].isin(["sgm"])]
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


def test_theme_is_left_behind(inputs):
    import matplotlib as mpl

    before = mpl.rcParams["font.size"]
    with style.theme():
        assert mpl.rcParams["font.size"] == 9
    assert mpl.rcParams["font.size"] == before


def test_colours_are_the_same_everywhere():
    families = ["sgm", "mine", "flow", "other"]
    assert style.colour("flow_sgm[sigma_T=4]") == style.colour("flow_sgm", families)
    assert style.colour("flow@sigma_T-4") == style.colour("flow")
    own = {style.colour(name, families) for name in families}
    assert len(own) == 4
    assert style.colour("mine", families) == style.colour("mine", ["mine", "other"])


@pytest.mark.parametrize("limits", [(0.9, 1.3), (0.1, 0.5), (0.02, 3), (1e-6, 1e4), (1, 1.01)])
def test_log_axes_have_a_few_ticks(limits):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    style.log_axis(axes.xaxis, *limits)
    inside = [t for t in axes.get_xticks() if limits[0] <= t <= limits[1]]
    assert 2 <= len(inside) <= 9


def test_inputs_read_all_blocks_in_order(inputs):
    samples = inputs.samples("stable")
    assert list(samples)[:4] == ["sgm", "flow", "flow_sgm[sigma_T=0.5]", "flow_sgm[sigma_T=1]"]
    assert samples["dlpm[sampling_steps=10]"].shape == (3, 2000, 2)
    assert inputs.test("returns").shape == (3, 2000, 4)
    assert set(inputs.history("student")["member"]) == {0, 1, 2}
    assert len(inputs.specs("student")["flow"]) == 2


def test_the_first_block_is_seen_alone(inputs):
    first = inputs.first_block
    assert first.test("returns").shape == (2, 2000, 4)
    assert first.samples("stable").keys() == inputs.samples("stable").keys()
    for variant, drawn in inputs.samples("stable").items():
        np.testing.assert_array_equal(first.samples("stable")[variant], drawn[:2])


def test_blocks_of_a_dataset_are_those_of_the_configuration(fabricated, tmp_path):
    for name in ("data", "samples", "models"):
        (tmp_path / name).symlink_to(fabricated / name)
    config = {"seeds": ["0-1", "2"], "datasets": {"stable": {"seeds": ["2"]}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    inputs = ResultsReader(tmp_path)
    assert len(inputs.test("stable")) == len(inputs.first_block.test("stable")) == 1
    assert len(inputs.test("student")) == 3


def test_inputs_see_the_plan_only(fabricated, tmp_path):
    """What an earlier configuration left behind is not shown."""
    results = tmp_path / "results"
    shutil.copytree(fabricated / "samples" / "stable", results / "samples" / "stable")
    shutil.copytree(fabricated / "data" / "stable", results / "data" / "stable")
    config = {"seeds": ["2"], "datasets": {"stable": {}}, "methods": {"lim": {}}}
    (results / "config.json").write_text(json.dumps(config))
    plan = {"cells": [["stable", "lim", "2"]]}
    seal(results / "plan.json", [results / "config.json"], plan)
    inputs = ResultsReader(results)
    assert list(inputs.samples("stable")) == ["lim"]
    assert len(inputs.samples("stable")["lim"]) == 1
    assert len(inputs.test("stable")) == 1


def test_inputs_work_without_configuration_and_plan(fabricated, tmp_path):
    for name in ("data", "samples", "models"):
        (tmp_path / name).symlink_to(fabricated / name)
    inputs = ResultsReader(tmp_path)
    assert inputs.datasets == ("returns", "stable", "student")
    assert inputs.train("stable").shape == (3, 2000, 2)
    assert set(inputs.history("stable")["model"]) == {"sgm", "flow", "dlpm", "lim"}


def test_what_is_missing_is_named(tmp_path):
    inputs = ResultsReader(tmp_path)
    with pytest.raises(InputError, match=r"metrics\.csv do not exist"):
        _ = inputs.metrics
    with pytest.raises(InputError, match="no data of 'x'"):
        inputs.test("x")
    assert len(inputs.samples("x")) == 0
    Path(tmp_path / "plan.json").write_text("{")
    with pytest.raises(InputError, match=r"plan\.json is corrupt"):
        _ = ResultsReader(tmp_path).plan


def test_settings_of_a_variant():
    assert settings_of("a[b=1,c=x]") == {"b": "1", "c": "x"}
    assert settings_of("a") == {}


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
