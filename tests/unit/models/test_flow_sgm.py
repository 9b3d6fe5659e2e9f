"""The flow-initialised score model: its starts, its parts, and the choice of sigma_T."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.models.base import SampleResult, TuneResult
from tailbench.models.flow import Flow, FlowSampling
from tailbench.models.flow_sgm import FlowSGM, FlowSGMSampling
from tailbench.models.sgm import SGM
from tailbench.rng.seeds import seed_for
from tailbench.stats.sliced_tails import SlicedReference, projections
from tailbench.stats.sliced_transport import random_directions
from tailbench.training import splits
from tailbench.training.context import FitContext, SampleContext

SETTINGS = FlowSGMSampling(sigma_T=2.0, sampling_steps=3)
DRAWS = SampleContext([5, 6])


class Still:
    """Streams that draw ones."""

    device = torch.device("cpu")

    def randn(self):
        return torch.ones(1, 1, 1)


def start_of(model, settings, monkeypatch, n=7):
    """What the reverse process starts from, in robust units, where the noise is one."""
    captured = {}

    def refine(start, sigma, n, settings, context):
        captured.update(sigma=sigma)
        captured["x"] = torch.cat([start([e], slice(0, n), Still()) for e in range(2)]).numpy()
        return np.zeros((2, n, 2), np.float32), 3

    monkeypatch.setattr(model.sgm, "refine", refine)
    drawn = model.sample_block(n, settings, DRAWS)
    return captured["x"], captured["sigma"], drawn


def robust(model, x):
    location, scale = (model.sgm.constants[k][:, None].numpy() for k in ("location", "scale"))
    return (x - location) / scale


def test_noised_starts_are_the_flows_samples_with_noise(fitted, monkeypatch):
    model = fitted("flow_sgm noised")
    (flow,) = model.flows.values()
    x, sigma, drawn = start_of(model, SETTINGS, monkeypatch)
    clean = flow.sample_block(7, FlowSampling(), DRAWS).samples
    np.testing.assert_allclose(x, robust(model, clean) + 2.0, rtol=1e-4, atol=1e-4)
    assert sigma == [2.0, 2.0]
    assert drawn.nfe == 3 + 1 and drawn.extra == {"sigma_T": [2.0, 2.0]}


def test_at_noise_starts_are_the_noisy_flows_samples(fitted, monkeypatch):
    model = fitted("flow_sgm at_noise auto")
    settings = model.sampling.model_copy(update={"sigma_T": 2.0})
    x, sigma, _ = start_of(model, settings, monkeypatch)
    noisy = model.flows[2.0].sample_block(7, FlowSampling(), DRAWS).samples
    np.testing.assert_allclose(x, robust(model, noisy), rtol=1e-4, atol=1e-4)
    assert sigma == [2.0, 2.0]


def test_each_seed_starts_at_its_own_level(fitted, monkeypatch):
    model = fitted("flow_sgm at_noise auto")
    monkeypatch.setattr(model, "tuned", TuneResult([2.0, 0.5], []))
    x, sigma, drawn = start_of(model, model.sampling, monkeypatch)
    assert sigma == drawn.extra["sigma_T"] == [2.0, 0.5]
    for e, level in enumerate(sigma):
        noisy = model.flows[level].sample_block(7, FlowSampling(), DRAWS).samples
        np.testing.assert_allclose(x[e], robust(model, noisy)[e], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["flow_sgm noised auto", "flow_sgm at_noise auto"])
def test_levels_of_seeds_that_share_a_module(fitted, kind, monkeypatch):
    """As on a GPU: seeds of one level go together, each to its own result."""
    model = fitted(kind)
    for chosen in ([0.5, 0.5], [2.0, 0.5]):
        monkeypatch.setattr(model, "tuned", TuneResult(chosen, []))
        alone = model.sample(20, seed=0)
        with monkeypatch.context() as patch:
            patch.setattr(splits, "seed_groups", lambda count, device: [list(range(count))])
            np.testing.assert_allclose(model.sample(20, seed=0), alone, rtol=1e-5, atol=1e-5)


def test_flow_samples_pass_unchanged_where_the_score_is_silent(fitted, monkeypatch):
    """No clamp: what the flow draws at 1e6 is still there."""
    model = fitted("flow_sgm noised")
    huge = np.full((2, 9, 2), 1e6, dtype=np.float32)
    (flow,) = model.flows.values()
    monkeypatch.setattr(flow, "sample_block", lambda *_: SampleResult(huge, 1))
    original = model.sgm._select

    def select(positions):
        module = original(positions)
        module.noise = lambda x, sigma: torch.zeros_like(x)
        return module

    monkeypatch.setattr(model.sgm, "_select", select)
    y = model.sample(9, sigma_T=0.5, sampler="heun", seed=0)
    np.testing.assert_allclose(y, huge, rtol=1e-5)


@pytest.mark.parametrize("kind", ["flow_sgm noised auto", "flow_sgm at_noise auto"])
def test_the_nearest_candidate_is_chosen(fitted, kind):
    model = fitted(kind)
    assert [(row["seed"], row["sigma_T"]) for row in model.tuned.curve] == [
        (0, 0.5), (0, 2.0), (1, 0.5), (1, 2.0)
    ]  # fmt: skip
    for e in range(2):
        own = {row["sigma_T"]: row for row in model.tuned.curve if row["seed"] == e}
        assert model.tuned.chosen[e] == min(own, key=lambda s: own[s]["distance"])
        assert all(np.isfinite(r["distance"]) and r["distance"] > 0 for r in own.values())


def test_the_curve_is_the_distance_to_the_training_data(fitted, block):
    """Computed here over other lines, and the same for all seeds: it is a mean over many."""
    model = fitted("flow_sgm noised auto")
    own = [seed_for("choose", seed_for("member", 5, e)) for e in range(2)]
    settings = model.sampling.model_copy(update={"sigma_T": 2.0})
    drawn = model.sample_block(block.shape[1], settings, SampleContext(own)).samples
    theta = random_directions(2, 500, np.random.default_rng(0))
    for e in range(2):
        lines = [projections(np.float64(x), theta, block[e]) for x in (drawn[e], block[e])]
        (distance,) = SlicedReference(lines[1]).distances(lines[0])
        (row,) = (r for r in model.tuned.curve if (r["seed"], r["sigma_T"]) == (e, 2.0))
        assert row["distance"] == pytest.approx(distance, rel=0.1)


def test_auto_has_to_be_chosen_first(fitted):
    model = fitted("flow_sgm noised")
    with pytest.raises(RuntimeError, match="sigma_T has not been chosen"):
        model.sample(5, sigma_T="auto", seed=0)


def test_auto_beside_a_sweep_of_steps(fitted, small, block):
    """The choice is made at the most steps and the least sigma_min."""
    model = small["headline"](
        sigma_T_grid=(0.5, 2.0), sampling_steps=(2, 3), sigma_min=(0.1, 0.005)
    )
    model.fit(block, seed=5, verbose=False)
    assert model.tuned == fitted("flow_sgm noised auto").tuned
    with pytest.raises(ValueError, match="one value per setting"):
        model.sample(5, seed=0)
    assert model.sample(5, sampling_steps=2, sigma_min=0.1, seed=0).shape == (2, 5, 2)


def test_a_level_without_a_flow(fitted):
    with pytest.raises(RuntimeError, match=r"no flow was trained at noise level 3"):
        fitted("flow_sgm at_noise").sample(5, sigma_T=3.0, seed=0)


def test_parts_that_are_fitted_are_kept(fitted, block, small):
    flow, sgm = fitted("flow auto"), fitted("sgm edm")
    before = flow.module, sgm.module
    model = FlowSGM(flow, sgm, prefit=True, device="cpu", sigma_T=1.0, sampling_steps=3)
    unfitted = model.sample(5, seed=0)
    model.fit(block, seed=9, verbose=False)
    assert (flow.module, sgm.module) == before
    assert model.flows == {0.0: flow} and model.sgm is sgm
    assert np.array_equal(model.sample(5, seed=0), unfitted)


def test_without_prefit_models_are_templates(fitted, block, small):
    """Copies of them are trained, which they themselves never are."""
    flow, sgm = fitted("flow auto"), fitted("sgm edm")
    before = flow.module, sgm.module
    model = FlowSGM(flow, sgm, device="cpu", sigma_T=1.0, sampling_steps=3)
    with pytest.raises(RuntimeError, match="has not been fitted"):
        model.sample(5, seed=0)
    model.fit(block, seed=5, verbose=False)
    assert (flow.module, sgm.module) == before
    assert np.array_equal(model.sample(5, seed=0), fitted("flow_sgm noised").sample(5, seed=0))


def test_parts_that_are_called_prefit_have_to_be(block):
    with pytest.raises(RuntimeError, match="the flow has not been fitted"):
        FlowSGM(prefit=True, device="cpu").fit(block, verbose=False)


def test_a_model_that_was_loaded_is_trained_anew(fitted, block, tmp_path):
    fitted("flow_sgm noised").save(tmp_path)
    loaded = FlowSGM.load(tmp_path, device="cpu")
    loaded.fit(3.0 * block + 1.0, seed=1, verbose=False)
    assert not np.array_equal(loaded.sample(5, seed=0), fitted("flow_sgm noised").sample(5, seed=0))
    loaded.fit(block, seed=5, verbose=False)
    assert np.array_equal(loaded.sample(5, seed=0), fitted("flow_sgm noised").sample(5, seed=0))


def test_levels_that_agree_to_six_digits_are_two_flows(block, tmp_path):
    """In the object, and in the files."""
    levels, few = (0.1234567, 0.1234568), {"train_steps": 2, "width": 4, "layers": 1, "bins": 2}
    model = FlowSGM(
        device="cpu", start="noisy_flow", sigma_T=levels, sampling_steps=1, flow_settings=few,
        sgm_settings={"train_steps": 2, "width": 4},
    ).fit(block, verbose=False)  # fmt: skip
    assert set(model.flows) == set(levels)
    model.save(tmp_path)
    assert {path.name for path in tmp_path.glob("flow-*")} == {f"flow-{v}" for v in levels}
    loaded = FlowSGM.load(tmp_path, device="cpu")
    for level in levels:
        assert loaded.flows[level].settings.noise == level
        own = model.sample(9, sigma_T=level, seed=0)
        np.testing.assert_array_equal(loaded.sample(9, sigma_T=level, seed=0), own)


def test_assembled_from_trained_parts_it_is_the_same(fitted):
    """As the benchmark does it: parts from files, settings from the configuration."""
    model = fitted("flow_sgm noised auto")
    other = FlowSGM.assemble({"flow": list(model.flows.values()), "sgm": [model.sgm]}, "cpu")
    seeds = [7, 8]
    settings = model.sampling.model_copy(update={"sigma_T": 2.0})
    drawn = [m.sample_block(20, settings, SampleContext(seeds)).samples for m in (other, model)]
    assert np.array_equal(*drawn)


def test_flows_for_at_noise_are_made_of_the_flow_given():
    base = Flow(device="cpu", layers=2, width=16)
    model = FlowSGM(base, start="noisy_flow", sigma_T=(0.5, 1.0), device="cpu")
    assert set(model.flows) == {0.5, 1.0}
    for level, flow in model.flows.items():
        assert flow.settings == base.settings.model_copy(update={"noise": level})


def test_the_noise_of_a_derived_flow_is_learned(fitted):
    model = fitted("flow_sgm at_noise auto")
    assert {flow.settings.noise for flow in model.flows.values()} == {0.5, 2.0}
    assert all(flow.settings.layers == 1 for flow in model.flows.values())


def test_saved_choice(fitted, tmp_path):
    model = fitted("flow_sgm noised auto")
    model.save(tmp_path)
    loaded = FlowSGM.load(tmp_path, device="cpu")
    assert loaded.tuned == model.tuned
    assert loaded.sampling == model.sampling
    assert isinstance(loaded.sgm, SGM) and loaded.sgm.num_seeds == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_T": 0.001}, "sigma_min must be below every sigma_T, also 0.001"),
        ({"sigma_T": [1.0, 0.005]}, "sigma_min must be below every sigma_T, also 0.005"),
        ({"sigma_min": [0.1, 0.25]}, "sigma_min must be below every sigma_T, also 0.25"),
        ({"sigma_T_grid": []}, "sigma_T_grid"),
        ({"sigma_T": -1.0}, "sigma_T"),
        ({"sigma_T": "automatic"}, "sigma_T"),
        ({"start": "exact"}, "start"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ValidationError, match=message):
        FlowSGMSampling(**options)


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ({"sigma_T": 2.0}, (2.0,)),
        ({"sigma_T": [1, 2]}, (1.0, 2.0)),
        ({"sigma_T": "auto", "sigma_T_grid": [0.5, 4]}, (0.5, 4.0)),
    ],
)
def test_levels_and_what_has_to_be_trained(options, levels):
    assert FlowSGMSampling(**options).levels() == levels
    assert FlowSGMSampling(**options).derived() == {}
    derived = FlowSGMSampling(start="noisy_flow", **options).derived()
    assert derived == {"flow": [{"noise": level} for level in levels]}


def test_candidate_zero_leaves_the_flows_samples_as_they_are(fitted, monkeypatch):
    model = fitted("flow_sgm noised")
    (flow,) = model.flows.values()
    settings = FlowSGMSampling(sigma_T="auto", sigma_T_grid=(0.0,), sampling_steps=2)
    x = flow.sample_block(400, FlowSampling(), SampleContext([8, 9])).samples.astype(np.float64)
    monkeypatch.setattr(model, "tuned", None)
    context = FitContext([5, 6], [5, 6], [0, 1], verbose=False)
    assert model.tune(x, settings, context).chosen == [0.0, 0.0]
    drawn = model.sample_block(30, settings, DRAWS).samples
    np.testing.assert_array_equal(drawn, flow.sample_block(30, FlowSampling(), DRAWS).samples)


def test_seeds_may_choose_differently(fitted, monkeypatch):
    model = fitted("flow_sgm noised")
    (flow,) = model.flows.values()
    monkeypatch.setattr(model, "tuned", TuneResult([0.0, 2.0], []))
    drawn = model.sample_block(30, FlowSGMSampling(sigma_T="auto", sampling_steps=2), DRAWS).samples
    clean = flow.sample_block(30, FlowSampling(), DRAWS).samples
    np.testing.assert_array_equal(drawn[0], clean[0])
    alone = model.sample_block(30, FlowSGMSampling(sigma_T=2.0, sampling_steps=2), DRAWS).samples
    np.testing.assert_array_equal(drawn[1], alone[1])


def test_candidate_zero_is_for_noised_only():
    assert 0.0 in FlowSGMSampling().sigma_T_grid
    assert 0.0 not in FlowSGMSampling(start="noisy_flow").sigma_T_grid
    with pytest.raises(ValidationError, match="sigma_T_grid: 0 is for the start 'add_noise' only"):
        FlowSGMSampling(start="noisy_flow", sigma_T_grid=(0.0, 1.0))
