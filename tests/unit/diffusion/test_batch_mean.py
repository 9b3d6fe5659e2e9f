"""The mean of noised rows over their batch: its value, and that it has the right mean."""

import math

import pytest
import torch

from tailbench.diffusion.batch_mean import batch_mean, gaussian_kernel, student_kernel
from tailbench.diffusion.denoiser import Denoiser
from tailbench.models.fm import FMSettings
from tailbench.rng.streams import Streams

SEED = 20261130


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)


@pytest.mark.parametrize("nu", [None, 3.0, math.inf])
def test_is_the_weighted_mean_of_the_batch(nu: float | None) -> None:
    rows, noise = drawn(2, 7, 3), 0.4 * drawn(2, 7, 3).flip(1)
    signal, spread = (
        torch.full((2, 7, 1), 0.8, dtype=torch.float64),
        torch.full((2, 7, 1), 0.6, dtype=torch.float64),
    )
    noisy = signal * rows + spread * noise
    shape = torch.tensor([nu or math.inf] * 2).view(2, 1, 1)
    kernel = gaussian_kernel if nu is None else student_kernel(shape, 3)
    found = batch_mean(noisy, rows, signal, spread, kernel)
    for e in range(2):
        for k in range(7):
            square = ((noisy[e, k] - 0.8 * rows[e]) / 0.6).square().sum(-1)
            density = (-0.5 * square).exp()
            if nu == 3.0:
                density = (1.0 + square / nu) ** (-0.5 * (nu + 3))
            expected = (density[:, None] * rows[e]).sum(0) / density.sum()
            torch.testing.assert_close(found[e, k], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("nu", [math.inf, 2.0])
def test_has_the_mean_given_the_noisy_row_alone(nu: float) -> None:
    """Atoms at -1 and 2 have E[y | x] in closed form; batches of three are far from it each."""
    trials, size, p = 200_000, 3, 0.3
    g = torch.Generator().manual_seed(SEED)
    heads = torch.rand(trials, size, 1, generator=g, dtype=torch.float64) < p
    rows = torch.where(heads, -1.0, 2.0).double()
    noise = torch.randn(trials, 1, 1, generator=g, dtype=torch.float64)
    if nu == 2.0:  # a chi-square variable of two degrees of freedom is twice an exponential one
        noise = noise / torch.empty_like(noise).exponential_(generator=g).sqrt()
    spread = torch.full((trials, 1, 1), 1.5, dtype=torch.float64)
    noisy = rows[:, :1] + spread * noise
    kernel = student_kernel(torch.tensor(nu).view(1, 1, 1), 1)
    found = batch_mean(noisy, rows, 1.0, spread, kernel)

    def density(atom: float) -> torch.Tensor:
        return kernel(((noisy - atom) / spread).square()).exp()

    low, high = p * density(-1.0), (1 - p) * density(2.0)
    exact = (2.0 * high - low) / (low + high)
    for weight in (torch.ones_like(noisy), noisy.tanh(), (noisy > 1.0).double()):
        error = ((found - exact) * weight).flatten()
        assert abs(error.mean()) < 4.5 * error.std() / math.sqrt(trials)
    # a third of the weights would be wrong by this much if the noised row were not among them
    others = batch_mean(noisy, rows[:, 1:], 1.0, spread, kernel)
    wrong = ((others - exact) * noisy.tanh()).flatten()
    assert abs(wrong.mean()) > 20 * wrong.std() / math.sqrt(trials)


def test_scatters_less_than_the_row() -> None:
    rows, noise = drawn(1, 512, 2), drawn(1, 512, 2).flip(1)
    for sigma, share in ((4.0, 0.02), (1.0, 0.1)):
        spread = torch.full((1, 512, 1), sigma, dtype=torch.float64)
        noisy = rows + spread * noise
        exact = noisy / (1.0 + sigma**2)
        scatter = (batch_mean(noisy, rows, 1.0, spread) - exact).square().mean()
        assert scatter < share * (rows - exact).square().mean()


def test_of_a_far_row_is_the_row() -> None:
    rows = drawn(1, 64, 3)
    rows[0, 0] = torch.tensor([1e6, -1e6, 1e6])
    rows[0, 1, 0] = 1e30
    for sigma in (0.005, 80.0):
        spread = torch.full((1, 64, 1), sigma, dtype=torch.float64)
        found = batch_mean(rows + spread * drawn(1, 64, 3).flip(1), rows, 1.0, spread)
        assert found.isfinite().all()
        torch.testing.assert_close(found[0, :2], rows[0, :2])


def test_equal_rows_share_their_weight() -> None:
    rows = torch.zeros(1, 4, 2).double()
    rows[0, 3] = 5.0
    spread = torch.full((1, 4, 1), 0.01, dtype=torch.float64)
    found = batch_mean(rows, rows, 1.0, spread)
    torch.testing.assert_close(found, rows)


def test_leaves_the_minimum_of_the_loss_where_it_is() -> None:
    """The gradient over one batch differs, and its mean over batches does not."""

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slope = torch.nn.Parameter(torch.tensor(0.2).double())

        def forward(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return self.slope * x.tanh()

    made = Denoiser(Line())
    x, noise = drawn(20_000, 4, 1), drawn(20_000, 4, 1).flip(0)
    sigma = torch.full((20_000, 4, 1), 2.0, dtype=torch.float64)
    slopes = []
    for batch in (None, x):
        loss = made.loss(x, sigma, noise, batch=batch)
        per_batch = torch.autograd.grad(loss.sum(), made.network.slope, retain_graph=True)[0]
        slopes.append(per_batch.item() / len(loss))
    assert slopes[1] == pytest.approx(slopes[0], abs=0.01)


def test_a_share_of_the_rows_has_the_whole_batch_beside_it() -> None:
    streams = Streams([1], torch.device("cpu"), "test")
    rows = drawn(1, 8, 2)
    assert streams.share(rows) is not rows and streams.share(rows).equal(rows)
    with streams.part(slice(2, 5), 8):
        assert streams.share(rows).equal(rows[:, 2:5])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, True), ({"coupling": "ot"}, False), ({"base": "margins"}, False)],
)
def test_flow_matching_compares_rows_where_the_base_is_known(
    settings: dict[str, str], expected: bool
) -> None:
    assert FMSettings(**settings).compares_rows is expected
    assert not FMSettings(batch_mean=False, **settings).compares_rows
