"""The transformer flow as a model: densities, denoising, and as the start of a score model."""

import copy

import numpy as np
import pytest
import torch

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.flows.transformer import to_patches
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.sgm import SGM
from tailbench.models.tarflow import TarFlow

IMAGES = ImageLayout((1, 4, 4))
TINY = {"batch_size": 64, "width": 16, "heads": 2, "layers": 2, "depth": 1, "validate_every": 50}


@pytest.fixture(scope="module")
def bars():
    """Images of one bright row, at one of two places."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, -0.8, (400, 4, 4))
    x[np.arange(400), np.where(rng.uniform(size=400) < 0.5, 0, 2)] = 0.9
    return x.reshape(400, 16)


@pytest.fixture(scope="module")
def fitted(bars):
    return TarFlow(device="cpu", train_steps=400, learning_rate=3e-3, **TINY).fit(
        bars, images=IMAGES, verbose=False
    )


def test_learns_the_images(fitted, bars):
    losses = [row["val_loss"] for row in fitted.history]
    assert losses[-1] < losses[0] - 2.0
    drawn = fitted.sample(400, seed=0)
    rows = drawn.reshape(400, 4, 4).mean(2)
    bright = np.sort(rows, axis=1)[:, -1]
    assert np.median(bright) == pytest.approx(0.9, abs=0.15)
    assert np.isin(rows.argmax(1), [0, 2]).mean() > 0.9


def test_density_rises_towards_the_data(fitted, bars):
    near = bars[:100] + 0.05 * np.random.default_rng(1).standard_normal((100, 16))
    assert fitted.log_prob(near).mean() > fitted.log_prob(-near).mean() + 10


def fixed(x, images=None, **settings):
    """A model whose parameters are set by hand: nothing rests on a training."""
    model = TarFlow(device="cpu", train_steps=1, **(TINY | settings)).fit(
        x, images=images, verbose=False
    )
    state = model.module.state_dict()
    for i, (key, value) in enumerate(sorted(state.items())):
        wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * (i + 1.3))
        state[key] = (0.3 * wave).view_as(value).to(value)
    model.module.load_state_dict(state)
    return model


def exact(model, x):
    """The log-density and the score of data ``(n, d)``, in double precision."""
    location, scale = (model.constants[key][0].double() for key in ("location", "scale"))
    flow = copy.deepcopy(model.module).double()[0]
    x = torch.from_numpy(x).double().requires_grad_(True)
    z, ladj = flow(to_patches((x - location) / scale, IMAGES.shape, model.settings.patch))
    base = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum((1, 2))
    density = base + ladj - torch.log(scale).sum()
    (score,) = torch.autograd.grad(density.sum(), x)
    return density.detach().numpy(), score.numpy()


def test_log_density_is_that_of_the_change_of_variables(bars):
    model = fixed(bars, IMAGES)
    np.testing.assert_allclose(model.log_prob(bars[:50]), exact(model, bars[:50])[0], rtol=1e-4)


def test_denoising_is_a_step_along_the_score(bars):
    model = fixed(bars, IMAGES)
    noisy, clean = (model.sample(64, denoise=denoise, seed=0) for denoise in (False, True))
    level = 0.1 * 0.5  # of the noise, in units of the data
    step = level**2 * exact(model, noisy)[1]
    assert np.abs(step).mean() > 0.001
    np.testing.assert_allclose(clean - noisy, step, rtol=1e-3, atol=1e-4 * np.abs(step).max())


def test_denoising_of_a_gaussian_has_the_closed_form():
    """A table of one column is one token, whose flow is affine: the density is a Gaussian."""
    x = np.random.default_rng(0).normal(3.0, 2.0, (200, 1))
    model = fixed(x, noise=0.5)
    at = np.array([[0.0], [1.0], [2.0]])
    low, middle, high = model.log_prob(at)
    curvature = low - 2 * middle + high  # -1 / s^2
    location = 1.0 - 0.5 * (high - low) / curvature
    noisy, clean = (model.sample(64, denoise=denoise, seed=0) for denoise in (False, True))
    level = 0.5 * model.constants["scale"].item()
    expected = noisy + level**2 * curvature * (noisy - location)
    np.testing.assert_allclose(clean, expected, rtol=1e-3, atol=1e-3 * level)


def test_files(fitted, tmp_path):
    fitted.save(tmp_path)
    again = TarFlow.load(tmp_path, device="cpu")
    np.testing.assert_array_equal(fitted.sample(10, seed=0), again.sample(10, seed=0))


@pytest.mark.parametrize("start", ["add_noise", "noisy_flow"])
def test_a_score_model_may_start_from_it(bars, start, tmp_path):
    tiny = {"train_steps": 20, "batch_size": 32, "width": 4, "num_blocks": 1}
    sgm = SGM(device="cpu", network="unet", multipliers=(1, 2), **tiny)
    flow = TarFlow(device="cpu", train_steps=20, **TINY)
    model = FlowSGM(flow, sgm, device="cpu", start=start, sigma_T=0.5, sampling_steps=3)
    model.fit(bars, images=IMAGES, verbose=False)
    assert list(model.flows) == [0.1 if start == "add_noise" else 0.5]
    drawn = model.sample(20, seed=0)
    assert drawn.shape == (20, 16) and np.isfinite(drawn).all()
    model.save(tmp_path)
    np.testing.assert_array_equal(FlowSGM.load(tmp_path, device="cpu").sample(20, seed=0), drawn)


def test_mistakes(bars):
    with pytest.raises(InputError, match="patch: 3 does not divide images of 4 by 4"):
        TarFlow(device="cpu", train_steps=2, patch=3).fit(bars, images=IMAGES, verbose=False)
    with pytest.raises(ValueError, match="heads: 3 does not divide the width, 16"):
        TarFlow(width=16, heads=3)
