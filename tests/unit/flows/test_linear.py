"""Linear layers: inverse, log-determinant, and that no light column becomes heavy."""

import pytest
import torch

from tailbench.flows.coupling import CouplingFlow
from tailbench.flows.linear import LinearMixing

HEAVY = torch.tensor([[False, True, False, True], [True, False, False, False]])


def mixing(heavy=HEAVY, layers=2):
    """Layers away from the identity that they start at."""
    made = LinearMixing(heavy, layers).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.5, generator=generator)
    return made


def points(n=50, scale=1.0):
    generator = torch.Generator().manual_seed(1)
    return scale * torch.randn(2, n, 4, dtype=torch.float64, generator=generator)


def matrices(made, layer):
    """The matrix towards the base of each seed, by the images of unit vectors."""
    units = torch.eye(4, dtype=torch.float64).expand(2, 4, 4)
    return made.inverse(units, layer)[0].detach().mT


def test_starts_as_the_identity():
    x = points()
    z, ladj = LinearMixing(HEAVY, 1).double().inverse(x, 0)
    torch.testing.assert_close(z, x)
    assert not ladj.any()


@pytest.mark.parametrize("scale", [1.0, 1e6])
@pytest.mark.parametrize("layer", [0, 1])
def test_is_invertible(layer, scale):
    made, x = mixing(), points(scale=scale)
    z, _ = made.inverse(x, layer)
    assert float((z - x).detach().abs().max()) > 0.1 * scale
    torch.testing.assert_close(made(z, layer), x, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("layer", [0, 1])
def test_log_determinant_is_that_of_the_matrix(layer):
    made = mixing()
    _, ladj = made.inverse(points(), layer)
    exact = torch.linalg.slogdet(matrices(made, layer)).logabsdet
    torch.testing.assert_close(ladj[:, 0], exact)


def test_no_heavy_column_reaches_a_light_one():
    """Neither towards the base nor back; every other pair of columns is mixed."""
    for matrix, heavy in zip(matrices(mixing(), 0), HEAVY, strict=True):
        for towards in (matrix, torch.linalg.inv(matrix)):
            for row in range(4):
                for column in range(4):
                    crosses = bool(heavy[column]) and not bool(heavy[row])
                    assert (abs(float(towards[row, column])) < 1e-12) == crosses


def test_of_one_kind_of_columns_all_are_mixed():
    for heavy in (torch.zeros_like(HEAVY), torch.ones_like(HEAVY)):
        assert bool((matrices(mixing(heavy), 0).abs() > 1e-6).all())


def test_between_couplings():
    """A flow with linear layers is invertible, and its log-determinant is that of its Jacobian."""
    seeds = [torch.Generator().manual_seed(seed) for seed in range(2)]
    flow = CouplingFlow(
        seeds, 4, 2, bins=4, bound=5.0, width=8, num_blocks=1, mixing=mixing()
    ).double()
    with torch.no_grad():
        for parameter in flow.conditioners.parameters():
            parameter.normal_(0.0, 0.3, generator=seeds[0])
    x = points(4, scale=3.0)
    z, ladj = flow.inverse(x)
    torch.testing.assert_close(flow(z), x, rtol=1e-8, atol=1e-8)
    for e in range(2):
        for i in range(4):
            jacobian = torch.autograd.functional.jacobian(
                lambda v, e=e, i=i: flow.inverse(
                    torch.cat([x[:, :i], v.expand(2, 1, 4), x[:, i + 1 :]], dim=1)
                )[0][e, i],
                x[e, i].view(1, 1, 4),
            ).reshape(4, 4)
            exact = torch.linalg.slogdet(jacobian).logabsdet
            torch.testing.assert_close(ladj[e, i], exact, rtol=1e-8, atol=1e-8)
