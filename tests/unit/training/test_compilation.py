"""Compiled networks: the same training, or a refusal."""

import numpy as np
import pytest

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.sgm import SGM
from tailbench.training import compilation

TINY = {
    "network": "unet", "width": 4, "num_blocks": 1, "multipliers": (1, 2), "train_steps": 6,
    "batch_size": 16, "validate_every": 3,
}  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).integers(0, 256, (60, 16)).astype(np.uint8)


def losses(x, **options):
    made = SGM(device="cpu", **TINY, **options).fit(x, images=ImageLayout((1, 4, 4)), verbose=False)
    return [(row["loss"], row["val_loss"]) for row in made.history]


def test_trains_as_the_network_itself(x, monkeypatch):
    """Traced and differentiated ahead of time, without a C++ compiler."""
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")
    plain = losses(x, dropout=0.2)
    np.testing.assert_allclose(losses(x, dropout=0.2, compile=True), plain, rtol=1e-5)


def test_wrong_gradients_are_refused(x, monkeypatch):
    def wrong(graph, _):
        def half(out):
            return 0.5 * (out + out.detach())

        return lambda *inputs: tuple(half(out) for out in graph(*inputs))

    monkeypatch.setattr(compilation, "BACKEND", wrong)
    with pytest.raises(InputError, match=r"gradients are 50% off on this machine"):
        losses(x, compile=True)


def test_what_cannot_be_compiled_is_said(x, monkeypatch):
    def broken(graph, _):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(compilation, "BACKEND", broken)
    with pytest.raises(InputError, match="cannot be compiled here"):
        losses(x, compile=True)
