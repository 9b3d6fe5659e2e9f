"""More samples than held-out rows: who reads all of them, and who as many as the floor has."""

import csv
import json

import numpy as np
import pytest
from scipy import stats

from fabricate import seal
from tailbench.io.arrays import write_array
from tailbench.pipeline.config.model import ConfigError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import JobResources
from tailbench.pipeline.reporting.risk_table import risk_table
from tailbench.pipeline.reporting.risks import REAL, risks
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.pipeline.stages import data, evaluate, sample, train

DRAWN, HELD_OUT, SCALE = 50_000, 300, 2.0


def plan_of(**keys):
    target = {"type": "gmm", "dim": 2, "n_train": 4000, "n_test": HELD_OUT, **keys}
    return Plan(
        parse(
            {
                "seeds": [3],
                "datasets": {"own": target, "other": {"type": "gmm", "dim": 2}},
                "models": {"mvt": {}},
                "methods": {"mvt": {}},
                "metrics": {"msle": {}},
            }
        )
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The stages up to the metrics, of a model that was given Student-t data."""
    plan, root = plan_of(n_samples=DRAWN), tmp_path_factory.mktemp("run")
    place = root / "data" / "own" / "3"
    data.run("own", "3", plan.specs.data("own"), place)
    rng = np.random.default_rng(0)
    law = stats.multivariate_t(shape=SCALE**2 * np.eye(2), df=4, seed=rng)
    for part, rows in (("train", 4000), ("test", HELD_OUT), ("floor", HELD_OUT)):
        (place / f"{part}.npy").unlink()
        write_array(place / f"{part}.npy", [law.rvs(rows)])
    meta = json.loads((place / "meta.json").read_text()) | {"tail_index": [4.0, 4.0]}
    (place / "meta.json").unlink()
    seal(place / "meta.json", sorted(place.glob("*.npy")), meta)
    model = root / "models" / "own" / "mvt" / "3"
    train.run(
        "own", "mvt", "3", plan.specs.train("mvt", "own"), plan.code("train", "mvt", "own"),
        place / "train.npy", model, root / "state", "cpu",
    )  # fmt: skip
    output = root / "samples" / "own" / "mvt" / "3" / "samples.npy"
    spec = plan.specs.sample("mvt", "own")
    sample.run("own", "mvt", "3", spec, model.parent.parent, place, output, "cpu")
    table = root / "metrics" / "own" / "mvt" / "3" / "metrics.csv"
    spec = plan.specs.evaluate("own")
    evaluate.run("own", "mvt", "3", spec, place, table, output)
    return root


def test_as_many_are_drawn_as_are_asked_for(results):
    assert np.load(results / "samples/own/mvt/3/samples.npy").shape == (1, 1, DRAWN, 2)


def test_metrics_are_those_of_as_many_samples_as_held_out_rows(results, tmp_path):
    plan, place = plan_of(), results / "data" / "own" / "3"
    source = results / "samples" / "own" / "mvt" / "3"
    few = tmp_path / "samples.npy"
    write_array(few, list(np.load(source / "samples.npy")[:, :, :HELD_OUT]))
    seal(tmp_path / "record.json", [few], json.loads((source / "record.json").read_text()))
    table = tmp_path / "out" / "metrics.csv"
    evaluate.run("own", "mvt", "3", plan.specs.evaluate("own"), place, table, few)
    values = [
        [row["value"] for row in csv.DictReader(path.open())]
        for path in (table, results / "metrics/own/mvt/3/metrics.csv")
    ]
    assert values[0] == values[1] and len(values[0]) == 3


def test_values_at_risk_are_of_all_samples(results):
    """At 99.9 % they rest on 50 draws, and come near to the law; 0.3 held-out rows say nothing."""
    found = risks(ResultsReader(results))
    far = found[(found["level"] == 0.999) & (found["tail"] == "upper")]
    assert set(far["name"]) == {"mvt"} and far["beyond"].tolist() == pytest.approx([50, 50])
    exact = SCALE * stats.t(4).ppf(0.999)
    # the standard error of the quantile by 50,000 draws is 4 %, that of a model by 4,000 rows 3 %
    assert far["var"].to_numpy() == pytest.approx(exact, rel=4 * np.hypot(0.04, 0.03))
    table = risk_table(found, "own")
    assert [level["rows"] for level in table["levels"]] == ["15", "3", "0"]
    assert table["few"] == [False, True, True] and REAL in table["names"]


def test_without_it_nothing_changes():
    plain, more = plan_of(), plan_of(n_samples=DRAWN)
    assert plain.specs.sample("mvt", "own") == plain.specs.sample("mvt")
    assert more.specs.sample("mvt", "other") == plain.specs.sample("mvt")
    assert more.specs.sample("mvt", "own") != plain.specs.sample("mvt")
    assert more.specs.data("own") == plain.specs.data("own")
    assert more.specs.evaluate("own") == plain.specs.evaluate("own")
    assert parse(more.config.raw()) == more.config


def test_more_samples_ask_for_more_memory():
    few, many = (JobResources(plan_of(n_samples=n)).sample("own", "mvt", "3") for n in (9, 10**7))
    assert many.memory > few.memory + 500 and many.minutes >= few.minutes
    assert JobResources(plan_of()).sample("own", "mvt", "3") == few


@pytest.mark.parametrize("n", [0, -5, "many", 10**10])
def test_a_number_that_cannot_be_is_refused(n):
    with pytest.raises(ConfigError, match=r"datasets\.own.*n_samples"):
        plan_of(n_samples=n)
