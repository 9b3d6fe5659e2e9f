"""Models without gradients: states that are saved, generators of chunks, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tailbench.data import DataShape, ImageLayout
from tailbench.exceptions import InputError, Interrupted
from tailbench.models.simple import SimpleSettings
from tailbench.training.checkpoint import Checkpoint
from tailbench.training.context import FitContext, SampleContext
from tailbench.training.preemption import defer_signals
from toy_models import ToyGaussian, ToySampling, ToySettings

STATE = {
    "half": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "big": np.array([1.0, np.inf, -0.0], dtype=">f8"),
    "mask": np.array([True, False]),
    "scalar": np.float64(0.1),
    "zero_d": np.array(3.0),
    "count": 7,
    "far": float("-inf"),
    "flag": False,
    "name": "gumbel",
    "empty": np.zeros((0, 2)),
}


class Keeps(ToyGaussian):
    """Learns always the same, of every kind that can be kept."""

    def fit_one(self, x, rng):
        return STATE

    def sample_one(self, state, n, settings, rng):
        return np.broadcast_to(state["scalar"] * np.arange(2.0), (n, 2))


class Records(ToyGaussian):
    """Draws what its generator says, and notes how it was asked."""

    def sample_one(self, state, n, settings, rng):
        self.asked.append(n)
        return rng.standard_normal((n, 2))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).standard_normal((2, 500, 2)) @ np.array(
        [[2.0, 0.0], [1.0, 1.0]]
    )


def test_it_is_the_gaussian_of_the_data(x):
    model = ToyGaussian().fit(x, verbose=False)
    y = model.sample(20_000, seed=0).astype(np.float64)
    for e in range(2):
        np.testing.assert_allclose(y[e].mean(0), x[e].mean(0), atol=0.06)
        np.testing.assert_allclose(np.cov(y[e].T), np.cov(x[e].T), atol=0.2)


def test_what_was_learned_is_loaded_as_it_was(x, tmp_path):
    model = Keeps().fit(x, verbose=False)
    model.save(tmp_path)
    loaded = Keeps.load(tmp_path)
    for own, state in zip(model.states, loaded.states, strict=True):
        assert list(state) == list(own) == list(STATE)
        for key, value in STATE.items():
            for kept in (own[key], state[key]):
                if isinstance(value, np.ndarray):
                    np.testing.assert_array_equal(kept, value)
                    assert kept.dtype == value.dtype.newbyteorder("=") and kept.shape == value.shape
                else:
                    assert kept == value
                    assert type(kept) is (float if key == "scalar" else type(value))
    assert np.array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))


def test_the_state_is_a_copy(x):
    class Shares(ToyGaussian):
        def fit_one(self, x, rng):
            return {"mean": buffer, "factor": np.eye(2)}

    buffer = np.zeros(2)
    model = Shares().fit(x, verbose=False)
    buffer += 5.0
    assert (model.states[0]["mean"] == 0).all()


@pytest.mark.parametrize(
    "value", [None, [1, 2], {"a": 1}, np.array(["a"]), np.array([object()]), 1j, 2**70]
)
def test_what_cannot_be_saved_as_plain_numbers_is_refused(x, value):
    class Pickles(ToyGaussian):
        def fit_one(self, x, rng):
            return {"weird": value}

    with pytest.raises(TypeError, match="the state of the toy_gaussian holds 'weird' of type"):
        Pickles().fit(x, verbose=False)


def test_each_seed_and_chunk_has_a_generator_of_its_own(x):
    model = Records().fit(x, verbose=False)
    model.asked = []
    y = model.sample(2500, seed=0)
    assert model.asked == 2 * [1024, 1024, 1024]
    parts = [y[e, begin : begin + 452] for e in (0, 1) for begin in (0, 1024, 2048)]
    for i, part in enumerate(parts):
        for other in parts[:i]:
            assert not np.isclose(part, other).any()
    assert np.array_equal(model.sample(1500, seed=0), y[:, :1500])


def test_all_at_once_where_the_sampler_needs_it(x):
    class AtOnce(Records):
        chunk = None

    model = AtOnce().fit(x, verbose=False)
    model.asked = []
    assert model.sample(2500, seed=0).shape == (2, 2500, 2) and model.sample(0, seed=0).shape == (
        2,
        0,
        2,
    )
    assert model.asked == [2500, 2500]


def test_data_are_double_and_the_models_own(x):
    class Spoils(ToyGaussian):
        def fit_one(self, x, rng):
            assert x.dtype == np.float64
            x[:] = 0
            return {"mean": np.zeros(2), "factor": np.eye(2)}

    single = x.astype(np.float32)
    before = single.copy()
    Spoils().fit(single, verbose=False)
    Spoils().fit(x, verbose=False)
    assert np.array_equal(single, before) and x.any()


def test_the_fit_is_given_its_random_seed(x):
    class Draws(ToyGaussian):
        def fit_one(self, x, rng):
            return {"mean": rng.standard_normal(2), "factor": np.eye(2)}

    def means(seeds):
        context = FitContext(seeds, seeds, range(len(seeds)), verbose=False)
        return [state["mean"].tolist() for state in Draws().fit_block(x, context).states]

    one, other = means([4, 5]), means([4, 6])
    assert one[0] == other[0] and one[0] != one[1] != other[1]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_samples_that_are_not_finite_are_an_error(x, value):
    class Far(ToyGaussian):
        def sample_one(self, state, n, settings, rng):
            return np.full((n, 2), value)

    model = Far().fit(x, verbose=False)
    with pytest.raises(FloatingPointError, match="toy: a sample is not finite"):
        model.sample_block(3, ToySampling(), SampleContext([1, 2], "toy"))


def test_samples_of_another_shape_are_an_error(x):
    class Flat(ToyGaussian):
        def sample_one(self, state, n, settings, rng):
            return np.zeros(n)

    with pytest.raises(ValueError, match=r"samples of shape \(1024,\) instead of \(1024, 2\)"):
        Flat().fit(x, verbose=False).sample(3, seed=0)


def test_images_are_refused():
    with pytest.raises(InputError, match="the toy_gaussian is for tables"):
        ToyGaussian().fit(np.zeros((9, 16)), images=ImageLayout((1, 4, 4)), verbose=False)


def test_settings_of_sampling(x):
    model = ToyGaussian().fit(x[0], verbose=False)
    mean = x[0].mean(0)
    wide, narrow = model.sample(50, spread=3.0, seed=0) - mean, model.sample(50, seed=0) - mean
    np.testing.assert_allclose(wide, 3.0 * narrow, rtol=1e-3, atol=1e-5)


def test_a_fit_that_is_asked_to_stop_stops_after_the_seed_at_hand(x, tmp_path):
    import os
    import signal

    class Stopped(ToyGaussian):
        def fit_one(self, x, rng):
            fits.append(1)
            os.kill(os.getpid(), signal.SIGTERM)
            return super().fit_one(x, rng)

    fits = []
    with defer_signals(), pytest.raises(Interrupted, match="toy_gaussian: interrupted"):
        Stopped().fit(x, checkpoint=Checkpoint(tmp_path, "k"), verbose=False)
    assert len(fits) == 1


def test_cost_by_default():
    assert SimpleSettings().cost(DataShape(100, 5)).parameters == 5 + 25
    assert ToySettings().passes(100)[1] == 100
    assert ToySettings().evaluations(8.0, 3, DataShape(100, 5)) == 3.0


def test_progress_is_shown_seed_by_seed(x, capsys):
    ToyGaussian().fit(x)
    assert "toy_gaussian: 2/2 (100%)" in capsys.readouterr().err


def test_a_fit_can_say_how_far_it_is(x, monkeypatch, capsys):
    class Slow(ToyGaussian):
        def fit_one(self, x, rng):
            self.report("half done")
            return super().fit_one(x, rng)

    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("tailbench.training.progress.time.monotonic", lambda: next(clock))
    Slow().fit(x)
    assert "toy_gaussian: 0/2 (0%), half done" in capsys.readouterr().err
    model = Slow().fit(x, verbose=False)
    model.fit_one(x[0], np.random.default_rng(0))  # outside of a fit there is nothing to show it in
    assert capsys.readouterr().err == ""


def test_torch_is_not_imported(tmp_path):
    code = """
import sys
import numpy as np
from toy_models import ToyGaussian
x = np.random.default_rng(0).standard_normal((100, 2))
model = ToyGaussian().fit(x, verbose=False)
model.save(sys.argv[1])
assert (ToyGaussian.load(sys.argv[1]).sample(5, seed=0) == model.sample(5, seed=0)).all()
assert "torch" not in sys.modules
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment)
    spec = json.loads((tmp_path / "spec.json").read_text())
    assert spec["states"] == [
        {
            "order": ["mean", "factor", "rows", "law"],
            "numbers": ["rows"],
            "texts": {"law": "gaussian"},
        }
    ]
