"""The index of samples at several levels: a power law keeps it, an exponential tail loses it."""

import importlib

import numpy as np
import pytest

from repository import ROOT


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("far_tail")


def test_a_power_law_keeps_its_index(script):
    x = np.random.default_rng(0).pareto(1.25, 400_000) + 1.0  # 0.8
    for sign in (1.0, -1.0):
        found = script.indices(sign * x, 0.0, sign, script.SHARES)
        errors = 0.8 / np.sqrt(len(x) * np.array(script.SHARES))
        assert np.all(np.abs(np.array(found) - 0.8) < 4 * errors)


def test_an_exponential_tail_loses_it(script):
    x = np.random.default_rng(0).standard_exponential(400_000)
    far = script.indices(x, 0.0, 1.0, script.SHARES)
    assert far[0] > 1.3 * far[1] > 1.6 * far[2] > 0


def test_too_few_values_give_no_estimate(script):
    found = script.indices(np.arange(100.0), 50.0, 1.0, (0.2, 0.05))
    assert np.isfinite(found[0]) and np.isnan(found[1])
