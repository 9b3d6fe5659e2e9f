"""The U-Nets of a seed block."""

import subprocess
import sys

import pytest
import torch

from tailbench.exceptions import InputError
from tailbench.networks.unet import ScoreUNet

SHAPE = (2, 4, 4)
SMALL = {"width": 4, "num_blocks": 1, "multipliers": (1, 2)}


def unet(seeds=(0,), spread=True, **options):
    """A small U-Net; its last layer does something if ``spread``."""
    made = ScoreUNet(
        [torch.Generator().manual_seed(seed) for seed in seeds], SHAPE, **(SMALL | options)
    )
    if spread:
        for e, seed in enumerate(seeds):
            draw = torch.Generator().manual_seed(seed + 10)
            made.unets.weights["conv_out/weight"].data[e].normal_(0.0, 0.1, generator=draw)
    return made


def images(seeds=1, n=3, size=1.0, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return size * torch.randn(seeds, n, 32, generator=draw)


def levels(*values):
    return torch.tensor(values).view(1, -1, 1)


def test_starts_at_zero_with_the_shape_of_the_data():
    found = unet(spread=False)(images(), levels(0.1, 1.0, 10.0))
    assert found.shape == (1, 3, 32) and bool((found == 0).all())
    assert bool((unet()(images(), levels(1.0)) != 0).all())


def test_seeds_are_independent():
    both, second = unet((1, 2)), unet((2,))
    x = images(seeds=2)
    found = both(x, levels(0.5))
    torch.testing.assert_close(found[1:], second(x[1:], levels(0.5)))
    assert not torch.allclose(found[:1], second(x[:1], levels(0.5)), rtol=1e-2)
    assert all(p.shape[0] == 2 for p in both.parameters())


def test_every_image_has_its_own_level():
    made, x = unet(), images()
    found = made(x, levels(0.02, 1.0, 50.0))
    for i, level in enumerate((0.02, 1.0, 50.0)):
        alone = made(x[:, i : i + 1], levels(level))
        torch.testing.assert_close(found[:, i : i + 1], alone, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(found[:, :1], made(x[:, :1], levels(1.0)), rtol=1e-2)


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_far_out_the_correction_stays_moderate(size):
    near, far = (unet()(images(size=s), levels(1.0)).abs().max() for s in (1.0, size))
    assert bool(far.isfinite()) and far < 30 * near


def test_channels_are_not_mixed_up():
    """A change of one pixel of one channel is told apart from that of another."""
    made, x = unet(), torch.zeros(1, 1, 32)
    at = [x.clone() for _ in range(3)]
    at[1][..., 0] = 1.0
    at[2][..., 16] = 1.0
    zero, first, second = (made(each, levels(1.0)) for each in at)
    assert not torch.allclose(zero, first) and not torch.allclose(first, second)


def test_all_weights_learn():
    made = unet(attention=(1,))
    (made(images(), levels(0.1, 1.0, 3.0)) - 1.0).square().mean().backward()
    idle = [key for key, p in made.unets.weights.items() if not bool((p.grad != 0).any())]
    # a bias before a normalisation over as few values as here may be without effect
    assert all(key.endswith("bias") for key in idle)


def test_checkpointing_changes_no_gradient():
    gradients = []
    for checkpointing in (False, True):
        made = unet(checkpointing=checkpointing).train()
        made(images(), levels(1.0)).square().mean().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in made.parameters()]))
    torch.testing.assert_close(*gradients)


def test_half_precision_is_near():
    full, half = (unet(half=half)(images(), levels(1.0)) for half in (False, True))
    assert half.dtype == torch.float32 and not torch.equal(full, half)
    assert (full - half).abs().max() < 0.05 * full.abs().max()


def test_dropout_is_for_training():
    made = unet(dropout=0.5)
    x = images()
    torch.testing.assert_close(*(made.eval()(x, levels(1.0)) for _ in range(2)))
    assert not torch.allclose(*(made.train()(x, levels(1.0)) for _ in range(2)))


def test_the_global_random_state_is_left_alone():
    before = torch.random.get_rng_state()
    first, again = (unet(seeds=(3,)) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(map(torch.equal, first.parameters(), again.parameters()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"multipliers": (1, 2, 2, 2)}, "multiples of 8, not 4 by 4"),
        ({"attention": (2,)}, "no level 2 in a U-Net of 2"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(InputError, match=message):
        unet(**options)


def test_torchvision_of_another_build_is_no_hindrance():
    """Where torchvision's operators are missing, two of them are declared, and once only."""
    code = (
        "from tailbench.compute.torchvision_compat import import_torchvision as f; import sys;"
        "kept = f(); assert f() is kept; from diffusers import UNet2DModel;"
        "assert 'torchvision' in sys.modules or kept is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
