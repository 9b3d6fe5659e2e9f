"""The flow of radius and direction: its map, its density, and that extremes stay together."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from tailbench.flows.coupling import CouplingFlow
from tailbench.flows.radial import CONSTANTS, RadialFlow, RadiusMap
from tailbench.flows.tailed import TailedFlow
from tailbench.margins.tail_transform import TailTransform

COLUMNS = {"light": (0.0, 0.0, 0.0), "heavy": (0.5, 0.5, 0.5), "many": (0.2, 0.4, 1.5)}


def constants(shape, seeds=1, shared=1.0, radius_shape=0.4):
    """Constants of columns of the given indices, equal for all seeds."""
    dim = len(shape)

    def full(value, width=1):
        return torch.full((seeds, width), value, dtype=torch.float64)

    return {
        "location": full(0.3, dim),
        "scale": full(0.7, dim),
        "shape": torch.tensor([shape] * seeds, dtype=torch.float64),
        "noise": full(0.0, dim),
        "shared": full(shared),
        "common_scale": full(0.9),
        "common_shape": full(max(shape)),
        "middle": full(1.2),
        "spread": full(0.5),
        "radius_shape": full(radius_shape),
    }


def flow(shape, seeds=1, spread=0.3, **options):
    """A flow in double precision, away from the identity by ``spread``."""
    generators = [torch.Generator().manual_seed(e) for e in range(seeds)]
    coupling = CouplingFlow(
        generators, len(shape), 2, bins=4, bound=5.0, width=8, num_blocks=1, context=2
    )
    made = RadialFlow(coupling, generators, 4, 5.0, constants(shape, seeds, **options)).double()
    with torch.no_grad():
        for parameter in made.parameters():
            for e in range(seeds):
                parameter[e].normal_(0.0, spread, generator=generators[e])
    return made.requires_grad_(False)


def gaussian(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("columns", COLUMNS)
def test_the_map_is_inverted(columns):
    own = constants(COLUMNS[columns])
    margins = TailTransform(own["location"], own["scale"], own["shape"])
    made = RadiusMap(margins, own)
    near = 3.0 * gaussian(1, 200, 3)
    far = torch.tensor([[[1e6, 0.2, -4.0], [1e6, -1e6, 1e6], [-3.0, 1e6, 0.1]]]).double()
    if columns == "light":
        far = far / 1e3
    for x in (near, far):
        s, u = made.inverse(x)
        torch.testing.assert_close(u.norm(dim=-1), torch.ones_like(u[..., 0]))
        torch.testing.assert_close(made(s, 7.0 * u), x, rtol=1e-6, atol=1e-6)


def test_no_radius_is_negative_and_the_middle_row_has_one():
    own = constants(COLUMNS["heavy"])
    margins = TailTransform(own["location"], own["scale"], own["shape"])
    made = RadiusMap(margins, own)
    s = torch.linspace(-40.0, 40.0, 81, dtype=torch.float64).view(1, -1, 1)
    along = made(s, torch.ones(1, 81, 3, dtype=torch.float64))[0, :, 0]
    assert bool((along.diff() > 0).all())
    assert along[0].item() == pytest.approx(0.3, abs=1e-6)  # the location: a radius of 0
    s, u = made.inverse(torch.full((1, 1, 3), 0.3, dtype=torch.float64))
    assert bool(s.isfinite().all()) and bool(u.isfinite().all())


@pytest.mark.parametrize("columns", ["light", "heavy", "many"])
def test_samples_have_the_density(columns):
    """The mean of h(x) / p(x) over samples of p is the integral of a density h, which is one.

    Here of the untrained flow, which has a closed form (below).
    """
    made = flow(COLUMNS[columns], spread=0.1)
    x = made(gaussian(1, 3000, 4))
    untrained = flow(COLUMNS[columns], spread=0.0)
    ratio = (untrained.log_prob(x) - made.log_prob(x))[0].exp().numpy()
    error = ratio.std() / math.sqrt(len(ratio))
    assert error < 0.05
    assert ratio.mean() == pytest.approx(1.0, abs=4.0 * error)


@pytest.mark.parametrize("columns", [(0.0, 0.0), (0.5, 0.5), (0.3, 1.5)])
def test_the_density_integrates_to_one(columns):
    """On circles of equal columns, from 1e-6 to 1e6, whose map to the data is known."""
    made = flow(columns)
    own = constants(columns)
    common = TailTransform(torch.zeros(1, 1), own["common_scale"], own["common_shape"])
    log_radius = torch.linspace(-14.0, 14.0, 281, dtype=torch.float64)
    angle = torch.arange(64, dtype=torch.float64) * (math.pi / 32)
    circle = torch.stack([angle.cos(), angle.sin()], dim=-1)
    v = (log_radius.exp()[:, None, None] * circle).reshape(1, -1, 2)
    z = common.inverse(v)
    slope = made.tail.log_abs_det_jacobian(z) - common.log_abs_det_jacobian(z)
    density = (made.log_prob(made.tail(z)) + slope).view(281, 64)
    mass = (density + 2.0 * log_radius[:, None]).exp().sum() * 0.1 * (math.pi / 32)
    assert mass.item() == pytest.approx(1.0, abs=2e-3)


def test_without_training_directions_are_uniform():
    """The identity gives the law of a radius with no direction before another, in closed form."""
    made = flow((0.0, 0.0, 0.0), spread=0.0, radius_shape=0.0)
    x = 2.0 * gaussian(1, 50, 3) + 0.3
    v = 0.9 * (x[0].numpy() - 0.3) / 0.7
    length = np.linalg.norm(v, axis=1)
    r = length / math.sqrt(3.0) / 1.2
    s = np.where(r < 1.0, np.log(r), r - 1.0) / 0.5
    slope = 0.5 * 1.2 * math.sqrt(3.0) * np.minimum(r, 1.0)  # d length / d s
    area = 4.0 * math.pi * length**2
    exact = stats.norm.logpdf(s) - np.log(slope * area) + 3.0 * math.log(0.9 / 0.7)
    np.testing.assert_allclose(made.log_prob(x)[0].numpy(), exact, atol=1e-6)


def test_a_radius_has_the_tail_of_its_index():
    made = flow((0.4, 0.4, 0.4), spread=0.0)
    x = made(gaussian(1, 100_000, 4))[0].numpy()
    lengths = np.sort(np.linalg.norm(x - 0.3, axis=1))
    hill = np.log(lengths[-1000:] / lengths[-1001]).mean()
    assert hill == pytest.approx(0.4, abs=4.0 * 0.4 / math.sqrt(1000))


def test_a_seed_without_a_radius_is_a_flow_of_columns():
    """Beside one that has it: as a TailedFlow whose conditioners are given zeros."""
    made = flow((0.4, 0.0), seeds=2)
    made.shared[1] = 0.0
    x, noise = 2.0 * gaussian(2, 30, 2), gaussian(2, 30, 3)
    zeros = torch.zeros(2, 30, 2, dtype=torch.float64)

    class Given(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

        def inverse(self, y):
            return made.coupling.inverse(y, zeros)

    given = {name: getattr(made, name) for name in ("location", "scale", "shape", "noise")}
    plain = TailedFlow(Given(), **given, student=torch.zeros_like(made.location))
    torch.testing.assert_close(made.log_prob(x)[1], plain.log_prob(x)[1])
    samples = made(noise)
    torch.testing.assert_close(
        samples[1], made.tail(made.coupling(noise[..., 1:], zeros))[1], rtol=1e-12, atol=0.0
    )
    alone = flow((0.4, 0.0))
    alone.load_state_dict({key: value[:1] for key, value in made.state_dict().items()})
    torch.testing.assert_close(alone(noise[:1])[0], samples[0])
    torch.testing.assert_close(alone.log_prob(x[:1])[0], made.log_prob(x)[0])


def test_the_loss_is_that_of_the_vectors_of_random_length():
    made = flow((0.4, 0.0), seeds=2)
    made.shared[1] = 0.0
    x, lengths = 2.0 * gaussian(2, 30, 2), gaussian(2, 30, 2)
    latents = made.latents(x)
    found = made.loss(latents, lengths)
    assert found[1].item() == pytest.approx(
        -(made.log_prob(x)[1] + made.tail.log_abs_det_jacobian(made.tail.inverse(x))[1]).mean() / 2
    )
    noisy = made.loss(x, lengths, torch.zeros_like(x))
    torch.testing.assert_close(noisy, found)
    assert set(CONSTANTS) <= {name for name, _ in made.named_buffers()}
