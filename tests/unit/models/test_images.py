"""Models of images: units, networks, files, and what they refuse."""

import numpy as np
import pytest

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.dlpm import DLPM
from tailbench.models.flow import Flow
from tailbench.models.lim import LIM
from tailbench.models.sgm import SGM
from tailbench.training.context import FitContext

PIXELS = ImageLayout((1, 4, 4), ("cross", "ring"))
LATENTS = ImageLayout((1, 4, 4), pixels=False)
UNET = {"network": "unet", "width": 4, "num_blocks": 1, "multipliers": (1, 2)}
TINY = {"train_steps": 6, "batch_size": 16, "validate_every": 3}


@pytest.fixture(scope="module")
def pictures():
    """Crosses and rings in noise; the corners are always black."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 0.5, (60, 4, 4))
    x[:30, 1], x[30:, [0, 3]] = 1.0, 0.7
    x[:, [0, 0, 3, 3], [0, 3, 0, 3]] = -1.0
    return x.reshape(60, 16)


def fitted(model, x, images=PIXELS, **options):
    return model(device="cpu", **(TINY | options)).fit(x, images=images, seed=3, verbose=False)


@pytest.mark.parametrize("model", [SGM, DLPM, LIM])
@pytest.mark.parametrize("network", [UNET, {"network": "mlp", "width": 8, "num_blocks": 1}])
def test_every_model_learns_images(model, network, pictures, tmp_path):
    made = fitted(model, pictures, **network)
    assert all(np.isfinite(row["loss"]) for row in made.history)
    drawn = made.sample(300, sampling_steps=3, seed=0)
    assert drawn.shape == (300, 16) and np.isfinite(drawn).all()
    np.testing.assert_array_equal(drawn[:40], made.sample(40, sampling_steps=3, seed=0))
    made.save(tmp_path)
    again = model.load(tmp_path, device="cpu")
    assert again.images == PIXELS
    np.testing.assert_array_equal(drawn, again.sample(300, sampling_steps=3, seed=0))


def context(*seeds):
    return FitContext(seeds, seeds, seeds, verbose=False)


def test_a_seed_does_not_depend_on_its_block(pictures):
    block = np.stack([pictures, pictures[::-1]])
    both = SGM(device="cpu", **TINY, **UNET).fit_block(block, context(5, 6), PIXELS)
    second = SGM(device="cpu", **TINY, **UNET).fit_block(block[1:], context(6), PIXELS)
    assert both.num_seeds == 2
    both, second = (model.module.state_dict() for model in (both, second))
    assert all((both[key][1] == second[key][0]).all() for key in both)


def test_one_unit_for_all_pixels(pictures):
    made = fitted(SGM, pictures, **UNET)
    assert (made.constants["location"] == 0).all() and (made.constants["scale"] == 0.5).all()
    latents = fitted(SGM, 7.0 + 3.0 * pictures, LATENTS, **UNET)
    location, scale = (latents.constants[key].numpy() for key in ("location", "scale"))
    assert np.ptp(location) == np.ptp(scale) == 0.0
    np.testing.assert_allclose(location, np.median(7.0 + 3.0 * pictures))
    quartiles = np.quantile(7.0 + 3.0 * pictures, [0.25, 0.75])
    np.testing.assert_allclose(scale, np.diff(quartiles)[0] / 1.3489795, rtol=1e-6)


def test_validation_in_parts_is_the_mean_of_all(pictures, monkeypatch):
    from tailbench.training import trainer

    options = UNET | {"validation_fraction": 0.5, "batch_size": 8, "ema": 0.0}
    whole = fitted(SGM, pictures, **options)
    monkeypatch.setattr(trainer, "VALIDATED", 1)
    parts = fitted(SGM, pictures, **options)
    for one, other in zip(whole.history, parts.history, strict=True):
        assert one["loss"] == other["loss"]
        # other noise is drawn for the parts
        assert other["val_loss"] == pytest.approx(one["val_loss"], rel=0.5)


@pytest.mark.parametrize(
    ("model", "x", "images", "options", "message"),
    [
        (SGM, np.zeros((9, 15)), PIXELS, UNET, "do not have 15 values"),
        (SGM, np.full((9, 16), 1.5), PIXELS, UNET, "from -1 to 1"),
        (SGM, np.random.default_rng(0).normal(size=(9, 16)), None, UNET, "data are not"),
        (Flow, np.zeros((9, 16)), PIXELS, {}, "data are images"),
    ],
)
def test_mistakes(model, x, images, options, message):
    with pytest.raises(InputError, match=message):
        fitted(model, x, images, **options)


def test_a_unet_needs_blocks():
    with pytest.raises(ValueError, match="num_blocks: a level of a U-Net needs at least one"):
        SGM(network="unet", num_blocks=0)
