import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tailbench.metrics.precision_recall import PrecisionRecall, max_f_beta, prd_curve

histograms = (
    st.lists(st.integers(0, 20), min_size=4, max_size=4)
    .filter(sum)
    .map(lambda counts: np.array(counts) / sum(counts))
)


def test_equal_histograms_reach_one():
    p = np.array([0.2, 0.3, 0.5])
    precision, recall = prd_curve(p, p)
    assert max_f_beta(precision, recall, 8) == pytest.approx(1)
    assert max_f_beta(precision, recall, 1 / 8) == pytest.approx(1)


def test_disjoint_histograms_give_zero():
    precision, recall = prd_curve(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert max_f_beta(precision, recall, 8) == max_f_beta(precision, recall, 1 / 8) == 0


@given(p=histograms, q=histograms)
@budget(max_examples=50, deadline=None)
def test_swapping_the_sides_swaps_precision_and_recall(p, q):
    forth, back = prd_curve(p, q, 2001), prd_curve(q, p, 2001)
    for beta in (8, 1 / 8):
        assert max_f_beta(*forth, beta) == pytest.approx(max_f_beta(*back, 1 / beta), abs=1e-6)
    assert forth[0].max() <= 1 + 1e-12 and forth[1].max() <= 1 + 1e-12


def test_half_of_the_modes_costs_recall(rng):
    """Samples on one of two far clusters: the curve is (min(s/2, 1), min(1/2, 1/s))."""
    y = np.concatenate([rng.normal(-50, 1, (3000, 2)), rng.normal(50, 1, (3000, 2))])
    x = rng.normal(50, 1, (6000, 2))
    values = PrecisionRecall(clusters=2)(x, y, None, rng)
    assert values["precision_f18"] == pytest.approx(65 * 0.5 / (1 + 64 * 0.5), abs=0.002)
    assert values["recall_f8"] == pytest.approx(65 * 0.5 / (64 + 0.5), abs=0.002)
    swapped = PrecisionRecall(clusters=2)(y, x, None, rng)
    assert swapped["recall_f8"] == pytest.approx(values["precision_f18"], abs=0.002)


def test_disjoint_samples_give_zero(rng):
    x = rng.standard_normal((3000, 2))
    values = PrecisionRecall(runs=2)(x + 1000, x, None, rng)
    assert list(values.values()) == pytest.approx([0, 0, 0], abs=1e-12)


def test_two_samples_of_one_law(rng):
    x, y = rng.standard_normal((2, 15_000, 2))
    values = PrecisionRecall()(x, y, None, rng)
    assert 0.992 < values["f1_pr"] < 0.998
    f8, f18 = values["recall_f8"], values["precision_f18"]
    assert values["f1_pr"] == pytest.approx(2 * f8 * f18 / (f8 + f18))


def test_it_does_not_see_the_tails(rng):
    x, y = rng.standard_normal((2, 10_000, 2))
    x[:5] *= 1e4
    assert PrecisionRecall(runs=3)(x, y, None, rng)["f1_pr"] > 0.9


def test_clusters_and_thinning(rng, monkeypatch):
    import tailbench.metrics.precision_recall as module

    seen = []

    def spy(pooled, clusters, rng):
        seen.append((len(pooled), clusters))
        return np.arange(len(pooled)) % clusters

    monkeypatch.setattr(module, "_partition", spy)
    x = rng.standard_normal((4000, 1))
    PrecisionRecall(runs=1)(x, x, None, rng)
    PrecisionRecall(runs=1)(x[:2500], x, None, rng)
    PrecisionRecall(runs=1, max_samples=3000)(x, x, None, rng)
    PrecisionRecall(runs=1, max_samples=3000, clusters=7)(x[:50], x, None, rng)
    assert seen == [(8000, 100), (6500, 20), (6000, 100), (3050, 7)]


def test_too_few_rows(rng):
    with pytest.raises(ValueError, match="8 rows are too few for 20 clusters"):
        PrecisionRecall()(np.eye(4), np.eye(4), None, rng)
