"""Models that learn columns through a map: what they give back is in the units of the data."""

import numpy as np
import pytest

from tailbench.models.dlpm import DLPM
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.lim import LIM
from tailbench.models.persistence import load_model
from tailbench.models.sgm import SGM

TINY = {"width": 16, "num_blocks": 1, "train_steps": 60, "batch_size": 64, "validate_every": 30}


def data(n=400, seed=0):
    """Positive and heavy; an index below one, at an offset; two-sided and heavy."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [rng.pareto(1.2, n), 1e7 + 1e4 * rng.standard_t(0.8, n), rng.standard_t(2.5, n)], axis=1
    )


# Not the stable noise of DLPM and LIM through an exponential: a start far out is beyond any range.
@pytest.mark.parametrize(
    ("model", "margins"), [(SGM, "softlog"), (SGM, "tail"), (DLPM, "none"), (LIM, "none")]
)
def test_samples_are_in_the_units_of_the_data(model, margins):
    x = data()
    fitted = model(device="cpu", margins=margins, **TINY).fit(x, verbose=False)
    y = fitted.sample(2000, sampling_steps=10, seed=0)
    assert np.isfinite(y).all()
    low, centre, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    found = np.median(y, axis=0)
    assert (np.abs(found - centre) < 2.0 * (high - low)).all()


def test_a_positive_column_stays_positive():
    fitted = SGM(device="cpu", margins="tail", **TINY).fit(data(), verbose=False)
    assert (fitted.sample(2000, sampling_steps=10, seed=0)[:, 0] >= 0).all()


def test_a_saved_model_samples_the_same(tmp_path):
    fitted = SGM(device="cpu", margins="tail", **TINY).fit(data(), verbose=False)
    fitted.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model", "cpu")
    assert np.array_equal(
        loaded.sample(50, sampling_steps=3, seed=0), fitted.sample(50, sampling_steps=3, seed=0)
    )


def test_a_block_is_each_seed_alone():
    block = np.stack([data(), data(seed=1)])
    both = SGM(device="cpu", margins="tail", **TINY).fit(block, verbose=False)
    alone = SGM(device="cpu", margins="tail", **TINY).fit(block[:1], verbose=False)
    np.testing.assert_allclose(
        both.sample(50, sampling_steps=3, seed=0)[0],
        alone.sample(50, sampling_steps=3, seed=0)[0],
        rtol=1e-5,
    )


@pytest.mark.parametrize("margins", ["none", "softlog", "tail"])
def test_a_flow_starts_a_score_model_through_its_map(margins):
    """Without refinement, at a level next to nothing, the flow's samples come back."""
    x = data()
    flow = Flow(device="cpu", layers=1, width=16, train_steps=30, batch_size=64)
    sgm = SGM(device="cpu", margins=margins, **TINY)
    model = FlowSGM(flow.fit(x, verbose=False), sgm.fit(x, verbose=False), prefit=True)
    y = model.sample(200, sigma_T=1e-6, sigma_min=1e-7, sampling_steps=1, seed=0)
    start = flow.sample(200, seed=0)
    if margins == "tail":  # the flow does not know that the first column is positive
        start[:, 0] = np.maximum(start[:, 0], 0.0)
    np.testing.assert_allclose(y, start, rtol=1e-3, atol=1e-3)
