"""The choice of sigma_T by the onset of unimodality: its units, its range, and where it goes."""

import warnings

import numpy as np
import pytest
from pydantic import ValidationError

from tailbench.exceptions import InputError
from tailbench.margins.base import make_margins
from tailbench.models import sigma_onset
from tailbench.models.base import TuneResult
from tailbench.models.flow_sgm import FlowSGM, FlowSGMSampling
from tailbench.models.preprocessing import robust_units
from tailbench.models.sigma_onset import rule_of, select_onset
from tailbench.rng.seeds import generator_for, seed_for
from tailbench.stats.unimodal_onset import unimodal_onset
from tailbench.training.context import FitContext, SampleContext

DIP = FlowSGMSampling(sigma_T="dip", sampling_steps=2)
GRID = (0.0, 0.25, 0.5, 1.0, 2.0)


def lumps(n=1500, distance=6.0, seed=0, offset=0.0, scale=1.0):
    """Two round lumps, as ``(n, 2)``."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    x[:, 0] += distance * rng.integers(0, 2, n)
    return scale * x + offset


def choose(*tables, name="none", settings=DIP, seeds=None):
    margins = make_margins(name).fit(np.stack(tables), *robust_units(np.stack(tables)))
    numbers = range(len(tables))
    return select_onset(list(tables), margins, settings, seeds or list(numbers), list(numbers))


def test_it_is_the_onset_of_the_rows_in_the_units_of_the_noise():
    first, second = lumps(seed=1), lumps(seed=2, distance=0.0)
    tuned = choose(first, second, seeds=[7, 8])
    location, scale = (u[0] for u in robust_units(first[None]))
    rng = generator_for("choose onset", 7)
    onset = unimodal_onset((first - location) / scale, 0.25, 16.0, rng)
    assert tuned.chosen == [onset.level, 0.25] and onset.level > 0.4
    own = {row["sigma_T"]: row["dip_score"] for row in tuned.curve if row["seed"] == 0}
    assert own == onset.scores
    assert choose(second, seeds=[8]).chosen == [0.25]  # whatever is beside it


def test_affine_maps_of_a_column_are_undone_by_its_units():
    x = lumps(seed=3)
    assert choose(x * [2.0, 0.25]).chosen == pytest.approx(choose(x).chosen)
    assert choose(1e6 + x).chosen == pytest.approx(choose(x).chosen, rel=0.03)


def test_a_map_of_columns_changes_what_has_one_mode():
    """The noise is added to what the map gives, in which the tail map leaves one mode."""
    x = lumps(seed=4)
    assert choose(x).chosen[0] > 0.4
    assert choose(x, name="tail").chosen[0] < choose(x).chosen[0]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.standard_t(0.5, (1000, 2)),
        lambda rng: rng.pareto(0.4, (1000, 1)),
        lambda rng: 1e6 * rng.exponential(size=(1000, 3)),
    ],
)
def test_unimodal_data_get_the_least_level_above_zero(draw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tuned = choose(draw(np.random.default_rng(5)))
    assert tuned.chosen == [0.25]


def test_modes_beyond_the_grid_are_said():
    settings = FlowSGMSampling(sigma_T="dip", sigma_T_grid=(0.0, 0.01, 0.02))
    x = lumps(seed=6)
    x[:750] += 1e6
    with pytest.warns(UserWarning, match=r"seed 0 have several modes at 0\.02, the largest level"):
        tuned = choose(x, settings=settings)
    assert tuned.chosen == [0.02]


def test_a_flow_of_noisy_data_starts_at_a_level_of_the_grid():
    between = choose(lumps(seed=7)).chosen[0]
    assert 0.25 < between < 2.0 and between not in GRID
    settings = FlowSGMSampling(sigma_T="dip", start="noisy_flow", sigma_T_grid=GRID[1:])
    expected = min(level for level in GRID if level >= between)
    assert choose(lumps(seed=7), settings=settings).chosen == [expected]
    assert settings.derived() == {"flow": [{"noise": level} for level in GRID[1:]]}


def test_of_many_rows_some_are_used(monkeypatch):
    x = lumps(n=2000, seed=8)
    monkeypatch.setattr(sigma_onset, "ROWS", 300)
    fewer = choose(x).chosen
    assert fewer != choose(x[:300]).chosen  # some at random, not the first
    assert fewer == choose(x).chosen
    monkeypatch.setattr(sigma_onset, "NUMBERS", 200)
    assert choose(x).chosen[0] <= fewer[0]


def test_pixels_are_numbers():
    pixels = np.random.default_rng(9).integers(0, 256, (500, 2)).astype(np.uint8)
    margins = make_margins("none").fit(pixels[None] / 1.0, np.zeros((1, 2)), np.full((1, 2), 0.5))
    small = DIP.model_copy(update={"sigma_T_grid": (0.25, 1.0)})
    assert select_onset([pixels], margins, small, [1], [0]) == select_onset(
        [pixels / 127.5 - 1.0], margins, small, [1], [0]
    )


def test_three_rows_are_too_few():
    with pytest.raises(InputError, match="sigma_T: 'dip' needs at least 4 rows, not 3"):
        choose(lumps(n=3))


def test_the_model_starts_where_it_has_chosen(fitted, block, monkeypatch):
    noised = fitted("flow_sgm noised")
    model = FlowSGM(noised.flows, noised.sgm, prefit=True, device="cpu")
    with pytest.raises(RuntimeError, match="sigma_T has not been chosen by 'dip'"):
        model.sample(5, sigma_T="dip", seed=0)
    context = FitContext([5, 6], [5, 6], [0, 1], verbose=False)
    x = 3.0 + 0.1 * np.stack([lumps(seed=10), lumps(seed=11, distance=0.0)])
    tuned = model.tune(x, DIP, context)
    seeds = [seed_for("choose", 5), seed_for("choose", 6)]
    assert tuned == select_onset(list(x), model.sgm.margins, DIP, seeds, [0, 1])
    assert tuned.chosen[0] > tuned.chosen[1] == 0.25
    drawn = model.sample_block(40, DIP, SampleContext([5, 6]))
    assert drawn.extra == {"sigma_T": tuned.chosen} and np.isfinite(drawn.samples).all()
    for e, level in enumerate(tuned.chosen):
        fixed = DIP.model_copy(update={"sigma_T": level})
        alone = model.sample_block(40, fixed, SampleContext([5, 6])).samples
        np.testing.assert_array_equal(drawn.samples[e], alone[e])
    with pytest.raises(RuntimeError, match="sigma_T has not been chosen by 'auto'"):
        model.sample(5, sigma_T="auto", seed=0)


def test_fit_chooses_and_files_keep_the_choice(fitted, block, tmp_path):
    noised = fitted("flow_sgm noised")
    model = FlowSGM(
        noised.flows, noised.sgm, prefit=True, device="cpu", sigma_T="dip", sampling_steps=2,
        verbose=False,
    )  # fmt: skip
    model.fit(block, seed=5)
    assert model.sigma_T_ == model.tuned.chosen and rule_of(model.tuned) == "dip"
    model.save(tmp_path)
    loaded = FlowSGM.load(tmp_path, device="cpu")
    assert loaded.tuned == model.tuned and loaded.sigma_T_ == model.sigma_T_
    samples = model.sample(9, seed=0)
    np.testing.assert_array_equal(loaded.sample(9, seed=0), samples)
    np.testing.assert_allclose(model.of_seed(1).sample(9, seed=0).shape, (9, 2))
    assert model.of_seed(1).sigma_T_ == [model.sigma_T_[1]]


def test_a_choice_without_a_curve_is_by_auto():
    assert rule_of(TuneResult([1.0], [])) == "auto"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_T_grid": (0.0,)}, "sigma_T_grid: sigma_T 'dip' needs a level above 0"),
        ({"sigma_min": 0.25}, "sigma_min must be below every sigma_T, also 0.25"),
        ({"start": "noisy_flow", "sigma_T_grid": GRID}, "0 is for the start 'add_noise' only"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ValidationError, match=message):
        FlowSGMSampling(sigma_T="dip", **options)


def test_it_is_one_variant_that_chooses():
    assert list(DIP.variants()) == [""] and DIP.tuning_runs == 1
