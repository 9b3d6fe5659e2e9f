"""Diffusion with Student-t noise: what is learned, its tail index, and where that comes from."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.t_edm import TEDM, TEDMSampling
from tailbench.rng.streams import Streams
from tailbench.stats.student import mixing_scale
from tailbench.stats.tail_index import estimate_tail
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture
from tailbench.training.context import SampleContext

TINY = {"train_steps": 40, "batch_size": 64, "width": 16, "num_blocks": 1, "validate_every": 20}


def student(n, dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    return mixing_scale(rng.uniform(size=(n, 1)), nu) * rng.standard_normal((n, dim))


def fit(x, **settings):
    return TEDM(device="cpu", **(TINY | settings)).fit(x, verbose=False)


@pytest.mark.parametrize("preconditioning", ["paper", "tail"])
@pytest.mark.parametrize("nu", [1.0, 3.0])
def test_samples_have_the_tail_index_of_the_noise(nu, preconditioning):
    """Whatever the data: here they are light. Of one column, within two standard errors.

    With a network that has hardly learned: what one adds far out grows like a logarithm, and bends
    the estimate.
    """
    x = np.random.default_rng(0).standard_normal((2000, 2))
    model = fit(x, nu=nu, preconditioning=preconditioning, learning_rate=1e-6)
    y = model.sample(20_000)
    tail = estimate_tail(y[:, 0])
    exact = estimate_tail(student(20_000, 1, nu, 1)[:, 0])
    assert tail.xi == pytest.approx(1 / nu, abs=2 * tail.xi_se + abs(exact.xi - 1 / nu))


@pytest.mark.slow
@pytest.mark.parametrize(("nu", "damping"), [(1.0, 1.0), (3.0, 0.5)])
def test_learns_the_denoiser_of_atoms(nu, damping):
    """Four atoms of known shares: the posterior mean within 5 % of its spread.

    By the median: at nu 1 the error has no mean, since the line of the paper is not flat.
    """
    rng = np.random.default_rng(0)
    atoms = np.array([[0.0, 0.0], [2.0, 1.0], [-1.0, 3.0], [-2.0, -2.0]])
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    which = rng.permutation(np.repeat(np.arange(4), (20_000 * shares).astype(int)))
    size = {"width": 64, "num_blocks": 2, "train_steps": 2000, "batch_size": 512}
    size["learning_rate"] = 1e-2  # the default is for short trainings
    model = fit(atoms[which], nu=nu, damping=damping, **size)
    location, scale = (model.constants[key].numpy() for key in ("location", "scale"))
    places = torch.from_numpy((atoms - location) / scale)
    module = model._select([0])
    wrong = spread = 0.0
    for sigma in (0.1, 0.5, 2.0):
        y = places[torch.from_numpy(rng.choice(4, 4000, p=shares))]
        x = y + sigma * torch.from_numpy(student(4000, 2, nu, 2))
        square = (x.unsqueeze(1) - places).square().sum(-1)
        weights = torch.from_numpy(shares).log() - 0.5 * (nu + 2) * torch.log1p(
            square / (nu * sigma**2)
        )
        exact = weights.softmax(-1) @ places
        with torch.no_grad():
            found = module(x[None], torch.full((1, 1, 1), sigma, dtype=torch.float64))[0]
        wrong += float((found - exact).norm(dim=-1).median())
        spread += float((exact - exact.mean(0)).norm(dim=-1).mean())
    assert wrong / spread < 0.05


@pytest.mark.slow
def test_learns_student_data():
    x = student(20_000, 3, 2.5)
    size = {"width": 64, "num_blocks": 2, "train_steps": 1000, "batch_size": 512}
    y = fit(x, **size, learning_rate=1e-2).sample(20_000)
    fresh = student(20_000, 3, 2.5, 1)
    for p, error in ((0.5, 0.05), (0.9, 0.12), (0.99, 0.25), (0.999, 0.6)):
        found, expected = (np.quantile(np.linalg.norm(z, axis=1), p) for z in (y, fresh))
        assert abs(math.log(found / expected)) < error


def test_degrees_are_those_of_the_heaviest_column():
    x = np.concatenate([student(20_000, 1, 4.0), student(20_000, 1, 1.5, 1)], axis=1)
    model = fit(x, train_steps=2)
    tail = estimate_tail(x[:, 1])
    assert float(model.constants["nu"]) == pytest.approx(tail.index, rel=1e-4)
    assert float(model.constants["nu"]) == pytest.approx(1.5, rel=0.15)


def test_light_data_get_gaussian_noise():
    x = np.random.default_rng(0).standard_normal((2000, 2))
    model = fit(x)
    assert math.isinf(model.constants["nu"])
    assert estimate_tail(model.sample(20_000)[:, 0]).tail == "light"
    heavy = student(2000, 2, 1.5)
    assert math.isfinite(fit(heavy).constants["nu"])
    assert math.isinf(fit(heavy, margins="tail").constants["nu"])


def test_each_seed_has_its_own(tmp_path):
    block = np.stack([student(1000, 2, 1.2), student(1000, 2, 4.0)])
    model = fit(block)
    low, high = model.constants["nu"].tolist()
    assert low < 2 < high
    module = model._select([0, 1])
    assert module.nu.flatten().tolist() == [low, high]
    streams = Streams([1, 2], torch.device("cpu"), "train")
    n = 20_000
    noise = model._noise(
        module.nu, lambda: streams.randn(n, 2), lambda *shape: streams.uniform(n, *shape)
    )
    for e, nu in enumerate((low, high)):
        tail = estimate_tail(noise[e, :, 0].numpy())
        assert tail.xi == pytest.approx(1 / nu, abs=0.12)
        related = np.corrcoef(np.log(noise[e].abs().numpy()).T)[0, 1]
        assert related > 0.05  # one scale for both coordinates
    model.save(tmp_path)
    again = TEDM.load(tmp_path, device="cpu").sample(50, sampling_steps=3)
    assert np.array_equal(again, model.sample(50, sampling_steps=3))


@pytest.mark.parametrize("preconditioning", ["paper", "tail"])
@pytest.mark.parametrize("margins", ["none", "tail"])
def test_every_kind_of_data(preconditioning, margins):
    """One-sided of an index below one; 1e6 and more, at an offset; light."""
    rng = np.random.default_rng(0)
    n = 400
    y = np.stack(
        [rng.pareto(0.8, n), 1e7 + 1e6 * rng.standard_t(1.5, n), rng.standard_normal(n)], axis=1
    )
    x = fit(y, preconditioning=preconditioning, margins=margins).sample(500)
    assert np.isfinite(x).all()
    low, high = np.quantile(y, [0.05, 0.95], axis=0)
    assert ((np.median(x, axis=0) > low) & (np.median(x, axis=0) < high)).all()


@pytest.mark.parametrize(
    ("sampler", "nfe"), [("heun", 10), ("dpmpp_2m", 5), ("euler", 5), ("sde", 5)]
)
def test_cost(monkeypatch, sampler, nfe):
    model, calls = fit(student(200, 2, 3.0)), []
    original = model._select

    def select(positions):
        module = original(positions)
        module.network.register_forward_hook(lambda _, given, __: calls.append(given[0].shape[1]))
        return module

    monkeypatch.setattr(model, "_select", select)
    drawn = model.sample_block(
        40, TEDMSampling(sampler=sampler, sampling_steps=5), SampleContext([1])
    )
    assert drawn.nfe == nfe and sum(calls) == nfe * 40


def test_settings_from_the_law_of_the_data():
    settings = TEDM(nu="truth").settings
    assert settings.needs_target and settings.for_target(StudentMixture(nu=2.5)).nu == 2.5
    for target in (GMM(), None):
        with pytest.raises(InputError, match=r"nu: 'truth' needs data with a known, finite tail"):
            settings.for_target(target)
    plain = TEDM(nu=3.0).settings
    assert not plain.needs_target and plain.for_target(None) is plain


def test_without_a_configuration_the_truth_is_a_number():
    with pytest.raises(InputError, match="nu: 'truth' is for configurations"):
        fit(student(200, 2, 3.0), nu="truth")


def test_a_tail_that_cannot_be_estimated_is_named():
    with pytest.raises(InputError, match="nu: 'auto': column 0 of the data: a tail cannot be"):
        fit(student(20, 2, 3.0))
    fit(student(20, 2, 3.0), nu=3.0)


def test_images_need_a_number():
    x = np.random.default_rng(0).uniform(-1, 1, (40, 16))
    layout = ImageLayout((1, 4, 4))
    with pytest.raises(InputError, match="nu: 'auto' is for tables"):
        TEDM(device="cpu", **TINY).fit(x, images=layout, verbose=False)
    model = TEDM(device="cpu", nu=10.0, **TINY).fit(x, images=layout, verbose=False)
    assert model.sample(4, sampling_steps=3).shape == (4, 16)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"nu": 0.0}, "nu"),
        ({"nu": "hill"}, "nu"),
        ({"nu": "truth", "margins": "tail"}, "nu: 'truth' is for margins: 'none'"),
        ({"preconditioning": "edm"}, "preconditioning"),
    ],
)
def test_settings_out_of_range(options, match):
    with pytest.raises(ValidationError, match=match):
        TEDM(**options)


@pytest.mark.parametrize("options", [{"sigma_min": 80.0}, {"sigma_min": [0.1, 100.0]}])
def test_levels_fall(options):
    with pytest.raises(ValidationError, match="sigma_min must be below sigma_max"):
        TEDMSampling(**options)
