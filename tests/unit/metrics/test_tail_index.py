import numpy as np
import pytest

from tailbench.metrics.tail_index import TailIndex
from tailbench.stats.tail_index import extreme_value_index


@pytest.mark.parametrize("n", [10, 199])
def test_too_few_rows(n, truth, rng):
    with pytest.raises(ValueError, match="too few"):
        TailIndex()(np.ones((n, 1)), np.ones((1000, 1)), None, rng)


def test_the_truth_is_used_where_it_is_finite(truth, rng):
    x, y = rng.standard_t(2.5, (2, 20_000, 2))
    known = truth(dim=2, index=np.array([2.5, 2.5]), norm_index=2.5)
    metric = TailIndex()
    values = metric(x, y, known, rng)
    assert all(value < 0.12 for value in values.values())
    assert metric(x, 9 * y**3, known, rng) == values
    assert TailIndex(reference="sample")(x, 9 * y**3, known, rng) != values
    assert TailIndex(reference="sample")(x, y, known, rng) == metric(x, y, None, rng)


def test_light_tails_are_compared_with_the_reference(truth, rng):
    x, y = rng.standard_normal((2, 20_000, 2))
    known = truth(dim=2, index=np.full(2, np.inf), norm_index=np.inf)
    values = TailIndex()(x, y, known, rng)
    assert values == TailIndex()(x, y, None, rng)
    assert values["tail_index_error_hill"] < 0.03
    mixed = truth(dim=2, index=np.array([np.inf, 2.0]), norm_index=2.0)
    assert TailIndex()(x, y, mixed, rng)["tail_index_error_hill"] > 0.15


def test_a_model_with_light_tails_is_found_out(truth, rng):
    known = truth(dim=2, index=np.array([1.7, 1.7]), norm_index=1.7)
    values = TailIndex()(
        rng.standard_normal((20_000, 2)), rng.standard_normal((500, 2)), known, rng
    )
    assert all(value > 0.4 for value in values.values())


def test_place_does_not_matter(rng):
    x, y = rng.standard_t(2, (2, 5000, 2))
    plain, moved = TailIndex()(x, y, None, rng), TailIndex()(x + 7, y - 3, None, rng)
    assert moved == pytest.approx(plain, rel=1e-6)


def test_the_bias_is_as_documented():
    from tailbench.targets.alpha_stable import AlphaStable

    errors = {"hill": [], "moment": []}
    for seed in range(15):
        x = np.abs(AlphaStable().sample(20_000, np.random.default_rng(seed))[:, 0])
        for estimator, fraction in (("hill", 0.01), ("moment", 0.05)):
            errors[estimator].append(
                extreme_value_index(x, int(fraction * len(x)), estimator) - 1 / 1.7
            )
    assert np.mean(errors["hill"]) == pytest.approx(-0.032, abs=0.03)
    assert np.mean(errors["moment"]) == pytest.approx(-0.020, abs=0.03)
