"""The split of a distance into start, steps and score, on tables made by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.reporting.decomposition import PARTS, decomposition

CONFIG = parse(
    {
        "datasets": {"stable": {"type": "alpha_stable"}, "grid": {"type": "gaussian_grid"}},
        "models": {"sgm": {}, "flow": {}},
        "methods": {
            "sgm": {"sampling_steps": [16, 32]},
            "flow": {},
            "flow_sgm": {"sigma_T": [0.5, 2]},
            "auto": {"type": "flow_sgm"},
            "oracle": {},
            "from_data": {"type": "oracle", "start": "data", "sigma_T": [0.5, 2, 80]},
            "oracle_start": {"sigma_T": [0.5, 2]},
        },
        "metrics": {"sliced_wasserstein": {}},
    }
).raw()
# value of each seed less its floor of 1, 2 and 4, which are the unit of the metric
VALUES = {
    ("sgm", "sampling_steps=16"): (7.0, 7.0, 7.0),
    ("sgm", "sampling_steps=32"): (5.0, 6.0, 10.0),
    ("flow", ""): (1.0, 1.0, 1.0),
    ("flow_sgm", "sigma_T=0.5"): (2.0, 2.0, 2.0),
    ("flow_sgm", "sigma_T=2"): (3.0, 4.0, 8.0),
    ("auto", ""): (0.5, 0.25, 9.0),
    ("oracle", ""): (1.5, 2.0, 2.5),
    ("from_data", "sigma_T=0.5"): (0.25, 0.25, 0.25),
    ("from_data", "sigma_T=2"): (0.5, 1.0, 0.75),
    ("from_data", "sigma_T=80"): (1.5, 1.5, 2.5),
    ("oracle_start", "sigma_T=0.5"): (1.0, 1.0, 1.0),
    ("oracle_start", "sigma_T=2"): (2.0, 2.0, 6.0),
}
AUTO = (0.5, 0.0, 2.0)
FLOORS = (1.0, 2.0, 4.0)


def table(without=(), dataset="stable", metric="max_sw1"):
    rows = []
    for (method, variant), values in VALUES.items():
        if method in without or (method, variant) in without:
            continue
        swept = {
            k: json.loads(v) for k, _, v in (p.partition("=") for p in variant.split(",") if p)
        }
        for seed, (value, floor) in enumerate(zip(values, FLOORS, strict=True)):
            chosen = AUTO[seed] if method == "auto" else swept.get("sigma_T", math.nan)
            rows.append(
                {
                    "dataset": dataset,
                    "method": method,
                    "variant": variant,
                    "seed": seed,
                    "metric": metric,
                    "value": value + floor,
                    "floor": floor,
                    "settings": json.dumps(swept),
                    "sigma_T": chosen,
                }
            )
    return pd.DataFrame(rows)


def split(**options):
    rows = decomposition(table(**options), CONFIG)
    return {(row["method"], row["variant"]): row for row in rows.to_dict("records")}


def test_of_a_flow_started_model():
    row = split()["flow_sgm", "sigma_T=2"]
    assert (row["distance"], row["floor"], row["n"]) == (4.0, 2.0, 3)
    assert row["discretisation"] == np.median([0.5, 1.0, 0.75])
    assert row["learning"] == np.median([1.5, 1.0, 5.25])
    assert row["start"] == np.median([1.0, 2.0, 2.0])
    assert row["start_ratio"] == np.median([1.0 / 1, 2.0 / 2, 2.0 / 4])
    assert row["distance_ratio"] == np.median([3.0, 2.0, 2.0])
    assert not any(row[f"missing_{part}"] for part in PARTS)


def test_of_a_model_from_the_gaussian():
    row = split()["sgm", "sampling_steps=32"]
    assert row["distance"] == 6.0
    assert row["discretisation"] == 1.5
    assert row["start"] == np.median([0.0, 0.5, 0.0])
    assert row["learning"] == np.median([3.5, 4.0, 7.5])


def test_a_chosen_level_is_that_of_each_seed():
    """0.5, then the flow as it is, then 2."""
    row = split()["auto", ""]
    assert row["discretisation"] == np.median([0.25, 0.0, 0.75])
    assert row["learning"] == np.median([0.75, 0.0, 5.25])
    assert row["start"] == np.median([-0.5, 0.25, 3.0])


def test_other_methods_are_not_split():
    assert {method for method, _ in split()} == {"sgm", "flow_sgm", "auto"}


def test_what_is_missing_is_named():
    rows = split()
    row = rows["sgm", "sampling_steps=16"]  # the oracles have 32 steps
    assert all(math.isnan(row[part]) for part in PARTS)
    assert row["missing_learning"] == (
        "oracle, start: gaussian, sigma_max: 80, sampler: heun, sampling_steps: 16, "
        "sigma_min: 0.005"
    )
    assert row["missing_start"].startswith("oracle, start: data, sigma_T: 80, ")
    row = split(without=[("oracle_start", "sigma_T=0.5")])["flow_sgm", "sigma_T=0.5"]
    assert row["discretisation"] == 0.25 and row["missing_discretisation"] == ""
    assert math.isnan(row["start"]) and math.isnan(row["learning"])
    assert row["missing_start"].startswith("oracle_start, model: sgm, sigma_T: 0.5, ")


def test_real_data_have_no_oracle():
    config = json.loads(json.dumps(CONFIG))
    config["datasets"] = {"prices": {"type": "returns"}}
    rows = table(without=("oracle", "from_data"), dataset="prices")
    found = decomposition(rows, config).set_index(["method", "variant"])
    own = found.loc[("flow_sgm", "sigma_T=2")]
    assert own["start"] == 2.0 and own["missing_start"] == ""
    assert own["missing_learning"] == own["missing_discretisation"] == "an exact law"
    assert found.loc[("sgm", "sampling_steps=16"), "missing_start"] == "an exact law"


def test_what_other_samplers_do_explains_nothing():
    config = json.loads(json.dumps(CONFIG))
    config["methods"]["from_data"]["sampler"] = "euler"
    rows = decomposition(table(), config)
    assert rows["discretisation"].isna().sum() == len(rows) - 1  # the auto seed without a step


@pytest.mark.parametrize(
    "options",
    [
        {"without": ["oracle", "from_data", "oracle_start"]},
        {"metric": "tail_ks"},
    ],
)
def test_without_references_or_metrics_there_is_no_row(options):
    assert decomposition(table(**options), CONFIG).empty


def test_values_that_are_not_finite_are_left_out():
    metrics = table()
    metrics.loc[(metrics["method"] == "flow_sgm") & (metrics["seed"] == 1), "value"] = math.inf
    row = (
        decomposition(metrics, CONFIG).set_index(["method", "variant"]).loc["flow_sgm", "sigma_T=2"]
    )
    assert row["n"] == 2 and row["start"] == np.median([1.0, 2.0])


def test_metrics_of_another_program():
    assert decomposition(table().drop(columns="settings"), CONFIG).empty
    assert decomposition(table(), {}).empty
