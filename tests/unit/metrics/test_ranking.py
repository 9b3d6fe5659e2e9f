"""Ranks, comparisons and groups that cannot be told apart, against scipy and by construction."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean, ttest_ind, ttest_rel, wilcoxon

from tailbench.metrics.ranking import iqm, ranking
from tailbench.metrics.separation import cliques, holm, pairwise

KEYS = ["dataset", "method", "variant", "name", "seed", "group", "score"]


def made_up(means, datasets=4, seeds=6, spread=0.1, seed=0, group="bulk"):
    """Make scores of methods with the given means; noise is drawn for each cell and method."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"d{d}", name, "", name, s, group, mean + shift + spread * rng.normal())
        for d, shift in enumerate(rng.normal(size=datasets))
        for s in range(seeds)
        for name, mean in means.items()
    ]
    return pd.DataFrame(rows, columns=KEYS)


def test_the_interquartile_mean_is_scipys():
    x = np.random.default_rng(0).standard_t(1, size=(3, 22))
    assert iqm(x) == pytest.approx(trim_mean(x, 0.25, axis=1))
    middle = np.sort(x, axis=1)[:, 5:-5]
    assert iqm(x) == pytest.approx(middle.mean(axis=1))
    table = made_up({"a": 0.0, "b": 1.0})
    found = ranking(table, bootstrap=50).set_index("name")["iqm"]
    for name, of in table.groupby("name"):
        assert found[name] == pytest.approx(trim_mean(of["score"], 0.25))


def test_a_method_that_is_better_everywhere_is_first_and_alone():
    found = ranking(made_up({"b": 0.5, "c": 0.5, "best": 0.0, "worst": 2.0})).set_index("name")
    assert found.index[0] == "best" and found.index[-1] == "worst"
    assert found.loc["best", ["rank", "rank_low", "rank_high", "won"]].tolist() == [1, 1, 1, 1]
    assert found.loc["best", "cliques"] == "a"
    assert found.loc["b", "cliques"] == found.loc["c", "cliques"] == "b"
    assert found.loc["worst", "cliques"] == "c"
    assert (found["low"] <= found["iqm"]).all() and (found["iqm"] <= found["high"]).all()


@pytest.mark.parametrize("datasets", [3, 12])
def test_equal_methods_are_grouped(datasets):
    one = made_up({"a": 0.0}, datasets)
    table = pd.concat([one.assign(name=name, method=name) for name in "xyz"])
    found = ranking(table, bootstrap=200)
    assert set(found["cliques"]) == {"a"}
    assert set(found["rank"]) == {1} and found["won"].tolist() == pytest.approx([1 / 3] * 3)
    pairs = pairwise(table)
    assert (pairs["p"] == 1).all() and not pairs["apart"].any()


def test_permuting_the_names_changes_nothing():
    means = {"a": 0.0, "b": 0.05, "c": 0.3, "d": 0.31}
    table = made_up(means, spread=0.3)
    new = dict(zip("abcd", "cdba", strict=True))
    turned = table.assign(name=table["name"].map(new), method=table["method"].map(new))
    turned = turned.sample(frac=1, random_state=1)
    values = ["iqm", "low", "high", "rank", "rank_low", "rank_high", "won", "cliques"]
    before = ranking(table, bootstrap=100).set_index("name")[values]
    after = ranking(turned, bootstrap=100).set_index("name")[values]
    pd.testing.assert_frame_equal(before.rename(index=new), after.loc[before.index.map(new)])
    first = {frozenset(map(new.get, p[:2])): p[2] for p in _p_values(pairwise(table))}
    second = {frozenset(p[:2]): p[2] for p in _p_values(pairwise(turned))}
    assert first == pytest.approx(second, abs=0.01)


def _p_values(pairs):
    return pairs[["first", "second", "p_holm"]].itertuples(index=False, name=None)


def test_holm_is_what_its_definition_says():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.8])
    order = np.argsort(p)
    expected = np.empty(5)
    for i, place in enumerate(order):
        expected[place] = min(1, max((5 - j) * p[order[j]] for j in range(i + 1)))
    assert holm(p) == pytest.approx(expected)
    assert holm(p) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.8])
    found = holm([0.02, np.nan, 0.5])
    assert found[[0, 2]] == pytest.approx([0.04, 0.5]) and np.isnan(found[1])


def test_with_many_data_sets_the_test_is_wilcoxons():
    table = made_up({"a": 0.0, "b": 0.08, "c": 0.4}, datasets=12, spread=0.3)
    pairs = pairwise(table)
    means = table.pivot_table(index="dataset", columns="name", values="score")
    expected = [
        wilcoxon(means[one], means[other]).pvalue for one, other in itertools.combinations("abc", 2)
    ]
    assert set(pairs["test"]) == {"wilcoxon"}
    assert pairs["p"].tolist() == pytest.approx(expected)
    assert pairs["p_holm"].tolist() == pytest.approx(holm(expected))


def test_with_few_data_sets_it_is_students_within_them():
    # 3 pairs and 6 data sets: the least p-value, 2 / 64, is 0.09 after Holm's adjustment
    assert set(pairwise(made_up(dict.fromkeys("abc", 0.0), datasets=6))["test"]) == {"student"}
    assert set(pairwise(made_up(dict.fromkeys("abc", 0.0), datasets=7))["test"]) == {"wilcoxon"}


def test_on_one_data_set_it_is_the_paired_test_of_scipy():
    table = made_up({"a": 0.0, "b": 0.1}, datasets=1, spread=0.2, seed=3)
    wide = table.pivot(index="seed", columns="name", values="score")
    expected = ttest_rel(wide["a"], wide["b"])
    (row,) = pairwise(table).to_dict("records")
    assert row["p"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert [row["low"], row["high"]] == pytest.approx([interval.low, interval.high])


def test_on_two_data_sets_it_is_welchs_test():
    # the mean of two means is zero where the first is minus the second
    table = made_up({"a": 0.0, "b": 0.1}, datasets=2, spread=0.2, seed=4)
    table.loc[table["dataset"] == "d1", "score"] *= 3
    table = table[(table["dataset"] == "d0") | (table["seed"] < 5)]
    wide = table.pivot(index=["dataset", "seed"], columns="name", values="score")
    parts = [d.to_numpy() for _, d in (wide["a"] - wide["b"]).groupby(level=0)]
    (row,) = pairwise(table).to_dict("records")
    expected = ttest_ind(parts[0], -parts[1], equal_var=False)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert row["difference"] == pytest.approx((parts[0].mean() + parts[1].mean()) / 2)


def test_equal_laws_are_told_apart_as_rarely_as_said():
    refused = [
        pairwise(made_up(dict.fromkeys("abcd", 0.0), 3, 5, seed=s))["apart"].any()
        for s in range(150)
    ]
    # Holm's bound is 5 %; twice the standard error of 150 repetitions is 3.6 %
    assert np.mean(refused) <= 0.086


def test_many_methods_can_be_told_apart_after_adjustment():
    pairs = pairwise(made_up({f"m{i:02d}": 0.5 * i for i in range(26)}, datasets=2, seeds=5))
    assert len(pairs) == 325 and pairs["apart"].all()


def test_cliques_are_runs_without_a_pair_that_differs():
    apart = {("a", "d"), ("b", "d"), ("a", "c")}
    rows = [(*p, p in apart) for p in itertools.combinations("abcd", 2)]
    pairs = pd.DataFrame(rows, columns=["first", "second", "apart"])
    assert cliques("abcd", pairs) == [["a", "b"], ["b", "c"], ["c", "d"]]
    assert cliques("abcd", pairs.assign(apart=False)) == [list("abcd")]
    assert cliques("abcd", pairs.assign(apart=True)) == [["a"], ["b"], ["c"], ["d"]]


def test_few_seeds_are_not_ranked():
    table = made_up({"a": 0.0, "b": 3.0}, datasets=2, seeds=4)
    found = ranking(table)
    assert set(found["note"]) == {"not enough seeds to rank"}
    assert found[["rank", "won"]].isna().all(axis=None) and set(found["cliques"]) == {""}
    by_seed = table[table["name"] == "a"].groupby("seed")["score"].apply(trim_mean, 0.25)
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([by_seed.min(), by_seed.max()])
    pairs = pairwise(table)
    assert set(pairs["test"]) == {"range"} and not pairs["apart"].any() and pairs["p"].isna().all()
    assert ranking(made_up({"a": 0.0, "b": 3.0}, seeds=5))["rank"].tolist() == [1, 2]


def test_a_method_with_missing_cells_is_last_and_not_ranked():
    table = made_up({"a": 0.0, "b": 0.5, "c": -1.0})
    table = table[(table["name"] != "c") | (table["dataset"] != "d1") | (table["seed"] > 1)]
    found = ranking(table, bootstrap=100).set_index("name")
    assert list(found.index) == ["a", "b", "c"]
    assert found.loc["c", "missing"] == 2 and np.isnan(found.loc["c", "rank"])
    assert found.loc["c", "note"] == "not ranked: no score in 2 of 24 data sets x seeds"
    assert found["rank"].tolist()[:2] == [1, 2]
    own = table.loc[table["name"] == "c", "score"]
    assert found.loc["c", "iqm"] == pytest.approx(trim_mean(own, 0.25))
    alone = ranking(table[table["name"] != "c"], bootstrap=100).set_index("name")
    assert alone.loc["a", ["low", "high"]].tolist() == found.loc["a", ["low", "high"]].tolist()


def test_one_data_set_is_kept_and_its_seeds_are_drawn():
    table = made_up({"a": 0.0}, datasets=1, seeds=400, spread=1.0)
    (row,) = ranking(table, bootstrap=1000).to_dict("records")
    middle = np.sort(table["score"])[100:300]
    # the standard error of a trimmed mean: of the winsorised values, over the share that is kept
    error = np.concatenate([middle, np.repeat(middle[[0, -1]], 100)]).std() / (0.5 * 20)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_groups_are_ranked_by_themselves():
    both = pd.concat([made_up({"a": 0.0, "b": 1.0}), made_up({"a": 1.0, "b": 0.0}, group="joint")])
    found = ranking(both, bootstrap=100)
    assert found[["group", "name", "rank"]].to_numpy().tolist() == [
        ["bulk", "a", 1],
        ["bulk", "b", 2],
        ["joint", "b", 1],
        ["joint", "a", 2],
    ]


def test_no_scores_give_no_ranks():
    assert ranking(pd.DataFrame(columns=KEYS)).empty
