"""Flow matching from a Student-t base: its loss, its grid, its tail index, closed forms."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.diffusion.ode import integrate
from tailbench.diffusion.samplers import noise_levels, reverse
from tailbench.models.t_flow import TFlow, TFlowSampling
from tailbench.rng.streams import Streams
from tailbench.stats.student import mixing_scale
from tailbench.stats.tail_index import estimate_tail

TINY = {"train_steps": 40, "batch_size": 64, "width": 16, "num_blocks": 1, "validate_every": 20}
CPU = torch.device("cpu")


def student(n, dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    return mixing_scale(rng.uniform(size=(n, 1)), nu) * rng.standard_normal((n, dim))


def fit(x, **settings):
    return TFlow(device="cpu", **(TINY | settings)).fit(x, verbose=False)


def replaced(model, monkeypatch, velocity):
    """Let a formula take the place of the network."""
    original = model._select

    def select(positions):
        module = original(positions)
        module.forward = velocity
        return module

    monkeypatch.setattr(model, "_select", select)
    return model


@pytest.mark.parametrize("damping", [0.0, 0.5])
@pytest.mark.parametrize("loss", ["noise", "velocity"])
def test_loss_is_the_error_of_the_noise(damping, loss):
    """The noise that the velocity predicts is x - t v; the mean is over samples and columns."""
    x = student(300, 2, 3.0)
    model = fit(x, nu=3.0, damping=damping, loss=loss)
    batch = torch.from_numpy(x[None, :200]).float()
    module = model._select([0])
    with torch.no_grad():
        found = model._loss(module, batch, Streams([1], CPU, "train"))
        base, data, t = model._drawn(module, batch, Streams([1], CPU, "train"))
        noisy = t * data + (1 - t) * base
        square = (noisy - t * module(noisy, t) - base).square()
        if loss == "velocity":
            square = (module(noisy, t) - (data - base)).square()
    size = (t**2 + (module.scale * (1 - t)) ** 2).sqrt()
    square = square * (2 / (1 + (noisy / size).square().mean(-1, keepdim=True))) ** damping
    torch.testing.assert_close(found, square.mean((1, 2)).float(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 3, 18])
@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_a_point_mass_is_reached_on_any_grid(monkeypatch, steps, sampler):
    """D = c is the velocity (c - x)/(1 - t), whose paths are lines; Cauchy noise."""
    c = torch.tensor([0.5, -2.0], dtype=torch.float64)
    model = fit(student(300, 2, 3.0), nu=1.0)
    replaced(model, monkeypatch, lambda x, t: (c - x) / (1 - t))
    x = model.sample(1000, sampler=sampler, sampling_steps=steps, sigma_min=1e-3, seed=0)
    z = model.margins.to_model(torch.from_numpy(x)[None], [0])[0]
    noise = c + (z - c) * 1e3  # where the line came from, up to rounding of the samples
    assert float((z - c).abs().median()) < 5e-3
    assert float(noise.abs().median()) == pytest.approx(1.0, rel=0.25)


@pytest.mark.parametrize("data", [0.3, 1.0, 4.0])
def test_gaussians_are_stretched(monkeypatch, data):
    """v = x (t S^2 - (1-t)) / (t^2 S^2 + (1-t)^2), and x_0 is multiplied by its root."""
    model = fit(np.random.default_rng(0).standard_normal((500, 2)))
    assert math.isinf(model.constants["nu"])
    times = []

    def velocity(x, t):
        times.append(float(t))
        top = t * data**2 - (1 - t)
        return x * top / (t**2 * data**2 + (1 - t) ** 2)

    ends = {}
    for n, steps in ((1, 1), (2, 400)):
        replaced(model, monkeypatch, (lambda x, t: 0 * x) if n == 1 else velocity)
        ends[n] = model.sample(200, sampling_steps=steps, seed=0)
    location = model.constants["location"].numpy()
    last = 1 - 0.002
    factor = math.hypot(last * data, 1 - last)
    np.testing.assert_allclose(
        ends[2] - location, factor * (ends[1] - location), rtol=2e-3, atol=1e-4
    )
    assert min(times) == 0.0 and max(times) == pytest.approx(last, abs=1e-12)


@pytest.mark.parametrize("nu", [1.0, 3.0])
def test_is_the_process_of_t_edm(nu):
    """By sigma = (1 - t)/t the exact denoiser of two atoms gives the same ends."""
    atoms = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=torch.float64)

    def denoised(x, sigma):
        square = (x.unsqueeze(-2) - atoms).square().sum(-1)
        return (-0.5 * (nu + 2) * torch.log1p(square / (nu * sigma**2))).softmax(-1) @ atoms

    def velocity(x, t):
        mean = denoised(x / t, (1 - t) / t)
        return mean - (x - t * mean) / (1 - t)

    start = torch.from_numpy(student(400, 2, nu))[None]
    first, last = 1 / 81, 1 / 1.01
    levels = noise_levels(80.0, 0.01, 400)
    times = 1 / (1 + levels)
    assert (float(times[0]), float(times[-1])) == pytest.approx((first, last))
    noisy = start * (1 - first)
    ours = integrate(velocity, noisy, times, "heun") / last
    theirs = reverse(lambda x, s: (x - denoised(x, s)) / s, noisy / first, levels)
    assert float(((ours - theirs).abs().amax(-1) < 0.02).double().mean()) > 0.98


@pytest.mark.parametrize("nu", [1.0, 3.0])
def test_samples_have_the_tail_index_of_the_base(nu):
    """Whatever the data: here they are light. Of one column, within two standard errors."""
    x = np.random.default_rng(0).standard_normal((2000, 2))
    y = fit(x, nu=nu).sample(20_000, seed=0)
    tail = estimate_tail(y[:, 0])
    exact = estimate_tail(student(20_000, 1, nu, 1)[:, 0])
    assert tail.xi == pytest.approx(1 / nu, abs=2 * tail.xi_se + abs(exact.xi - 1 / nu))


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "wider"), [("noise", 0.15), ("velocity", 0.0)])
def test_learns_student_data(loss, wider):
    """The error of the noise leaves the velocity near the base loose, and the middle narrow."""
    x, fresh = student(20_000, 3, 2.5), student(20_000, 3, 2.5, 1)
    size = {"width": 64, "num_blocks": 2, "train_steps": 1000, "batch_size": 512}
    y = fit(x, loss=loss, **size).sample(20_000, seed=0)
    for p, error in ((0.5, 0.05), (0.9, 0.12), (0.99, 0.25), (0.999, 0.6)):
        found, expected = (np.quantile(np.linalg.norm(z, axis=1), p) for z in (y, fresh))
        assert abs(math.log(found / expected)) < error + wider


def test_every_kind_of_data():
    """One-sided of an index below one; 1e6 and more, at an offset; light."""
    rng = np.random.default_rng(0)
    n = 400
    y = np.stack(
        [rng.pareto(0.8, n), 1e7 + 1e6 * rng.standard_t(1.5, n), rng.standard_normal(n)], axis=1
    )
    x = fit(y).sample(500, seed=0)
    assert np.isfinite(x).all()
    low, high = np.quantile(y, [0.05, 0.95], axis=0)
    assert ((np.median(x, axis=0) > low) & (np.median(x, axis=0) < high)).all()


def test_a_saved_model_samples_the_same(tmp_path):
    model = fit(np.stack([student(1000, 2, 1.2), student(1000, 2, 4.0)]))
    model.save(tmp_path)
    loaded = TFlow.load(tmp_path, device="cpu")
    assert np.array_equal(
        loaded.sample(50, sampling_steps=3, seed=0), model.sample(50, sampling_steps=3, seed=0)
    )


@pytest.mark.parametrize("options", [{"sigma_min": 0.0}, {"sigma_min": 1.0}, {"sampler": "sde"}])
def test_values_out_of_range(options):
    with pytest.raises(ValidationError, match=next(iter(options))):
        TFlowSampling(**options)
