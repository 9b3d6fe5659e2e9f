"""A coupling flow of radius and direction, for columns whose extremes come together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tailbench.flows.coupling import CouplingFlow
from tailbench.margins.tail_transform import TailTransform

__all__ = ["CONSTANTS", "RadialFlow", "RadiusMap"]

CONSTANTS = ("common_scale", "common_shape", "middle", "spread", "radius_shape")
LAYERS = 2  # of the flow of the radius: one column, which nothing conditions
NEAREST = 1e-12  # least radius that is told from none, in units of the middle
NODES = 96  # of the integral over the lengths of a direction
BEYOND = 6.0  # standard deviations of the length that the integral reaches


class RadiusMap:
    r"""The map between columns and one radius with a direction, of each seed.

    The columns pass the inverse of their own tail transform, and then one of an index
    :math:`\lambda_0` that is common to all, which gives them equal tails. Of the ``v`` so made

    .. math:: r = \|v\| / \sqrt d = m\,\varphi(T(s)), \qquad u = v / \|v\|, \qquad
        \varphi(t) = \begin{cases} 1 + t & t \ge 0 \\ e^t & t < 0 \end{cases}

    with the median radius ``m`` and a tail transform ``T`` of its upper side. A Gaussian ``s``
    has a radius of the index of ``T``, and never a negative one. In double precision.

    Args:
        margins: The tail transform of the columns.
        constants: ``common_scale`` and ``common_shape`` of the common transform, ``middle``
            :math:`m`, ``spread`` and ``radius_shape``, scale and index of ``T``: each ``(E, 1)``.
    """

    def __init__(self, margins: TailTransform, constants: Mapping[str, Tensor]) -> None:
        scale, shape = constants["common_scale"], constants["common_shape"]
        spread, radius_shape = constants["spread"], constants["radius_shape"]
        self.margins = margins
        self.common = TailTransform(torch.zeros_like(scale), scale, shape)
        self.radius = TailTransform(
            torch.zeros_like(spread), spread, radius_shape, torch.zeros_like(radius_shape)
        )
        self.middle = constants["middle"].double().unsqueeze(-2)

    def __call__(self, s: Tensor, y: Tensor) -> Tensor:
        """Map ``s`` ``(E, n, 1)`` and vectors ``(E, n, d)`` of any length to data."""
        y, t = y.double(), self.radius(s)
        u = y / y.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        r = self.middle * torch.where(t < 0, t.exp(), 1.0 + t)
        return self.margins(self.common.inverse(math.sqrt(y.shape[-1]) * r * u))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data ``(E, n, d)`` to ``s`` ``(E, n, 1)`` and directions ``(E, n, d)``."""
        s, u, _ = self._inverse(x)
        return s, u

    def inverse_with_ladj(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return ``s``, ``u`` and :math:`\log |d(s, u) / dx|` ``(E, n)``, of the sphere's area."""
        s, u, (z, t) = self._inverse(x)
        d = x.shape[-1]
        r = self.middle * torch.where(t < 0, t.exp(), 1.0 + t)
        slope = self.radius.log_abs_det_jacobian(s) + (self.middle.log() + t.clamp(max=0.0))[..., 0]
        sphere = (d - 1) * (r.log() + 0.5 * math.log(d))[..., 0]
        columns = self.common.log_abs_det_jacobian(z) - self.margins.log_abs_det_jacobian(z)
        return s, u, columns - sphere - slope - 0.5 * math.log(d)

    def _inverse(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        z = self.margins.inverse(x)
        v = self.common(z)
        length = v.norm(dim=-1, keepdim=True)
        least = NEAREST * self.middle * math.sqrt(x.shape[-1])
        r = torch.maximum(length, least) / (math.sqrt(x.shape[-1]) * self.middle)
        t = torch.where(r < 1.0, r.log(), r - 1.0)
        return self.radius.inverse(t), v / torch.maximum(length, least), (z, t)


class RadialFlow(nn.Module):
    r"""A flow of the radius, and one of the direction given the radius, of each seed.

    The direction ``u`` has no coordinates that all points of the sphere share. Training gives it
    the random length :math:`\rho` of a standard Gaussian vector, and learns the density of
    :math:`y = \rho u` given ``s`` by a coupling flow in ``d`` columns; a sample forgets its
    length. The density of ``u`` is then :math:`\int q(\rho u \mid s)\,\rho^{d-1} d\rho`.

    Where a seed has no shared radius, ``y`` is what the tail transform leaves of the columns, and
    the flow is one of columns.

    Args:
        coupling: The flow of ``y``, which takes two values of ``s``.
        generators: One generator per seed, for the flow of ``s``.
        bins: Bins of its splines.
        bound: They act on ``[-bound, bound]``.
        location: Location of the tail transform of the columns, shape ``(E, d)``.
        scale: Its scale, shape ``(E, d)``.
        shape: Its index, shape ``(E, d)``; 0 is an affine map.
        noise: Standard deviation of the noise that training adds, ``(E, d)``, in units of the data.
        shared: Whether a seed has a shared radius, 1 or 0, shape ``(E, 1)``.
        radius: The constants of :class:`RadiusMap`.
    """

    location: Tensor
    scale: Tensor
    shape: Tensor
    noise: Tensor
    shared: Tensor

    def __init__(
        self,
        coupling: CouplingFlow,
        generators: Sequence[torch.Generator],
        bins: int,
        bound: float,
        constants: Mapping[str, Tensor],
    ) -> None:
        super().__init__()
        self.coupling = coupling
        self.radius = CouplingFlow(generators, 1, LAYERS, bins, bound, width=1, num_blocks=0)
        self.bound = bound
        for name in ("location", "scale", "shape", "noise", "shared", *CONSTANTS):
            self.register_buffer(name, constants[name], persistent=False)

    @property
    def inputs(self) -> int:
        """Gaussian values of a sample: those of its vector, after that of its radius."""
        return self.coupling.dim + 1

    @property
    def tail(self) -> TailTransform:
        """The tail transform of the columns."""
        return TailTransform(self.location, self.scale, self.shape)

    @property
    def map(self) -> RadiusMap:
        """The map between columns and radius."""
        return RadiusMap(self.tail, {name: getattr(self, name) for name in CONSTANTS})

    @property
    def _is_shared(self) -> Tensor:
        return (self.shared > 0).unsqueeze(-1)  # (E, 1, 1)

    def latents(self, x: Tensor) -> Tensor:
        """Return ``s`` and the direction of data ``(E, n, d)``, or 0 and columns: ``d + 1``."""
        s, u = self.map.inverse(x)
        radial = torch.cat([s, u], dim=-1)
        plain = torch.cat([torch.zeros_like(s), self.tail.inverse(x)], dim=-1)
        return torch.where(self._is_shared, radial, plain)

    def _log_prob_of_radius(self, s: Tensor) -> Tensor:
        base, ladj = self.radius.inverse(s)
        return (_log_gaussian(base) + ladj) * self.shared

    def _log_prob_of_vector(self, y: Tensor, s: Tensor) -> Tensor:
        base, ladj = self.coupling.inverse(y, self._context(s))
        return _log_gaussian(base) + ladj

    def _context(self, s: Tensor) -> Tensor:
        return torch.cat([s.clamp(-self.bound, self.bound), s.asinh()], dim=-1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density of data ``x`` ``(E, n, d)``, shape ``(E, n)``, in float64."""
        if not bool(self.shared.any()):  # the integral over lengths is for those that have one
            return self._log_prob_of_columns(x)
        dtype = next(self.parameters()).dtype
        s, u, ladj = self.map.inverse_with_ladj(x)
        s, u = s.to(dtype), u.to(dtype)
        radial = (self._log_prob_of_radius(s) + self._log_prob_of_direction(u, s)).double() + ladj
        if bool(self.shared.all()):
            return radial
        return torch.where(self._is_shared[..., 0], radial, self._log_prob_of_columns(x))

    def _log_prob_of_columns(self, x: Tensor) -> Tensor:
        z = self.tail.inverse(x)
        y = z.to(next(self.parameters()).dtype)
        found = self._log_prob_of_vector(y, torch.zeros_like(y[..., :1])).double()
        return found - self.tail.log_abs_det_jacobian(z)

    def _log_prob_of_direction(self, u: Tensor, s: Tensor) -> Tensor:
        """Integrate the density of the vector over its lengths, by Gauss and Legendre."""
        d = u.shape[-1]
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        last = math.sqrt(d) + BEYOND
        lengths = (0.5 * last * (nodes + 1.0)).tolist()
        logs = [
            self._log_prob_of_vector(length * u, s)
            + ((d - 1) * math.log(length) + math.log(0.5 * last * weight))
            for length, weight in zip(lengths, weights.tolist(), strict=True)
        ]
        return torch.stack(logs).logsumexp(dim=0)

    def forward(self, gaussian: Tensor) -> Tensor:
        """Map standard Gaussian values ``(E, n, d + 1)`` to data, in double precision."""
        dtype = next(self.parameters()).dtype
        first, rest = gaussian[..., :1].to(dtype), gaussian[..., 1:].to(dtype)
        s = torch.where(self._is_shared, self.radius(first), torch.zeros_like(first))
        y = self.coupling(rest, self._context(s))
        return torch.where(self._is_shared, self.map(s, y), self.tail(y))

    def loss(self, batch: Tensor, lengths: Tensor, draw: Tensor | None = None) -> Tensor:
        """Return minus the mean log-density per dimension of each seed, shape ``(E,)``.

        Args:
            batch: Latent values, ``(E, n, d + 1)``; or data in double precision, if noise is drawn.
            lengths: Standard Gaussian values ``(E, n, d)``, whose lengths the directions get.
            draw: Standard Gaussian noise to add to the data, ``(E, n, d)``.
        """
        if draw is not None:
            batch = self.latents(batch + self.noise.unsqueeze(-2) * draw).to(draw.dtype)
        s, y = batch[..., :1], batch[..., 1:]
        y = torch.where(self._is_shared, lengths.norm(dim=-1, keepdim=True) * y, y)
        found = self._log_prob_of_vector(y, s) + self._log_prob_of_radius(s)
        return -found.mean(-1) / y.shape[-1]


def _log_gaussian(x: Tensor) -> Tensor:
    """Return the log-density of standard Gaussian values ``(E, n, k)``, shape ``(E, n)``."""
    return -0.5 * (x.square().sum(-1) + x.shape[-1] * math.log(2.0 * math.pi))
