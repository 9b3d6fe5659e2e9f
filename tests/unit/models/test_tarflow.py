"""The transformer flow as a model: densities, denoising, and as the start of a score model."""

import numpy as np
import pytest
import torch

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.sgm import SGM
from tailbench.models.tarflow import TarFlow

pytestmark = pytest.mark.usefixtures("one_thread")
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
    return TarFlow(device="cpu", steps=400, learning_rate=3e-3, **TINY).fit(
        bars, images=IMAGES, verbose=False
    )


def test_learns_the_images(fitted, bars):
    losses = [row["val_loss"] for row in fitted.history]
    assert losses[-1] < losses[0] - 2.0
    drawn = fitted.sample(400)
    rows = drawn.reshape(400, 4, 4).mean(2)
    bright = np.sort(rows, axis=1)[:, -1]
    assert np.median(bright) == pytest.approx(0.9, abs=0.15)
    assert np.isin(rows.argmax(1), [0, 2]).mean() > 0.9


def test_density_is_that_of_noisy_data(fitted, bars):
    """Higher where the data are, and what the change of variables says in units of the data."""
    rng = np.random.default_rng(1)
    near = bars[:100] + 0.05 * rng.standard_normal((100, 16))
    assert fitted.log_prob(near).mean() > fitted.log_prob(-near).mean() + 10
    module = fitted._select([0])
    scaled = torch.from_numpy(near / 0.5).float()[None]
    expected = fitted._log_prob(module, scaled)[0].detach().numpy() - 16 * np.log(0.5)
    np.testing.assert_allclose(fitted.log_prob(near), expected, rtol=1e-5)


def test_denoising_is_a_step_along_the_score(fitted):
    noisy, clean = (fitted.sample(64, denoise=denoise) for denoise in (False, True))
    x = noisy.astype(np.float64)
    step = 1e-3
    score = np.stack(
        [
            (fitted.log_prob(x + step * unit) - fitted.log_prob(x - step * unit)) / (2 * step)
            for unit in np.eye(16)
        ],
        axis=1,
    )
    level = 0.1 * 0.5  # of the noise, in units of the data
    np.testing.assert_allclose(clean, x + level**2 * score, atol=5e-3)
    assert np.abs(clean - noisy).mean() > 0.01


def test_files(fitted, tmp_path):
    fitted.save(tmp_path)
    again = TarFlow.load(tmp_path, device="cpu")
    np.testing.assert_array_equal(fitted.sample(10), again.sample(10))


@pytest.mark.parametrize("prior", ["noised", "at_noise"])
def test_a_score_model_may_start_from_it(bars, prior, tmp_path):
    tiny = {"steps": 20, "batch_size": 32, "width": 4, "blocks": 1}
    sgm = SGM(device="cpu", network="unet", multipliers=(1, 2), **tiny)
    flow = TarFlow(device="cpu", steps=20, **TINY)
    model = FlowSGM(flow, sgm, device="cpu", prior=prior, sigma_T=0.5, steps=3)
    model.fit(bars, images=IMAGES, verbose=False)
    assert list(model.flows) == [0.1 if prior == "noised" else 0.5]
    drawn = model.sample(20)
    assert drawn.shape == (20, 16) and np.isfinite(drawn).all()
    model.save(tmp_path)
    np.testing.assert_array_equal(FlowSGM.load(tmp_path, device="cpu").sample(20), drawn)


def test_mistakes(bars):
    with pytest.raises(InputError, match="patch: 3 does not divide images of 4 by 4"):
        TarFlow(device="cpu", steps=2, patch=3).fit(bars, images=IMAGES, verbose=False)
    with pytest.raises(ValueError, match="heads: 3 does not divide the width, 16"):
        TarFlow(width=16, heads=3)
