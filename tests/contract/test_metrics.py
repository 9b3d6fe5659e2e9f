"""What every metric of rows promises; a metric that is added is tested by being there."""

import math

import numpy as np
import pytest

from tailbench import registry
from tailbench.data import ImageLayout
from tailbench.interfaces import MetricOutput

TARGETS = {name: registry.load("targets", name)() for name in registry.names("targets")}
NAMES = [n for n in registry.names("metrics") if registry.load("metrics", n).space is None]
N = 1500
NEED_MORE_ROWS = {"portfolio_var999", "portfolio_es999"}
"""Outputs that are empty for so few rows."""


@pytest.fixture(scope="module", params=NAMES)
def metric(request):
    return registry.load("metrics", request.param)()


@pytest.fixture(scope="module")
def case(metric):
    """A target for which the metric is defined, and two samples of it."""
    truth = next(target for target in TARGETS.values() if metric.applies(target))
    rng = np.random.default_rng(0)
    return truth, truth.sample(N, rng), truth.sample(N, rng)


def training_rows(truth):
    """What is given besides to a metric that compares with training rows."""
    return truth.sample(N, np.random.default_rng(99))


def run(metric, x, y, truth, seed=0):
    given = {"train": training_rows(truth)} if metric.needs_train else {}
    return metric(x, y, truth, np.random.default_rng(seed), **given)


def same(first, second):
    return first.keys() == second.keys() and all(
        first[key] == second[key] or (math.isnan(first[key]) and math.isnan(second[key]))
        for key in first
    )


def test_outputs(metric):
    assert metric.outputs
    for key, output in metric.outputs.items():
        assert isinstance(output, MetricOutput) and output.label
        assert output.better in ("lower", "higher")
        assert key.isidentifier()


def test_names_of_outputs_are_unique():
    every = [
        key for name in registry.names("metrics") for key in registry.load("metrics", name).outputs
    ]
    assert len(every) == len(set(every))


def test_says_to_what_it_applies(metric):
    for truth in (None, *TARGETS.values()):
        assert metric.applies(truth) in (True, False)
        assert metric.applies(truth, ImageLayout((1, 1, 2))) == metric.applies(truth)


def test_gives_one_number_per_output(metric, case):
    truth, x, y = case
    values = run(metric, x, y, truth)
    assert list(values) == list(metric.outputs)
    assert all(isinstance(value, float) for value in values.values())
    assert not all(math.isnan(value) for value in values.values())
    assert not any(math.isinf(value) for value in values.values())


def test_is_deterministic_and_leaves_its_input_alone(metric, case):
    truth, x, y = case
    before = x.copy(), y.copy()
    assert same(run(metric, x, y, truth), run(metric, x, y, truth))
    assert np.array_equal(x, before[0]) and np.array_equal(y, before[1])


SPOILT = {
    "ten times too wide": lambda x: 10.0 * x,
    "without tails": lambda x: np.clip(x, *np.quantile(x, [0.1, 0.9], axis=0)),
    "of few points": lambda x: np.resize(x[:20], x.shape),
}


def test_every_output_sees_that_samples_are_spoilt(metric, case):
    """Each is worse than for real samples in one of these ways at least."""
    truth, x, y = case
    real = run(metric, x, y, truth)
    spoilt = [run(metric, spoil(x), y, truth) for spoil in SPOILT.values()]
    if metric.needs_train:
        spoilt.append(run(metric, training_rows(truth), y, truth))
    for key, output in metric.outputs.items():
        if key in NEED_MORE_ROWS:
            assert math.isnan(real[key])
            continue
        worst = (max if output.better == "lower" else min)(values[key] for values in spoilt)
        loss = worst - real[key] if output.better == "lower" else real[key] - worst
        # a distance of squares is ruled by single points where the data have no variance
        assert loss > 0.01 * abs(real[key]), key


def test_takes_samples_of_another_number(metric, case):
    truth, x, y = case
    assert set(run(metric, x[: N // 2], y, truth)) == set(metric.outputs)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: np.where(x == x[3, 0], np.nan, x), "not finite"),
        (lambda x: np.where(x == x[3, 0], np.inf, x), "not finite"),
        (lambda x: x[:0], "non-empty"),
        (lambda x: x[:, 0], "table"),
        (lambda x: np.hstack([x, x]), "columns"),
    ],
)
def test_bad_samples(metric, case, spoil, message):
    truth, x, y = case
    with pytest.raises(ValueError, match=message):
        run(metric, spoil(x), y, truth)
