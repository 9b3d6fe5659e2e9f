"""Parts of a benchmark that keep the order: against scipy, brute force and by construction."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, rankdata, spearmanr, trim_mean

from tailbench.exceptions import InputError
from tailbench.metrics.order_keeping import Part, cheapest, kendall, order_keeping
from tailbench.metrics.separation import pairwise

GROUPS = ("bulk", "margins", "joint")


def made_up(values, groups=GROUPS):
    """Lay scores ``(groups, methods, data sets, seeds)`` out as a table, with metrics."""
    rows, costs = [], []
    _, methods, datasets, seeds = values.shape
    for m, d, s in itertools.product(range(methods), range(datasets), range(seeds)):
        cell = (f"d{d}", f"m{m}", "", f"m{m}", s)
        rows += [(*cell, g, values[i, m, d, s]) for i, g in enumerate(groups)]
        costs.append((f"d{d}", f"m{m}", "", s, "sw1", 1.0, 1.0, 10.0 * (d + 1), 0.0))
    columns = ["dataset", "method", "variant", "name", "seed", "group", "score"]
    of = ["dataset", "method", "variant", "seed", "metric", "value", "floor"]
    metrics = pd.DataFrame(costs, columns=[*of, "train_seconds", "sample_seconds"])
    return pd.DataFrame(rows, columns=columns), metrics


def noisy(methods=9, datasets=4, seeds=3, spread=0.3, seed=0):
    rng = np.random.default_rng(seed)
    noise = spread * rng.normal(size=(3, methods, datasets, seeds))
    return rng.normal(size=(3, methods, 1, 1)) + noise


def best_of(taus):
    """Return the first of the best: by the least correlation of a group, then by their mean."""
    keys = [tuple(np.round([min(of), np.mean(of)], 9)) for of in taus]
    return max(range(len(keys)), key=keys.__getitem__)


def test_kendall_is_scipys_with_ties():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, (5, 20)).astype(float), rng.normal(size=20)
    assert kendall(x, y) == pytest.approx([kendalltau(row, y).statistic for row in x])
    assert kendall(np.zeros(4), np.arange(4.0)) == 0


def test_the_whole_agrees_with_itself_and_costs_all():
    parts = order_keeping(*made_up(noisy()))
    assert len(parts) == 3 * 4
    assert {(len(p.seeds), len(p.datasets)) for p in parts} == {
        *itertools.product((1, 2, 3), range(1, 5))
    }
    whole = parts[-1]
    assert whole.datasets == ("d0", "d1", "d2", "d3") and whole.seeds == (0, 1, 2)
    assert whole.share == pytest.approx(1.0)
    for of in whole.agreement.values():
        assert of.pop("moved") == 0
        assert of == pytest.approx(dict.fromkeys(("kendall", "spearman", "held_out", "apart"), 1.0))


def test_the_first_data_set_is_the_best_of_all_and_its_correlations_are_scipys():
    values = noisy(spread=0.8)
    found = next(p for p in order_keeping(*made_up(values)) if len(p.datasets) == len(p.seeds) == 1)
    whole = trim_mean(values.reshape(3, 9, -1), 0.25, axis=-1)
    single = values[..., 0]
    taus = [[kendalltau(single[g, :, d], whole[g]).statistic for g in range(3)] for d in range(4)]
    best = best_of(taus)
    assert found.datasets == (f"d{best}",)
    assert found.share == pytest.approx((best + 1) / 10 / 3)
    for g, group in enumerate(GROUPS):
        assert found.agreement[group]["kendall"] == pytest.approx(taus[best][g])
        rho = spearmanr(single[g, :, best], whole[g]).statistic
        assert found.agreement[group]["spearman"] == pytest.approx(rho)


def test_a_held_out_method_is_placed_by_a_part_that_was_chosen_without_it():
    values = noisy(methods=6, datasets=3, seeds=5, spread=1.0, seed=3)
    table, metrics = made_up(values)
    found = next(p for p in order_keeping(table, metrics) if len(p.datasets) == 1)
    assert len(found.seeds) == 1
    whole = trim_mean(values.reshape(3, 6, -1), 0.25, axis=-1)
    single = values[..., 0]
    placed, signs = np.empty((3, 6)), np.zeros((3, 6, 6))
    for m in range(6):
        rest = [i for i in range(6) if i != m]
        taus = [
            [kendalltau(single[g, rest, d], whole[g, rest]).statistic for g in range(3)]
            for d in range(3)
        ]
        best = best_of(taus)
        placed[:, m] = rankdata(single[:, :, best], axis=1)[:, m]
        signs[:, m] = np.sign(single[:, [m], best] - single[:, :, best])
    places, pairs = rankdata(whole, axis=1), pairwise(table)
    for g, group in enumerate(GROUPS):
        of = found.agreement[group]
        same = signs[g] * np.sign(whole[g][:, None] - whole[g])
        assert of["held_out"] == pytest.approx(same.sum() / 30)
        told = pairs[pairs["apart"] & (pairs["group"] == group)]
        ends = [(int(a[1:]), int(b[1:])) for a, b in told[["first", "second"]].to_numpy()]
        kept = [same[pair] > 0 for a, b in ends for pair in ((a, b), (b, a))]
        assert of["apart"] == pytest.approx(np.mean(kept) if kept else 1.0)
        assert of["moved"] == np.abs(placed[g] - places[g]).max()


def test_a_data_set_that_reverses_the_order_is_not_among_the_first():
    values = noisy(spread=0.01)
    values[:, :, 2] *= -1
    parts = order_keeping(*made_up(values))
    assert all("d2" not in p.datasets for p in parts if len(p.datasets) < 3)


def test_methods_without_all_scores_do_not_count():
    table, metrics = made_up(noisy(methods=6))
    gap = (table["name"] == "m5") & (table["dataset"] == "d0") & (table["group"] == "joint")
    parts = order_keeping(table[~gap], metrics)
    expected = order_keeping(*made_up(noisy(methods=6)[:, :5]))
    assert [p.agreement for p in parts] == [p.agreement for p in expected]


def test_what_has_no_order_is_refused():
    with pytest.raises(InputError, match="3 methods have all scores, and 4 are needed"):
        order_keeping(*made_up(noisy(methods=3)))
    table, metrics = made_up(noisy())
    short = table[~((table["dataset"] == "d1") & (table["seed"] == 2))]
    with pytest.raises(InputError, match="do not have the same seeds"):
        order_keeping(short, metrics)


def test_the_cheapest_part_that_is_good_enough():
    def part(share, held_out, apart=1.0, seeds=1):
        agreement = {
            "bulk": {"held_out": held_out, "apart": 1.0},
            "joint": {"held_out": 0.95, "apart": apart},
        }
        return Part(("d",), tuple(range(seeds)), share, agreement)

    parts = [
        part(0.1, 0.7),
        part(0.3, 0.91, seeds=2),
        part(0.4, 0.99, seeds=5),
        part(0.2, 0.92, apart=0.97),
        part(0.15, 0.92, apart=0.9),
    ]
    assert cheapest(parts) is parts[3]
    assert cheapest(parts, apart=0.98) is parts[1]
    assert cheapest(parts, apart=0.9) is parts[4]
    assert cheapest(parts, correlation=0.93) is parts[2]
    assert cheapest(parts, least_seeds=3) is parts[2]
    with pytest.raises(
        InputError, match=r"no part has a correlation of 0\.96 and 95% of the pairs"
    ):
        cheapest(parts, correlation=0.96)
