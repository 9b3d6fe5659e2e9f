"""The density of what a score network generates, and the estimate of total variation."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from tailbench.theory.sample_size import experiment
from tailbench.theory.sample_size.claims import SampleSizeClaims
from tailbench.theory.sample_size.experiment import SampleSize, TwoModes
from tailbench.theory.sample_size.relative_score import Network, log_generated, train


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("active", [1, 4])
def test_field_is_the_gradient_of_the_relative_density(active):
    target = TwoModes(4, 1.5, active)
    x = torch.randn(7, 4, generator=generator(), dtype=torch.float64, requires_grad=True)
    relative = target.log_density(x, 0.3) + 0.5 * x.square().sum(-1)
    (wanted,) = torch.autograd.grad(relative.sum(), x, create_graph=True)
    gradient, divergence = target.field(x, 0.3)
    torch.testing.assert_close(gradient, wanted)
    trace = sum(
        torch.autograd.grad(wanted[:, j].sum(), x, retain_graph=True)[0][:, j] for j in range(4)
    )
    torch.testing.assert_close(divergence, trace)


def test_density_and_samples_of_the_target():
    target = TwoModes(2, 1.5, 1)
    x = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    line = torch.stack([x, torch.zeros_like(x)], dim=1)
    p = torch.exp(target.log_density(line, 0.4)) * math.sqrt(2 * math.pi)
    assert float(p.sum() * (x[1] - x[0])) == pytest.approx(1.0, abs=1e-10)
    made = target.sample(20_000, 0.4, generator()).numpy()
    m = 1.5 * math.exp(-0.4)

    def cdf(y):
        return 0.5 * (stats.norm.cdf(y, m) + stats.norm.cdf(y, -m))

    assert stats.kstest(made[:, 0], cdf).pvalue > 1e-3
    assert stats.kstest(made[:, 1], "norm").pvalue > 1e-3


def test_divergence_of_the_network_against_autograd():
    network = Network(2, 3, 5, generator())
    network.outer.data = torch.randn(2, 5, 3, generator=generator(1))
    x = torch.randn(2, 6, 3, generator=generator(2), dtype=torch.float64, requires_grad=True)
    gradient, divergence = network.field(x, 0.2)
    trace = sum(
        torch.autograd.grad(gradient[..., j].sum(), x, retain_graph=True)[0][..., j]
        for j in range(3)
    )
    torch.testing.assert_close(divergence, trace, rtol=1e-6, atol=1e-8)
    decay = torch.full((2, 6, 1), math.exp(-0.2))
    torch.testing.assert_close(network(x.float(), decay), gradient.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("active", [1, 8])
def test_the_exact_score_generates_the_target(active):
    target = TwoModes(8, 1.0, active)
    x = target.sample(500, 0.05, generator())
    found = log_generated(target.field, x[None], (0.05, 6.0))[0]
    torch.testing.assert_close(found, target.log_density(x, 0.05), rtol=0, atol=2e-4)


def test_a_linear_field_generates_the_gaussian_of_the_closed_form():
    def field(x, t):  # grad log h = c x, constant in time: the flow only shrinks
        return 0.3 * x, torch.full_like(x[..., 0], 0.6)

    x = torch.randn(1, 50, 2, generator=generator(), dtype=torch.float64)
    std = math.exp(0.3 * 1.95)
    wanted = -0.5 * (x / std).square().sum(-1) - math.log(2 * math.pi * std**2)
    torch.testing.assert_close(log_generated(field, x, (0.05, 2.0)), wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shift", [0.1, 1.0])
def test_total_variation_of_gaussians_in_many_dimensions(shift):
    x = torch.randn(200_000, 16, generator=generator(), dtype=torch.float64)
    moved = x.clone()
    moved[:, 3] -= shift
    log_p, log_q = -0.5 * x.square().sum(-1), -0.5 * moved.square().sum(-1)
    value, error = experiment._total_variation(log_p, log_q)
    assert value == pytest.approx(2 * stats.norm.cdf(shift / 2) - 1, abs=4 * error)
    assert error < 0.002


def test_training_finds_the_direction_and_the_penalty_binds():
    target = TwoModes(4, 1.5, 1)
    data = [target.sample(2000, 0.0, generator(s)) for s in range(2)]
    options = {
        "width": 8,
        "steps": 150,
        "batch": 128,
        "rate": 0.02,
        "times": (0.05, 3.0),
        "seed": 0,
    }
    network = train(data, penalty=0.5, **options)
    x = target.sample(1000, 0.05, generator(5))
    exact, none = target.field(x, 0.05)[0], torch.zeros_like(x)
    for made in network.field(x.expand(2, -1, -1), 0.05)[0]:
        assert (made - exact).square().mean() < 0.2 * (none - exact).square().mean()
    bound = train(data, penalty=1e4, **options)
    assert (bound.path_norm() < 0.2 * network.path_norm()).all()


@pytest.mark.slow
def test_experiment_and_claims():
    part = SampleSize(
        dims=[2, 4], sizes=[100, 400, 1600], seeds=2, steps=40, width=8, batch_size=64, points=400
    )
    cells = part.cells()
    assert set(cells) == {"bounded-2", "bounded-4", "growing-2", "growing-4"}
    table = pd.DataFrame([row for spec in cells.values() for row in part.measure(spec)])
    assert table[table["quantity"] == "tv"]["value"].between(0, 1).all()
    assert (table[table["quantity"] == "tv, exact score"]["value"] < 0.01).all()
    again = pd.DataFrame(part.measure(cells["bounded-2"]))
    pd.testing.assert_frame_equal(again, table.iloc[: len(again)].reset_index(drop=True))
    found = {(s.quantity, s.case): s for s in SampleSizeClaims().slopes(table)}
    change = found["change of the rate when the dimension doubles", "bounded"]
    assert change.relation == "<=" and change.low <= change.slope <= change.high
    SampleSizeClaims().draw(table, pd.DataFrame([s.row() for s in found.values()]))


def test_rates_are_compared_across_dimensions():
    rows = [
        (target, d, n, seed, "tv", n**rate * (1 + 0.01 * seed), 0.0)
        for target, rates in {"bounded": {2: -0.3, 8: -0.3}, "growing": {2: -0.3, 8: -0.1}}.items()
        for d, rate in rates.items()
        for n in (100, 400, 1600)
        for seed in range(3)
    ]
    rows += [(t, d, n, s, "bound", 1.0, 0.0) for t, d, n, s, *_ in rows]
    rows += [("bounded", 2, 0, -1, "tv, exact score", 1e-3, 0.0)]
    columns = ["target", "dim", "size", "seed", "quantity", "value", "error"]
    slopes = SampleSizeClaims().slopes(pd.DataFrame(rows, columns=columns))
    change = {s.case: s for s in slopes if s.quantity.startswith("change")}
    assert change["bounded"].slope == pytest.approx(0, abs=1e-9)
    assert change["growing"].slope == pytest.approx(0.1, abs=1e-9)
    assert np.isnan(change["growing"].claimed)
