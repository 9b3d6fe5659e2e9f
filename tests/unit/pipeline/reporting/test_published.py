"""The published numbers load, and meet only comparable results."""

import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.pipeline.reporting import published
from tailbench.pipeline.reporting.published.comparison import published_vs_ours

OUTPUTS = {
    "max_sw1": MetricOutput("max-sliced W1"),
    "max_sw2": MetricOutput("max-sliced W2"),
    "msle_official": MetricOutput("MSLE"),
    "f1_pr": MetricOutput("F1", "higher"),
}


def test_every_table_loads_and_names_its_source():
    assert "flow_sgm_headline" in published.names()
    for name in published.names():
        assert len(published.load(name)) > 3
        assert published.citation(name)
        about = published.head(name)
        assert about["datasets"] and about["compared_with"] and about["note"]


def test_an_unknown_table_is_an_input_error():
    with pytest.raises(InputError, match="there is no published table 'x'"):
        published.load("x")


def metrics(*rows):
    columns = ["dataset", "variant", "method", "metric", "value"]
    table = pd.DataFrame([row for row in rows for _ in (0, 1)], columns=columns)
    return table.assign(model="m", seed=[0, 1] * len(rows), floor=0.1)


def config(**datasets):
    return {
        "datasets": datasets,
        "models": {
            "a": {"type": "dlpm", "alpha": 1.7},
            "b": {"type": "dlpm", "alpha": 1.8},
            "c": {"type": "lim", "alpha": 1.7},
        },
        "methods": {
            "first": {"type": "dlpm", "model": "a", "sampling_steps": 100},
            "dlpm_5": {"type": "dlpm", "model": "b"},
            "third": {"type": "lim", "model": "c"},
            "started": {"type": "flow_sgm", "flow": "f", "sgm": "s"},
        },
    }


def entry(type_, **settings):
    return {"type": type_, **settings}


def test_headline_meets_datasets_of_the_same_type_and_dimension():
    of = metrics(
        ("big", "sigma_T=4", "started", "max_sw1", 0.2),
        ("big", "first", "first", "max_sw1", 0.1),
        ("small", "sigma_T=4", "started", "max_sw1", 0.3),
    )
    known = config(big=entry("gmm", dim=40), small=entry("gmm", dim=10))
    table = published_vs_ours(of, known, OUTPUTS)
    met = table[table["n"] > 0]
    assert list(met["data"]) == ["GMM d=40"]
    assert list(met["method"]) == ["started"]
    assert list(met["name"]) == ["started, sigma_T = 4"]
    assert met["ours"].item() == pytest.approx(0.2)
    assert "indicative" in met["note"].item()
    fid = table[table["published_metric"] == "FID"]
    assert (fid["note"] == "not run here").all()


@pytest.mark.parametrize(
    ("units", "metric", "meets"),
    [
        ("raw", "max_sw1", True),
        ("robust", "max_sw1", False),
        ("robust", "max_sw2_headline", True),
    ],
)
def test_headline_meets_distances_in_units_of_the_data_alone(units, metric, meets):
    known = config(big=entry("gmm", dim=40))
    known["metrics"] = {"sliced_wasserstein": {"units": units}}
    outputs = OUTPUTS | {"max_sw2_headline": MetricOutput("max-sliced W2, as the headline")}
    table = published_vs_ours(metrics(("big", "sigma_T=4", "started", metric, 0.2)), known, outputs)
    assert (table["n"] > 0).sum() == meets


def test_tables_by_alpha_meet_models_of_that_alpha():
    of = metrics(
        ("grid", "first", "first", "f1_pr", 0.7),
        ("grid", "dlpm_5", "dlpm_5", "f1_pr", 0.8),
        ("grid", "third", "third", "f1_pr", 0.6),
    )
    table = published_vs_ours(of, config(grid=entry("gaussian_grid")), OUTPUTS)
    met = table[table["n"] > 0].set_index("method")
    assert met["published_method"].to_dict() == {
        "first": "DLPM",
        "dlpm_5": "DLPM_5",
        "third": "LIM",
    }
    assert met["published"].to_dict() == {"first": 0.78, "dlpm_5": 0.77, "third": 0.72}


@pytest.mark.parametrize("settings", [{"alpha": 1.5}, {"scale": 1.0}, {"isotropic": False}])
def test_other_stable_laws_are_not_comparable(settings):
    of = metrics(("s", "first", "first", "msle_official", 0.1))
    same = {"dim": 2, "alpha": 1.7, "scale": 0.05, "isotropic": True}
    table = published_vs_ours(of, config(s=entry("alpha_stable", **same)), OUTPUTS)
    assert (table["n"] > 0).sum() == 1
    table = published_vs_ours(of, config(s=entry("alpha_stable", **same | settings)), OUTPUTS)
    assert (table["n"] > 0).sum() == 0


def test_without_a_configuration_nothing_is_comparable():
    table = published_vs_ours(metrics(("s", "m", "m", "f1_pr", 0.1)), None, OUTPUTS)
    assert (table["n"] == 0).all()
    assert len(table) == sum(
        len(published.load(n)) for n in ("flow_sgm_headline", "dlpm_msle_2d", "dlpm_f1_grid")
    )


def test_names_tell_the_draws_and_the_coordinates():
    """A median of five means is DLPM_5, independent coordinates are DLPM_ni, both are neither."""
    settings = {
        "a": {"alpha": 1.8, "median_of_means": 5},
        "b": {"alpha": 1.9, "isotropic": False},
        "c": {"alpha": 1.9, "isotropic": False, "median_of_means": 5},
        "d": {"alpha": 1.9, "median_of_means": 3},
    }
    known = {
        "datasets": {"grid": entry("gaussian_grid")},
        "models": {name: entry("dlpm", **own) for name, own in settings.items()},
        "methods": {name: entry("dlpm", model=name) for name in settings},
    }
    of = metrics(*(("grid", name, name, "f1_pr", 0.7) for name in settings))
    table = published_vs_ours(of, known, OUTPUTS)
    met = table[table["n"] > 0].set_index("method")
    assert met["published_method"].to_dict() == {"a": "DLPM_5", "b": "DLPM_ni"}
    assert met["published"].to_dict() == {"a": 0.77, "b": 0.77}


def test_the_model_of_a_method_is_the_one_that_its_role_names():
    """Not one that happens to be called like the value of another setting."""
    known = {
        "datasets": {"grid": entry("gaussian_grid")},
        "models": {"ode": entry("dlpm", alpha=1.9), "a": entry("dlpm", alpha=1.7)},
        "methods": {"m": entry("dlpm", sampler="ode", model="a")},
    }
    table = published_vs_ours(metrics(("grid", "m", "m", "f1_pr", 0.7)), known, OUTPUTS)
    assert {*table.loc[table["n"] > 0, "alpha"]} == {1.7}


@pytest.mark.parametrize(
    ("values", "agreement"),
    [
        ([0.74, 0.82], "agrees"),
        ([0.90, 0.92], "ours is higher"),
        ([0.50, 0.52], "ours is lower"),
        ([0.9], ""),
    ],
)
def test_intervals_agree_or_a_likely_reason_is_given(values, agreement):
    """The published number is 0.78 with a standard deviation of 0.04."""
    of = pd.DataFrame(
        [
            {
                "dataset": "grid",
                "method": "first",
                "variant": "",
                "model": "m",
                "metric": "f1_pr",
            }
            | {"seed": seed, "value": value, "floor": 0.99}
            for seed, value in enumerate(values)
        ]
    )
    table = published_vs_ours(of, config(grid=entry("gaussian_grid")), OUTPUTS)
    (row,) = table[table["n"] > 0].to_dict("records")
    assert row["agreement"] == agreement
    assert bool(row["reason"]) == (agreement not in ("agrees", ""))


def test_notes_say_with_how_much_training_ours_were_made():
    model = {"alpha": 1.7, "batch_size": 1024, "train_steps": 500, "validation_fraction": 0.0}
    known = {
        "datasets": {"grid": entry("gaussian_grid", n_train=32000)},
        "models": {"a": entry("dlpm", **model), "b": entry("dlpm", **model, epochs=20)},
        "methods": {name: entry("dlpm", model=name) for name in "ab"},
    }
    rows = [("grid", name, name, "f1_pr", 0.7) for name in "ab"]
    notes = published_vs_ours(metrics(*rows), known, OUTPUTS).set_index("method")["note"]
    there = "there 30 runs of 640 steps of 1024 points"
    assert notes["a"].endswith(f"; here 2 runs of 500 steps of 1024 points, {there}")
    assert notes["b"].endswith(f"; here 2 runs of 640 steps of 1024 points, {there}")
    whole = pd.concat(
        [metrics(*rows).assign(seed=lambda t, k=k: t.seed + 2 * k) for k in range(15)]
    )
    notes = published_vs_ours(whole, known, OUTPUTS).set_index("method")["note"]
    assert notes["b"].endswith("; same number of runs and budget of training")
    assert notes["a"].endswith(f"; here 30 runs of 500 steps of 1024 points, {there}")


def test_only_inception_meets_published_fids():
    """And only where there are such images at all."""
    known = {
        "datasets": {"m": entry("mnist"), "d": entry("digits")},
        "models": {"a": entry("dlpm", alpha=1.7, median_of_means=5)},
        "methods": {
            "slow": entry("dlpm", model="a", sampling_steps=1000),
            "fast": entry("dlim", model="a", sampling_steps=25),
        },
    }
    rows = [
        ("m", "slow", "slow", "fid_inception", 3.0),
        ("m", "fast", "fast", "fid_inception", 4.0),
        ("m", "fast", "fast", "fid_classifier", 5.0),
        ("d", "fast", "fast", "fid_inception", 6.0),
    ]
    table = published_vs_ours(metrics(*rows), known)
    table = table[table["table"] == "dlpm_fid_images"]
    assert {*table["data"]} == {"MNIST"}
    met = table[table["n"] > 0].set_index("method")
    assert met["published_method"].to_dict() == {"slow": "DLPM_5", "fast": "DLIM_5"}
    assert met["published"].to_dict() == {"slow": 3.03, "fast": 2.931}
    assert met["ours"].to_dict() == {"slow": 3.0, "fast": 4.0}
    assert met.loc["fast", "note"].endswith("here 25 steps of sampling, there 25")
