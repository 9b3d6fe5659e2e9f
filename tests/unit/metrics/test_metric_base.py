"""What holds for every metric."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from tailbench.data import MixtureModes
from tailbench.metrics.base import centre, checked, mean_or_nan
from tailbench.registry import load, names
from tailbench.settings import Settings

EVERY = names("metrics")
METRICS = tuple(name for name in EVERY if load("metrics", name).space is None)
NEED_MORE_ROWS = {"portfolio_var999", "portfolio_es999"}
IMAGES = ("class_shares", "classifier", "inception")


@pytest.fixture
def data(truth):
    rng = np.random.default_rng(3)
    samples, reference = rng.standard_t(3, (3000, 2)), rng.standard_t(3, (2600, 2))
    modes = MixtureModes(
        means=np.array([[-1.0, 0.0], [1.0, 0.0]]), std=0.5, weights=np.array([0.5, 0.5])
    )
    return samples, reference, truth(dim=2, known_modes=modes)


def call(name, samples, reference, truth, rng):
    """Compute a metric, with training rows where it needs them, without what so few rows lack."""
    metric = load("metrics", name)()
    width = np.shape(samples)[1]
    train = np.random.default_rng(8).standard_t(3, (3000, width))
    given = {"train": train} if metric.needs_train else {}
    values = metric(samples, reference, truth, rng, **given)
    assert list(values) == list(metric.outputs)
    return {key: value for key, value in values.items() if key not in NEED_MORE_ROWS}


def test_all_metrics_are_found():
    assert set(EVERY) - set(METRICS) == set(IMAGES)
    assert METRICS == (
        "angular",
        "c2st",
        "energy",
        "expected_shortfall",
        "extremal_dependence",
        "memorisation",
        "mode_weights",
        "msle",
        "portfolio",
        "precision_recall",
        "sliced_wasserstein",
        "sliced_wasserstein_bulk",
        "sliced_wasserstein_log",
        "sliced_wasserstein_published",
        "tail_coverage",
        "tail_direction",
        "tail_index",
        "tail_ks",
    )


@pytest.mark.parametrize("name", METRICS)
def test_outputs_are_as_declared_and_deterministic(name, data):
    metric = load("metrics", name)()
    assert isinstance(metric, load("metrics", name)) and metric.name == name
    assert metric.applies(data[2])
    first = call(name, *data, np.random.default_rng(7))
    again = call(name, *data, np.random.default_rng(7))
    assert first == again
    assert all(type(value) is float and np.isfinite(value) for value in first.values())


@pytest.mark.parametrize("name", METRICS)
def test_a_sample_is_at_no_distance_from_itself(name, data):
    if name == "mode_weights":
        pytest.skip("compares with the truth alone")
    if name == "c2st":
        pytest.skip("learns each row with the label of its twin")
    metric = load("metrics", name)
    ratios = metric.needs_train or name == "tail_direction"  # of what is one for real data
    values = call(name, data[0], data[0].copy(), None, np.random.default_rng(0))
    for key, value in values.items():
        best = 1 if ratios or metric.outputs[key].better == "higher" else 0
        assert value == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_non_finite_values_are_refused(name, bad, side, data):
    arrays = [data[0].copy(), data[1].copy()]
    arrays[side][17, 1] = bad
    with pytest.raises(ValueError, match=r"1 of .* rows of the .* are not finite"):
        call(name, *arrays, data[2], np.random.default_rng(0))


@pytest.mark.parametrize("name", METRICS)
def test_widths_must_agree(name, data):
    with pytest.raises(ValueError, match="2 columns, but the reference has 1"):
        call(name, data[0], data[1][:, :1], data[2], np.random.default_rng(0))


@pytest.mark.parametrize("name", METRICS)
def test_the_order_of_rows_does_not_matter(name, data):
    if name in ("precision_recall", "c2st"):
        pytest.skip("k-means starts from rows, and folds are made of them")
    samples, reference, truth = data
    shuffled = call(name, samples[::-1], reference[::-1], truth, np.random.default_rng(1))
    for key, value in call(name, samples, reference, truth, np.random.default_rng(1)).items():
        # hundreds of steps of an ascent carry the rounding of a sum on
        assert shuffled[key] == pytest.approx(value, rel=1e-6 if "headline" in key else 1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_huge_values_and_one_column(name, truth, rng):
    samples, reference = 1e6 * rng.standard_t(3, (2, 3000, 1))
    modes = MixtureModes(means=np.array([[-1e6], [1e6]]), std=1e5, weights=np.array([0.5, 0.5]))
    law = truth(known_modes=modes)
    if not load("metrics", name)().applies(law):
        pytest.skip("compares columns")
    values = call(name, samples, reference, law, rng)
    assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize("name", METRICS)
def test_one_sided_data_without_a_mean(name, truth):
    rng = np.random.default_rng(4)
    samples, reference = 1e6 + rng.pareto(0.6, (2, 3000, 2))
    modes = MixtureModes(means=np.array([[1e6, 1e6]]), std=1.0, weights=np.ones(1))
    values = call(name, samples, reference, truth(dim=2, known_modes=modes), rng)
    assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize("name", METRICS)
def test_a_collapsed_model_gets_finite_values(name, data):
    samples, reference, truth = data
    values = call(name, np.zeros_like(samples), reference, truth, np.random.default_rng(0))
    assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize("name", EVERY)
def test_settings_are_described_and_strict(name):
    metric = load("metrics", name)
    assert issubclass(metric.Settings, Settings)
    assert all(field.description for field in metric.Settings.model_fields.values())
    with pytest.raises(ValidationError):
        metric(unknown=1)
    with pytest.raises(TypeError, match="not both"):
        metric(metric.Settings(), unknown=1)


@pytest.mark.parametrize("name", EVERY)
def test_the_docstring_names_every_output(name):
    metric = load("metrics", name)
    if len(metric.outputs) > 1 and name != "sliced_wasserstein":
        assert all(key in metric.__doc__ for key in metric.outputs)


def test_importing_the_metrics_is_light():
    code = (
        "import sys; from tailbench.registry import load, names\n"
        "for name in names('metrics'): load('metrics', name)()\n"
        "print([m for m in ('torch', 'ot', 'scipy', 'sklearn', 'tailestim') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_checked_gives_float64_and_refuses_what_is_no_table():
    assert checked([[1, 2]], "table").dtype == np.float64
    for wrong in (np.zeros(3), np.zeros((0, 2)), np.zeros((2, 0)), np.zeros((1, 2, 3))):
        with pytest.raises(ValueError, match="non-empty table"):
            checked(wrong, "table")


def test_centre_and_mean_or_nan():
    assert centre(np.array([[0.0, 1.0], [1.0, 2.0], [1e9, -1e9]])).tolist() == [1.0, 1.0]
    assert mean_or_nan(np.array([1.0, np.nan, 3.0])) == 2.0
    assert np.isnan(mean_or_nan(np.array([np.nan])))
