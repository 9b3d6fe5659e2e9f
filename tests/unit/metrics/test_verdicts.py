"""Sentences about data sets, from tables made up so that there is one right answer."""

import numpy as np
import pandas as pd
import pytest

from tailbench import registry
from tailbench.metrics.group_scores import scores
from tailbench.metrics.verdicts import judgements, verdicts

METRICS = {"sw1": "bulk", "msle": "margins", "chi95_error": "joint"}


def made_up(methods, dataset="d", seeds=5):
    """Make metrics of methods with given floors, bulk, margins, joint, and sides of the error."""
    rows = []
    for name, (floors, sides) in methods.items():
        for s in range(seeds):
            noise = 1 + 0.01 * (s - seeds // 2)
            values = dict(zip(METRICS, floors, strict=False)) | sides
            rows += [
                (dataset, name, "", s, metric, value, 1.05)
                if "_too_" in metric
                else (dataset, name, "", s, metric, 0.1 * value * noise, 0.1)
                for metric, value in values.items()
            ]
    columns = ["dataset", "method", "variant", "seed", "metric", "value", "floor"]
    return pd.DataFrame(rows, columns=columns)


def sides(light=1.0, heavy=1.0, norm_light=1.0, norm_heavy=1.0):
    """Return the sides of the error of tails, in multiples of a floor of 5 % for both sides."""
    given = {
        "tails_too_light": light,
        "tails_too_heavy": heavy,
        "norm_too_light": norm_light,
        "norm_too_heavy": norm_heavy,
    }
    return {key: 1.05**value for key, value in given.items()}


def judged(metrics):
    return judgements(metrics, scores(metrics))


def test_the_worst_tail_group_decides_with_its_direction():
    found = judged(
        made_up(
            {
                "thin": ([1.0, 9.0, 4.0], sides(light=20, heavy=0)),
                "fat": ([1.0, 2.0, 7.0], sides(norm_light=3, norm_heavy=7)),
                "askew": ([1.0, 9.0, 4.0], sides(light=5, heavy=4)),
                "dependence": ([1.0, 1.2, 6.0], sides(light=9)),
                "bulky": ([50.0, 1.4, 1.2], sides()),
            }
        )
    ).set_index("name")
    assert found["worst"].to_dict() == {
        "thin": "margins",
        "fat": "joint",
        "askew": "margins",
        "dependence": "joint",
        "bulky": "margins",
    }
    assert found["direction"].tolist() == [
        "too light",
        "too heavy",
        "too light and too heavy",
        "",
        "",
    ]
    assert found.loc["thin", ["bulk", "margins", "joint"]].tolist() == pytest.approx([1, 9, 4])
    assert set(found["seeds"]) == {5}


def test_one_sentence_for_each_data_set():
    metrics = made_up(
        {
            "good": ([1.1, 1.4, 1.2], sides()),
            "thin": ([1.0, 9.0, 4.0], sides(light=20, heavy=0)),
            "blunt": ([3.0, 1.0, 1.0], sides()),
            "lost": ([8.0, 2.0, 64.0], sides(norm_heavy=90)),
        }
    )
    other = made_up({"thin": ([1.0, 2.0, 3.0], {})}, "e", seeds=1)
    found = verdicts(judged(pd.concat([metrics, other]))).set_index("dataset")
    assert found.loc["d", "sentence"] == (
        "On d, 1 of 4 methods reproduces bulk, margins' tails and joint tails within 1.5 floors: "
        "good; 1 reproduces the bulk but not the tails: thin (margins' tails 9 floors, too light); "
        "1 reproduces the tails but not the bulk: blunt (bulk 3 floors); "
        "1 reproduces neither: lost (joint tails 64 floors, too heavy) (medians of 5 seeds)."
    )
    assert found.loc["e", "sentence"] == (
        "On e, the one method does not reproduce bulk, margins' tails and joint tails within 1.5 "
        "floors; 1 reproduces the bulk but not the tails: thin (joint tails 3 floors) "
        "(medians of 1 seed)."
    )
    assert found[["good", "methods"]].to_numpy().tolist() == [[1, 4], [0, 1]]


def test_the_threshold_is_one_and_a_half_floors():
    metrics = made_up({"a": ([1.0, 1.51, 1.0], {}), "b": ([1.0, 1.49, 1.0], {})})
    assert verdicts(judged(metrics))["sentence"][0].startswith("On d, 1 of 2 methods reproduces")
    assert verdicts(judged(metrics), within=2)["good"][0] == 2


def test_the_number_of_methods_is_said_and_the_worst_are_named():
    metrics = made_up({f"m{i}": ([1.0, 1.0, 2.0 + i], {}) for i in range(9)})
    sentence = verdicts(judged(metrics))["sentence"][0]
    assert "9 reproduce the bulk but not the tails: farthest off m8 (joint tails 10" in sentence
    assert "m5" not in sentence
    metrics = made_up({f"m{i}": ([1.0, 1.0, 1.0], {}) for i in range(9)})
    assert "9 of 9 methods reproduce" in verdicts(judged(metrics))["sentence"][0]
    assert "m0, m1, m2 and 6 more" in verdicts(judged(metrics))["sentence"][0]


def test_a_group_that_the_data_set_has_not_is_not_asked_for():
    metrics = made_up({"a": ([1.0, 1.2], {}), "b": ([1.0, 4.0], {})})
    sentence = verdicts(judged(metrics))["sentence"][0]
    assert "1 of 2 methods reproduces bulk and margins' tails within" in sentence
    metrics = made_up({"a": ([1.0], {}), "b": ([3.0], {})})
    sentence = verdicts(judged(metrics))["sentence"][0]
    assert "reproduces bulk within 1.5 floors: a; of the others, b (bulk 3 floors)" in sentence


def test_a_method_without_a_group_that_another_has_reproduces_nothing():
    metrics = made_up({"a": ([1.0, 1.2, 1.0], {}), "b": ([1.0, 1.0], {})})
    found = verdicts(judged(metrics))
    assert found["good"][0] == 1
    assert "b (no score of joint tails)" in found["sentence"][0]


def test_infinite_and_missing_values():
    metrics = made_up({"a": ([1.0, np.inf, np.nan], {}), "b": ([1.0, 1.0, 1.0], {})})
    assert "a (no score of joint tails)" in verdicts(judged(metrics))["sentence"][0]
    assert judged(metrics).set_index("name").loc["a", "margins"] == pytest.approx(100)
    metrics = made_up({"a": ([1.0, 1.0, 1e6], {})})
    assert "a (joint tails at least 100 floors)" in verdicts(judged(metrics))["sentence"][0]
    assert verdicts(judged(metrics.head(0))).empty


def test_laws_with_lighter_and_heavier_tails_are_named_so():
    laws = {
        "same": lambda r, n: r.standard_t(3, (n, 2)),
        "gaussian": lambda r, n: np.sqrt(3) * r.normal(size=(n, 2)),
        "cauchy": lambda r, n: r.standard_t(1, (n, 2)),
    }
    names = ("sliced_wasserstein_log", "msle", "extremal_dependence", "tail_direction")
    parts = [registry.load("metrics", name)() for name in names]
    rows = []
    for seed in range(5):
        test, floor = (laws["same"](np.random.default_rng([seed, k]), 4000) for k in (0, 1))
        floors = [part(floor, test, None, np.random.default_rng(0)) for part in parts]
        for method, draw in laws.items():
            samples = draw(np.random.default_rng([seed, 2]), 4000)
            for part, real in zip(parts, floors, strict=True):
                made = part(samples, test, None, np.random.default_rng(0))
                rows += [("t3", method, "", seed, key, made[key], real[key]) for key in made]
    columns = ["dataset", "method", "variant", "seed", "metric", "value", "floor"]
    metrics = pd.DataFrame(rows, columns=columns)
    found = judged(metrics).set_index("name")
    assert found.loc[["gaussian", "cauchy"], "direction"].tolist() == ["too light", "too heavy"]
    assert (found.loc[["gaussian", "cauchy"], "margins"] > 3).all()
    assert found.loc["same", "direction"] == ""
    assert "gaussian (" in verdicts(judged(metrics))["sentence"][0]
