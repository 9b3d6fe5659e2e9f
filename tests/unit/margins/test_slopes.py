"""How steep the maps of columns are, against differences of the maps."""

import math

import numpy as np
import pytest

from tailbench.exceptions import InputError
from tailbench.margins.atoms import AtomMap, reference_nu
from tailbench.margins.column_maps import ColumnMaps
from tailbench.margins.slopes import line_and_slope
from tailbench.margins.support import SupportMap

INF = math.inf


def losses(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.4, 0.0, rng.pareto(0.8, n))


def with_atoms(x, atoms, low=-INF, high=INF):
    return AtomMap.fit(x, np.array(atoms), low, high, reference_nu([(x, np.array(atoms))]))


T = np.random.default_rng(1).standard_t(2.5, 3000)
CAPPED = np.minimum(losses(), 20.0)
MAPS = {
    "losses": SupportMap(0.0, INF, 2.0),
    "a large offset": SupportMap(1e6, INF, 3.0),
    "debts": SupportMap(-INF, -5.0, 0.5),
    "shares": SupportMap(0.0, 1.0, 0.4),
    "dry days": with_atoms(losses(), [0.0], 0.0),
    "a million": with_atoms(1e6 * losses(), [0.0], 0.0),
    "capped": with_atoms(CAPPED, [0.0, 20.0], 0.0, 20.0),
    "a zero in the middle": with_atoms(np.where(T > 1, 0.0, T), [0.0]),
    "an atom within bounds": with_atoms(np.clip(T, 0.0, 9.0), [0.0], -1.0, 10.0),
}


def slope(one, x):
    return line_and_slope(ColumnMaps((one,)), np.asarray(x, float)[:, None], ["loss"])[1]


def line(one, x):
    return one.to_line(x, np.full(len(x), 0.5)) if isinstance(one, AtomMap) else one.to_line(x)


@pytest.mark.parametrize("name", MAPS)
def test_the_slope_is_that_of_the_map(name):
    """Between knots and beyond them, from a millionth of a scale to a million of them."""
    one = MAPS[name]
    unit = 1e6 if name == "a million" else 1.0
    near = unit * np.logspace(-6, 6, 999)
    ends = (one.low, one.high) if isinstance(one, SupportMap) else one.x[[0, -1]]
    starts = [b for b in (*ends, 0.0) if math.isfinite(b)]
    x = np.unique(np.concatenate([[b - near, b + near] for b in starts]))
    h = 1e-5 * np.min([np.abs(x - b) for b in starts], axis=0)
    found = slope(one, x)
    knots = getattr(one, "x", np.zeros(0))
    kinks = np.searchsorted(knots, x - h) != np.searchsorted(knots, x + h)
    resolved = h > 1e4 * np.spacing(np.abs(x))  # the difference keeps its digits
    there = np.isfinite(found) & ~kinks & resolved
    assert there.sum() > 500
    x, h = x[there], h[there]
    expected = np.log((line(one, x + h) - line(one, x - h)) / (2 * h))
    np.testing.assert_allclose(found[there], expected, atol=2e-3)


def test_where_no_sample_arrives_the_slope_is_zero():
    assert np.isinf(slope(MAPS["losses"], [0.0, -1.0, -1e300])).all()
    assert np.isinf(slope(MAPS["shares"], [0.0, 1.0, 1.5, -0.5])).all()
    assert np.isfinite(slope(MAPS["shares"], [1e-300, 0.5, 1.0 - 1e-15])).all()
    assert np.isinf(slope(MAPS["dry days"], [-1e-9])).all()
    assert np.isinf(slope(MAPS["capped"], [20.5, 1e9, -3.0])).all()
    counts = with_atoms(np.array([0.0] * 60 + [1.0] * 40), [0.0, 1.0])
    assert np.isinf(slope(counts, [0.5, -1.0, 2.0])).all()
    one = with_atoms(np.array([0.0] * 60 + [3.0]), [0.0], 0.0)  # a single row off the atom
    assert np.isfinite(slope(one, [1.0, 3.0, 50.0])).all() and np.isinf(slope(one, [-1.0]))


def test_far_out_the_slope_is_a_number():
    for name in ("losses", "dry days", "a million", "a zero in the middle"):
        with np.errstate(all="raise"):
            found = slope(MAPS[name], 10.0 ** np.array([6, 100, 300]))
        assert np.isfinite(found).all() or name == "a zero in the middle"


def test_columns_without_a_map_and_rows_on_atoms():
    maps = ColumnMaps((None, MAPS["dry days"]))
    x = np.array([[1e6, 2.0], [-3.0, 0.5]])
    y, total = line_and_slope(maps, x, ["wind", "rain"])
    assert np.array_equal(y[:, 0], x[:, 0])
    assert np.array_equal(total, slope(MAPS["dry days"], x[:, 1]))
    x[[0, 1], 1] = 0.0
    with pytest.raises(InputError, match=r"'rain' has the value 0, .* no density, in rows 1, 2$"):
        line_and_slope(maps, x, ["wind", "rain"])
