"""Maps of columns with atoms: shares, exact inverses, tails, and where equal values go."""

import math

import numpy as np
import pytest
from scipy import stats

from tailbench.exceptions import InputError
from tailbench.margins.atoms import AtomMap, atoms_of, reference_nu
from tailbench.margins.column_maps import ColumnMaps, check_support
from tailbench.margins.latent_levels import latent_levels
from tailbench.models.preprocessing import robust_units

INF = math.inf


def rain(n=4000, dry=0.7, seed=0, xi=1 / 3):
    """Zero with probability ``dry``, a generalised Pareto amount above it."""
    rng = np.random.default_rng(seed)
    wet = rng.random(n) > dry
    return np.where(wet, stats.genpareto(xi, scale=5.0).rvs(n, random_state=rng), 0.0)


def columns():
    """Columns with their atoms and bounds: every place of an atom, and every kind of end."""
    rng = np.random.default_rng(1)
    t = rng.standard_t(2.5, 4000)
    return {
        "dry days": (rain(), [0.0], 0.0, INF),
        "capped": (np.minimum(rain(dry=0.3), 20.0), [0.0, 20.0], 0.0, 20.0),
        "a zero in the middle": (np.where(rng.random(4000) < 0.3, 0.0, t), [0.0], -INF, INF),
        "a deductible above a bound": (np.maximum(np.abs(t), 0.5), [0.5], 0.0, INF),
        "an atom within bounds": (np.where(t > 1, 0.25, rng.random(4000)), [0.25], 0.0, 1.0),
        "counts": (np.minimum(rng.poisson(1.0, 4000), 4.0), [0.0, 1.0, 2.0, 3.0, 4.0], 0.0, INF),
        "a large offset": (1e9 + rain(), [1e9], 1e9, INF),
        "a million, index below one": (1e6 * rain(xi=1.5), [0.0], 0.0, INF),
        "one row on a bound": (np.append(np.abs(t), 0.0), [0.0], 0.0, INF),
    }


CASES = columns()


@pytest.fixture(params=CASES)
def case(request):
    x, atoms, low, high = CASES[request.param]
    atoms = np.array(atoms)
    nu = reference_nu([(x, atoms)])
    return x, atoms, low, high, AtomMap.fit(x, atoms, low, high, nu)


def spread(one, x):
    low, high = one.intervals(x)
    return low + (high - low) * np.random.default_rng(0).random(len(x))


def test_there_and_back(case):
    x, atoms, _, _, one = case
    z = one.to_line(x, spread(one, x))
    assert np.isfinite(z).all()
    back = one.to_data(z)
    np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-9)
    for atom in atoms:
        assert ((back == atom) == (x == atom)).all()


def test_the_law_on_the_line_gives_each_atom_its_share(case):
    """The reference law itself, drawn a hundred times as often as there are data."""
    x, atoms, _, _, one = case
    u = (np.arange(400_000) + 0.5) / 400_000
    z = stats.norm.ppf(u) if math.isinf(one.nu) else stats.t(one.nu).ppf(u)
    drawn = one.to_data(z)
    assert (np.diff(drawn) >= 0).all()
    for atom in atoms:
        assert np.mean(drawn == atom) == pytest.approx(np.mean(x == atom), abs=1e-5)
    body = np.setdiff1d(np.linspace(0.02, 0.98, 49).round(2), [0.5])
    wide = np.quantile(x, np.clip([body - 0.01, body + 0.01], 0.0, 1.0))
    found = np.quantile(drawn, body)
    assert (found >= wide[0] - 1e-9).all() and (found <= wide[1] + 1e-9).all()


def test_nothing_is_beyond_the_bounds(case):
    _, _, low, high, one = case
    far = np.logspace(-3, 300, 607)
    x = one.to_data(np.concatenate([-far, far]))
    assert (x >= low).all() and (x <= high).all() and not np.isnan(x).any()


def test_as_plain_data(case):
    one = case[-1]
    again = AtomMap.from_dict(one.as_dict())
    z = np.linspace(-50, 50, 999)
    assert np.array_equal(again.to_data(z), one.to_data(z))
    assert again.ends == one.ends and again.nu == one.nu


def test_the_tail_goes_on_in_a_straight_line():
    """So a power law on the line is one of the same index in the data, and the reverse."""
    x = rain(20_000)
    one = AtomMap.fit(x, np.array([0.0]), 0.0, INF, 3.0)
    z = np.array([1e3, 1e6, 1e9])
    slope = np.diff(one.to_data(z)) / np.diff(z)
    assert slope == pytest.approx(one.ends[1][0], rel=1e-12)
    # The slope is that between the reference law and the generalised Pareto law, on 300 excesses.
    assert one.ends[1][0] == pytest.approx(_slope_of_the_law(one), rel=0.3)


def _slope_of_the_law(one):
    q = stats.t(3.0).sf(one.z[-1])
    law = stats.genpareto(1 / 3, scale=5.0)
    at, half = (law.isf(share / 0.3) for share in (q, q / 2))
    return (half - at) / (stats.t(3.0).isf(q / 2) - one.z[-1])


def test_atoms_are_values_that_repeat():
    x = np.append(np.arange(97.0), [3.0, 3.0, 5.0])
    assert atoms_of(x).tolist() == [3.0]
    assert not len(atoms_of(np.random.default_rng(0).standard_normal(10_000)))
    assert atoms_of(rain()).tolist() == [0.0]


def test_the_reference_law_has_the_index_of_the_heavier_side():
    heavy = [(rain(50_000, seed=k), np.array([0.0])) for k in range(4)]
    # the mean of four estimates, each by 750 excesses: a standard error of 0.02
    assert 1.0 / reference_nu(heavy) == pytest.approx(1 / 3, abs=0.08)
    light = np.maximum(np.random.default_rng(0).random(4000) - 0.5, 0.0)
    assert math.isinf(reference_nu([(light, np.array([0.0]))]))


def gaussian_rain(n, rho, dry, seed=0):
    w = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    return np.maximum(w - stats.norm.ppf(dry), 0.0), w


def test_rows_on_atoms_are_where_a_gaussian_copula_has_them():
    """Independent places in their intervals would make of this correlation about 0.4."""
    n, rho = 10_000, 0.7
    x, _ = gaussian_rain(n, rho, 0.7)
    share = np.mean(x == 0, axis=0)
    ranks = (stats.rankdata(x, axis=0) - 0.5) / n
    spans = {
        j: (np.where(x[:, j] == 0, 0.0, ranks[:, j]), np.where(x[:, j] == 0, share[j], ranks[:, j]))
        for j in (0, 1)
    }
    levels = latent_levels(x, spans, np.random.default_rng(0))
    for j in (0, 1):  # margins are uniform exactly
        assert np.allclose(np.sort(levels[j]), (np.arange(n) + 0.5) / n, atol=1e-9)
        assert ((levels[j] < share[j]) == (x[:, j] == 0)).all()
    w = stats.norm.ppf(np.stack([levels[0], levels[1]]))
    assert np.corrcoef(w)[0, 1] == pytest.approx(rho, abs=0.03)


def fitted(x, **settings):
    names = [str(j) for j in range(x.shape[1])]
    scale = robust_units(x[None])[1][0]
    return ColumnMaps.fit(x, names, settings.get("support"), settings.get("atoms"), scale)


def test_columns_without_bounds_and_atoms_are_left_to_the_bit():
    x = np.stack([rain(), np.random.default_rng(2).standard_t(2, 4000), 1.0 + rain(dry=0)], axis=1)
    assert fitted(x[:, 1:2], atoms="auto") is None
    assert fitted(x[:, 1:], atoms="auto", support={"0": (None, None)}) is None
    maps = fitted(x, atoms="auto", support={"2": (0, None)})
    assert isinstance(maps.columns[0], AtomMap) and maps.columns[1] is None
    y = maps.to_line(x, np.random.default_rng(0))
    assert np.array_equal(y[:, 1], x[:, 1])
    np.testing.assert_allclose(maps.to_data(y), x, rtol=1e-9, atol=1e-12)
    again = ColumnMaps.from_list(maps.as_list())
    assert np.array_equal(again.to_data(y), maps.to_data(y))


def test_a_bound_that_rows_lie_on_is_an_atom():
    x = np.abs(np.random.default_rng(0).standard_normal((1000, 1)))
    x[7] = 0.0
    (one,) = fitted(x, support={"0": (0.0, None)}).columns
    assert one.values.tolist() == [0.0] and one.levels.tolist() == [[0.0, 0.001]]


def test_what_is_refused():
    x = np.stack([rain(), rain(seed=1)], axis=1)
    x[[4, 9, 11, 12], 1] = -2.5
    with pytest.raises(InputError) as caught:
        check_support(x, ("wind", "rain"), {"rain": (0.0, None), "wind": (None, 1e9)}, "a.csv")
    assert str(caught.value) == (
        "column 'rain' of a.csv has -2.5, beyond its support [0, inf], in rows 5, 10, 12 and 1 more"
    )
    with pytest.raises(InputError, match=r"support: the data have no column 'ran'.*'rain'"):
        check_support(x, ("wind", "rain"), {"ran": (0.0, None)})
    with pytest.raises(InputError, match="atoms: no row of column '0' is equal to 7"):
        fitted(x, atoms={"0": (7.0,)})
