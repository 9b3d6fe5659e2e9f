"""Another device gives what the CPU gives, up to the rounding that is allowed.

On a CPU the seeds are put together as on a GPU, so that these tests say something there too.
"""

import numpy as np
import pytest
import torch

from devices import DEVICE, ROUNDING, near
from tailbench import registry
from tailbench.data import ImageLayout
from tailbench.models.simple import SimpleModel
from tailbench.rng.streams import Streams
from tailbench.training import splits
from tailbench.training.optimizer import orthogonalise

TRAINABLE = [
    name
    for name in registry.names("models")
    if (cls := registry.load("models", name)).trainable and not issubclass(cls, SimpleModel)
]
FEW = {"train_steps": 4, "validate_every": 2, "batch_size": 32}
UNET = {"network": "unet", "width": 8, "num_blocks": 1, "multipliers": (1, 2)}


class DrawnOnTheCPU(Streams):
    """Streams whose numbers are those of a CPU, wherever they go."""

    def __init__(self, seeds, device, purpose):
        super().__init__(seeds, torch.device("cpu"), purpose)
        self.place = device

    def randn(self, *shape):
        return super().randn(*shape).to(self.place)

    def uniform(self, *shape):
        return super().uniform(*shape).to(self.place)

    def integers(self, high, *shape):
        return super().integers(high, *shape).to(self.place)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.standard_t(3, (2, 200, 3)) + np.sign(rng.standard_normal((2, 200, 1)))


def trained(name, x, device, monkeypatch, images=None, **options):
    """Train two seeds by the numbers that a CPU draws, together unless it is on the CPU."""
    cls = registry.load("models", name)
    settings = {**cls.Settings.test_settings, **FEW, **options}
    monkeypatch.setattr("tailbench.training.trainer.Streams", DrawnOnTheCPU)
    return cls(device=device, **settings).fit(x, images=images, seed=3, verbose=False)


def beside(name, x, monkeypatch, **options):
    """Give the same model of the CPU, and of the device with its seeds together."""
    own = trained(name, x, "cpu", monkeypatch, **options)
    with monkeypatch.context() as patch:
        patch.setattr(splits, "seed_groups", lambda count, _: [list(range(count))])
        return own, trained(name, x, DEVICE, monkeypatch, **options)


@pytest.mark.parametrize("name", TRAINABLE)
def test_steps_are_those_of_the_cpu(name, rows, monkeypatch):
    own, other = beside(name, rows, monkeypatch)
    state = other.module.state_dict()
    for key, value in own.module.state_dict().items():
        most = ROUNDING["steps"]
        torch.testing.assert_close(state[key].cpu(), value, rtol=most, atol=most, msg=key)
    moved = [row["loss"] for row in other.history]
    np.testing.assert_allclose(sorted(moved), sorted(row["loss"] for row in own.history), rtol=1e-2)


@pytest.mark.parametrize("name", TRAINABLE)
def test_samples_are_those_of_the_cpu(name, rows, tmp_path, monkeypatch):
    """From the same file, by every method of the model."""
    own = trained(name, rows, "cpu", monkeypatch)
    own.save(tmp_path)
    other = type(own).load(tmp_path, device=DEVICE)
    for method, settings in own.methods.items():
        drawn, found = (
            m.sample(300, method=method, **settings.test_settings) for m in (own, other)
        )
        assert near(found, drawn, "evaluated"), method


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_unet_of_the_device(precision, monkeypatch):
    x = np.random.default_rng(0).integers(0, 256, (2, 40, 64)).astype(np.uint8)
    options = {**UNET, "precision": precision, "images": ImageLayout((1, 8, 8))}
    own, other = beside("sgm", x, monkeypatch, **options)
    losses = [sorted(row["loss"] for row in model.history) for model in (own, other)]
    np.testing.assert_allclose(*losses, rtol=ROUNDING["unet"])
    assert np.isfinite(other.sample(3, sampling_steps=2)).all()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 3, 16, 16), (1, 64, 8), (8, 128)])
def test_muon_rounds_little(shape, kind):
    """Also where the matrices are rounded to bfloat16, as on every GPU."""
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    wanted = orthogonalise(matrices.double())
    found = orthogonalise(matrices.to(DEVICE, kind)).cpu().double()
    off = (found - wanted).norm(dim=(-2, -1)) / wanted.norm(dim=(-2, -1))
    assert float(off.max()) < ROUNDING["bfloat16"]
    assert float(torch.linalg.svdvals(found).max()) < 1.3


class Nowhere:
    """Streams of numbers that are not there, on the device ``meta``."""

    device = torch.device("meta")

    def share(self, rows):
        return rows

    def randn(self, *shape):
        return torch.randn(2, *shape, device=self.device)

    def uniform(self, *shape):
        return torch.rand(2, *shape, device=self.device, dtype=torch.float64)


BY_NUMPY = ("t_edm", "t_flow", "t3vae", "pareto_gan")
"""Models whose noise gets its scale by way of NumPy, on the CPU."""


@pytest.mark.parametrize("name", [name for name in TRAINABLE if name not in BY_NUMPY])
def test_no_tensor_of_a_loss_is_left_on_the_cpu(name, rows, monkeypatch):
    """A device without numbers does not add them to those of a CPU either."""
    model = trained(name, rows, "cpu", monkeypatch)
    module = model._build([0, 1], model.dim).to("meta")
    columns = getattr(module, "inputs", model.dim)  # of a flow that learns a radius, one more
    loss = model._loss(module, torch.zeros(2, 16, columns, device="meta"), Nowhere())
    assert loss.shape == (2,) and loss.device.type == "meta"
    torch.autograd.grad(loss.sum(), list(module.parameters()), materialize_grads=True)
