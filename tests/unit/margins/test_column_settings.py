"""Supports and atoms as users write them."""

import math

import pytest

from tailbench.margins.column_settings import checked_atoms, checked_support


@pytest.mark.parametrize("none", [None, "none"])
@pytest.mark.parametrize("checked", [checked_atoms, checked_support])
def test_words(checked, none):
    assert checked(none) is None and checked("auto") == "auto"


@pytest.mark.parametrize(
    ("written", "bounds"),
    [
        ([0, "inf"], (0.0, None)),
        ([0, math.inf], (0.0, None)),
        (["-inf", 3], (None, 3.0)),
        ((-math.inf, None), (None, None)),
        ([0.5, "1e3"], (0.5, 1000.0)),
    ],
)
def test_bounds(written, bounds):
    found = checked_support({"loss": written, 3: [0, 1]})
    assert found == {"loss": bounds, "3": (0.0, 1.0)}
    assert checked_support(found) == found


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("positive", "must be 'auto', 'none' or a mapping"),
        ({"a": 0}, "a: the bounds are a pair such as"),
        ({"a": [0, 1, 2]}, "a: the bounds are a pair"),
        ({"a": [1, 0]}, "the lower bound 1 is not below the upper bound 0"),
        ({"a": ["inf", 3]}, "a bound is a number, or -inf without one, not 'inf'"),
        ({"a": [0, "much"]}, "a bound is a number, or inf without one, not 'much'"),
        ({"a": [math.nan, 1]}, "a bound is a number"),
        ({"a": [True, 3]}, "a bound is a number"),
    ],
)
def test_bounds_that_are_none(written, said):
    with pytest.raises(ValueError, match=said):
        checked_support(written)


def test_atoms():
    assert checked_atoms({"rain": [3, 0, 3.0], 1: 0}) == {"rain": (0.0, 3.0), "1": (0.0,)}
    for wrong in ("all", {"a": []}, {"a": ["0"]}, {"a": [math.inf]}, {"a": [True]}, [0]):
        with pytest.raises(ValueError, match=r"must be 'auto'|the atoms are a list of numbers"):
            checked_atoms(wrong)
