"""Scores of samples that somebody has: floors, ratios, intervals, and what is left out."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

import tailbench
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.metrics.outputs import GROUPS
from tailbench.metrics.scoring import COLUMNS, chosen_outputs

QUICK = [
    key
    for key, (name, _) in chosen_outputs(None, False).items()
    if registry.load("metrics", name).quick
]
PAIRS = {
    "angular_sw1", "chi95_error", "chi99_error", "chibar_error", "extremal_coefficient_error",
}  # fmt: skip
"""Outputs that are not defined for a single column."""


def student(n, d=3, nu=2.5, seed=0):
    return np.random.default_rng(seed).standard_t(nu, (n, d))


def scored(*tables, metrics=QUICK, **options):
    return tailbench.score(*tables, metrics=metrics, **options).set_index("metric")


@pytest.mark.parametrize("seed", range(3))
def test_a_second_draw_of_the_law_is_near_the_floor(seed):
    table = scored(student(2000, seed=seed), student(2000, seed=100 + seed), seed=seed)
    assert 0.8 < table["ratio"].median() < 1.25
    assert not (table["verdict"] == "worse").any()
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


@pytest.mark.parametrize(("n", "m"), [(500, 3000), (6000, 1000)])
def test_the_ratio_is_fair_where_sizes_differ(n, m):
    """Real rows in the place of samples have the sizes that the samples have."""
    tables = [scored(student(n, seed=s), student(m, seed=100 + s), seed=s) for s in range(3)]
    assert 0.8 < np.median([table["ratio"].median() for table in tables]) < 1.25
    whole = scored(student(n, seed=0), student(m, seed=100))
    assert (whole["half_value"] > whole["value"]).mean() > 0.6


def test_a_gaussian_fit_fails_in_the_tails():
    x, rng = student(3000), np.random.default_rng(1)
    fit = rng.multivariate_normal(x.mean(axis=0), np.cov(x.T), 3000)
    table = scored(fit, x)
    margins = table[table["group"] == "margins"]
    assert (margins["ratio"] > 2).all() and (margins["verdict"] == "worse").all()
    assert (table.loc[["msle_norm", "tail_ks", "tail_mass_error"], "verdict"] == "worse").all()


def elliptical(n, nu, seed, rho=0.5, d=3):
    """Rows of a t copula, or of a Gaussian one for infinite nu, with margins t(2.5)."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, d)) * math.sqrt(1 - rho) + math.sqrt(rho) * rng.standard_normal(
        (n, 1)
    )
    if math.isinf(nu):
        return t.ppf(norm.cdf(z), 2.5)
    return t.ppf(t.cdf(z / np.sqrt(rng.chisquare(nu, (n, 1)) / nu), nu), 2.5)


def test_a_change_of_dependence_is_seen_by_the_joint_group_alone():
    """Of a t copula and a Gaussian one, with equal margins and nearly equal rank correlation."""
    bulk = ["f1_pr", "sw1", "max_sw1_log"]
    x, y = elliptical(5000, math.inf, 0), elliptical(5000, 2.0, 1)
    table = scored(x, y, metrics=[*QUICK, *bulk], splits=20)
    ratios = table.groupby("group")["ratio"].median()
    assert set(table.loc[table["verdict"] == "worse", "group"]) == {"joint"}
    assert ratios["joint"] > 1.8 and ratios["margins"] < 1.5 and ratios["bulk"] < 1.7
    assert (table.loc[["chi95_error", "angular_sw1"], "ratio"] > 2).all()


def test_the_interval_has_the_width_of_fresh_draws():
    """Of the log ratio of masses, which is nearly normal: three times too wide, so far from 0."""

    def value(n, m, seed):
        x, y = 3 * student(n, 2, seed=seed), student(m, 2, seed=5000 + seed)
        return x, y, registry.load("metrics", "tail_ks")()(x, y, None, None)["tail_mass_error"]

    for n, m in ((600, 600), (400, 1600), (1600, 400)):
        fresh = np.std([np.log(value(n, m, seed)[2]) for seed in range(150)], ddof=1)
        widths = []
        for seed in range(12):
            x, y, _ = value(n, m, 1000 + seed)
            row = scored(x, y, metrics=["tail_mass_error"], seed=seed, splits=40).iloc[0]
            widths.append(math.log(row["high"] / row["low"]) / 2 / 2.0227)  # t, 39 degrees
        # a standard deviation is known to 6 % from 150 draws, and to 12 % from 40 halves
        assert np.mean(widths) == pytest.approx(fresh, rel=0.25), (n, m)


def test_copies_of_training_rows_are_found():
    train, held_out = student(1500, seed=1), student(1000, seed=2)
    copies = scored(train[:1000], held_out, train, metrics=["memorisation"])
    fresh = scored(student(1000, seed=3), held_out, train, metrics=["memorisation"])
    assert copies.loc["dcr_ratio", "value"] == 0
    assert math.isinf(copies.loc["dcr_ratio", "ratio"])
    assert copies.loc["dcr_ratio", "verdict"] == "worse"
    assert copies.loc["copied_ratio", "ratio"] > 1.4
    assert fresh["ratio"].between(0.8, 1.25).all() and set(fresh["group"]) == {"memorisation"}


def test_more_is_worse_also_where_higher_is_better():
    x = student(1500)
    few = np.resize(student(8, seed=4), x.shape)
    row = scored(few, x, metrics=["recall_f8"]).loc["recall_f8"]
    assert row["better"] == "higher" and row["half_value"] < row["floor"]
    assert row["ratio"] == pytest.approx(row["floor"] / row["half_value"]) and row["ratio"] > 1.5


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_t(0.6, (n, 2)),
        lambda rng, n: 1e6 + rng.standard_t(3, (n, 2)),
        lambda rng, n: rng.pareto(1.5, (n, 2)) + 1,
        lambda rng, n: rng.pareto(0.8, n) * 1e6,
    ],
    ids=["index 0.6", "offset 1e6", "one-sided", "one column"],
)
def test_hard_laws(draw):
    x, y = draw(np.random.default_rng(0), 1500), draw(np.random.default_rng(1), 1500)
    table = scored(x, y, metrics=[*QUICK, "energy", "max_sw1_log"])
    defined = table.drop(index=list(PAIRS)) if x.ndim == 1 else table
    assert np.isfinite(defined["value"]).all()
    assert 0.7 < defined["ratio"].median() < 1.4
    if x.ndim == 1:
        assert table.loc[list(PAIRS), "value"].isna().all()
        assert table.loc[list(PAIRS), "reason"].str.contains("not defined").all()


def test_every_metric_is_there_or_says_why_not():
    table = tailbench.score(student(60), student(60), student(60), splits=4)
    assert tuple(table.columns) == COLUMNS
    assert set(table["metric"]) == set(chosen_outputs(None, True))
    missing = table.drop(columns=["verdict"]).isna().any(axis=1)
    assert (table.loc[missing, "reason"] != "").all()
    reasons = table.set_index("metric")["reason"]
    assert "too few" in reasons["tail_index_error_hill"]
    assert table["group"].map(list(GROUPS).index).is_monotonic_increasing
    halves = table.set_index("metric").loc["msle"]
    assert math.isfinite(halves["value"]) and math.isfinite(halves["ratio"])


def test_a_metric_that_is_too_large_for_halves_keeps_its_value():
    row = scored(student(30), student(30), metrics=["msle"]).iloc[0]
    assert math.isfinite(row["value"]) and math.isnan(row["ratio"])
    assert (
        row["reason"].startswith("no floor from halves") and "15 rows are too few" in row["reason"]
    )


def test_the_seed_decides_everything():
    x, y = student(500), student(500, seed=1)
    first, again = (scored(x, y, seed=3, splits=5) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = scored(x, y, seed=4, splits=5)
    one_sided = first.index.str.contains("_too_")  # often 1, the best there is
    assert (first["floor"] != other["floor"])[~one_sided].mean() > 0.9
    exact = ["msle", "tail_ks", "chi95_error"]
    assert (first.loc[exact, "value"] == other.loc[exact, "value"]).all()


def test_names_choose_outputs_or_whole_metrics():
    assert list(chosen_outputs(["msle_norm", "tail_ks"], False)) == ["msle_norm", "tail_ks"]
    assert list(chosen_outputs("tail_ks", False)) == ["tail_ks"]
    whole = chosen_outputs(["tail_index"], False)
    assert set(whole) == set(registry.load("metrics", "tail_index").outputs)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["mslee"], r"no metric 'mslee' \(did you mean 'msle'\?\)"),
        (["memorisation"], "'memorisation' needs training rows"),
        (["mode_weights"], "'mode_weights' needs an exact law"),
        (["fid_inception"], "'fid_inception' needs images"),
    ],
)
def test_names_that_cannot_be_computed(names, message):
    with pytest.raises(InputError, match=message):
        chosen_outputs(names, False)


def test_every_output_has_a_group():
    for name in registry.names("metrics"):
        for key, output in registry.load("metrics", name).outputs.items():
            assert output.group in GROUPS, key
            assert (output.group == "other") == (name == "tail_direction"), key


def test_bad_numbers_of_rows_and_splits():
    with pytest.raises(InputError, match="the reference has one row"):
        scored(student(10), student(1))
    with pytest.raises(ValueError, match="splits must be at least 2"):
        scored(student(10), student(10), splits=1)
