"""Numbers are written as readers of tables expect them."""

import math

import pytest

from tailbench.pipeline.reporting.number_format import mean_std, number


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.24812, "0.248"),
        (12.345, "12.3"),
        (1234.5, "1234"),
        (0.0, "0.00"),
        (-0.5, "−0.500"),
        (0.0999999999, "0.100"),
        (9.999, "10.0"),
        (123456.0, "1.23e5"),
        (1.2e-7, "1.20e-7"),
        (1e12, "1.00e12"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_number(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.248, 0.0102, "0.248 ± 0.010"),
        (12.3, 1.0, "12.3 ± 1.0"),
        (0.317, 0.0001, "0.3170 ± 0.0001"),
        (0.317, 0.0, "0.317 ± 0.000"),
        (-0.317, 0.01, "−0.317 ± 0.010"),
        (0.5, math.nan, "0.500"),
        (math.nan, math.nan, "–"),
        (2.5e9, 1e8, "2.50e9 ± 1.0e8"),
    ],
)
def test_mean_std(mean, std, text):
    assert mean_std(mean, std) == text
