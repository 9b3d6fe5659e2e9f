"""Normalizing flow whose last layer gives every coordinate the tail that its data have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.data import ImageLayout
from tailbench.models.base import Data, SampleResult, check_samples
from tailbench.models.density import Density
from tailbench.models.estimator import Estimator
from tailbench.models.flow_radius import fit_radius, has_radius, quartile_factor
from tailbench.models.flow_settings import FlowSampling, FlowSettings
from tailbench.models.preprocessing import robust_units
from tailbench.models.settings import ModelSettings, SamplingSettings
from tailbench.registry import register
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams
    from tailbench.stats.tail_index import Tail

__all__ = ["Flow", "FlowSampling", "FlowSettings"]

BATCH = 4096
DENSITIES = 2**15  # rows whose density is computed at once


@register
class Flow(Density, Estimator[FlowSettings, FlowSampling]):
    r"""Coupling rational-quadratic spline flow with tails chosen per coordinate from the data.

    The data pass the inverse tail transform (or an affine map where they are light) and then the
    couplings, to a Gaussian base. Location, scale and tail index are estimated from the data and
    stay fixed: a tail index learned by likelihood does not find the tail, since the splines fit
    the quantiles inside the data without it.

    References:
        Durkan et al., Neural spline flows, 2019 (the couplings); Hickling and Prangle, Flexible
        tails for normalizing flows, 2025 (``ttf``); Laszkiewicz, Lederer and Fischer, Marginal
        tail-adaptive normalizing flows, 2022 (``student``, and its gTAF, ``student_learned``);
        Drissi, Lévy-Flow models, 2026 (``nig``).
    """

    Settings: ClassVar[type[ModelSettings]] = FlowSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"flow": FlowSampling}
    tuning = "learning rate and layers on student_mixture"

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        import torch

        from tailbench.stats.tail_index import estimate_tails

        tails = [
            estimate_tails(rows, self.settings.tail_fraction, self.settings.tail_threshold)
            for rows in x
        ]
        index = self._index(tails)
        stretched = self.settings.tails in ("auto", "ttf", "ttf_sides")
        shape = index if stretched else np.zeros_like(index)
        low, factor = None, quartile_factor(shape)
        if self.settings.tails == "ttf_sides":
            low, shape = (self._side_index(x, sign) for sign in (-1.0, 1.0))
            # the distance of the quartiles is the sum of both sides'
            factor = 2.0 / (1.0 / quartile_factor(low) + 1.0 / quartile_factor(shape))
            index = shape
        location, scale = robust_units(x)
        scale = scale * math.hypot(1.0, self.settings.noise)
        constants = {
            "location": location,
            "scale": scale * factor,
            "shape": shape,
            "student": np.zeros_like(index) if stretched else index,
            "noise": robust_units(x)[1] * self.settings.noise,
        } | ({} if low is None else {"low_shape": low})
        self.info["tails"] = {
            "mode": self.settings.tails,
            "per_seed": [
                [
                    {"column": j, **tail.as_dict(), "lambda": float(index[e, j])}
                    | ({} if low is None else {"lambda_low": float(low[e, j])})
                    for j, tail in enumerate(rows)
                ]
                for e, rows in enumerate(tails)
            ],
        }
        if self.settings.may_share_radius(x.shape[2]):
            constants |= self._radius_constants(x, constants)
        self.constants = {key: torch.from_numpy(value) for key, value in constants.items()}
        return self._to_model(x)

    def _to_model(self, x: NDArray[np.float64]) -> Tensor:
        import torch

        from tailbench.margins.tail_transform import TailTransform

        data = torch.from_numpy(x)
        if self.settings.noise:
            return data
        if self.settings.may_share_radius(x.shape[2]):
            untrained = self._build(range(len(x)), x.shape[2])
            return untrained.latents(data).float()  # type: ignore[operator]
        keys = [key for key in ("location", "scale", "shape", "low_shape") if key in self.constants]
        return TailTransform(*(self.constants[key] for key in keys)).inverse(data).float()

    def _radius_constants(
        self, x: NDArray[np.float64], constants: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Compute the constants of the radius of data ``(E, n, d)``, each ``(E, 1)``."""
        pairs = zip(x, constants["shape"], strict=True)
        shared = [has_radius(rows, shape) for rows, shape in pairs]
        self.info["tails"]["shared_radius"] = shared
        return {**fit_radius(x, constants), "shared": np.array(shared, np.float64)[:, None]}

    def _index(self, tails: Sequence[Sequence[Tail]]) -> NDArray[np.float64]:
        """Return the index of each column's tail, shape ``(E, d)``; 0 where it is light."""
        xi = np.array([[tail.xi for tail in rows] for rows in tails])
        if self.settings.tails in ("none", "nig"):
            return np.zeros_like(xi)
        if self.settings.tails not in ("auto", "student"):
            return np.maximum(xi, self._smallest)
        return np.array([[tail.heavy_xi for tail in rows] for rows in tails])

    def _side_index(self, x: NDArray[np.float64], sign: float) -> NDArray[np.float64]:
        """Return the index of one side of each column of data ``(E, n, d)``, shape ``(E, d)``."""
        from tailbench.stats.tail_index import estimate_side

        away = sign * (x - np.median(x, axis=1, keepdims=True))
        index = np.full((len(x), x.shape[2]), self._smallest)
        for e, j in np.ndindex(*index.shape):
            y = away[e, :, j]
            tail = estimate_side(
                y[y > 0], self.settings.tail_fraction, self.settings.tail_threshold
            )
            if tail is not None:
                index[e, j] = max(tail.xi, self._smallest)
        return index

    @property
    def _smallest(self) -> float:
        """The least index of a tail transform that is everywhere."""
        return max(self.settings.tail_threshold, 0.01)

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.flows.coupling import CouplingFlow
        from tailbench.flows.linear import LinearMixing
        from tailbench.flows.nig import NormalInverseGaussianFlow
        from tailbench.flows.radial import RadialFlow
        from tailbench.flows.tailed import TailedFlow

        own = {key: value[list(positions)] for key, value in self.constants.items()}
        mixes = self.settings.mixing == "linear"
        coupling = CouplingFlow(
            self._generators(positions),
            dim,
            self.settings.layers,
            self.settings.bins,
            self.settings.bound,
            self.settings.width,
            self.settings.num_blocks,
            context=2 if "shared" in self.constants else 0,
            mixing=LinearMixing(own["student"] > 0, self.settings.layers) if mixes else None,
        )
        if "shared" in own:
            return RadialFlow(
                coupling,
                self._generators(positions),
                self.settings.bins,
                self.settings.bound,
                own,
            )
        if self.settings.tails == "nig":
            return NormalInverseGaussianFlow(coupling, **own)
        return TailedFlow(coupling, **own, learned=self.settings.tails == "student_learned")

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        draw = streams.randn(*batch.shape[1:]) if self.settings.noise else None
        if "shared" in self.constants:
            dim = batch.shape[2] - (0 if self.settings.noise else 1)
            lengths = streams.randn(batch.shape[1], dim)
            return module.loss(batch, lengths, draw)  # type: ignore[operator]
        return module.loss(batch, draw)  # type: ignore[operator]

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        super()._fit_block(x, context, images)
        if self.settings.tails == "student_learned":
            for rows, found in zip(self.info["tails"]["per_seed"], self.base_index(), strict=True):
                for row, index in zip(rows, found.tolist(), strict=True):
                    row["lambda"] = index
        if self.settings.tails == "nig":
            names = ("steepness", "skewness", "location", "scale")
            columns = self._fitted().base_columns().detach().numpy()  # type: ignore[operator]
            for e, rows in enumerate(self.info["tails"]["per_seed"]):
                for j, row in enumerate(rows):
                    row["nig"] = dict(zip(names, columns[:, e, j].tolist(), strict=True))

    def base_index(self) -> NDArray[np.float64]:
        """Return the inverse degrees of freedom of the base, shape ``(E, d)``; 0 is Gaussian.

        Raises:
            RuntimeError: If the flow has not been fitted.
        """
        index: Tensor = self._fitted().index  # type: ignore[assignment]
        return index.detach().double().numpy()

    def _log_prob(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        import torch

        # far out, single precision has no squares, and then no numbers
        module = self._module_of(range(self.num_seeds)).double()
        parts = torch.from_numpy(block).split(DENSITIES, dim=1)
        with torch.no_grad():
            return torch.cat([module.log_prob(rows) for rows in parts], dim=1).numpy()  # type: ignore[operator]

    def sample_block(self, n: int, settings: FlowSampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed: one pass through the flow.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.compute.devices import resolve_device
        from tailbench.rng.streams import IndexedStreams

        device = resolve_device(self.device)
        out, batch = np.empty((self.num_seeds, n, self.dim)), context.batch or BATCH
        with torch.no_grad():
            for group, module in self._groups():
                width: int = module.inputs  # type: ignore[assignment]
                for begin in range(0, n, batch):
                    kept = min(batch, n - begin)
                    size = context.batch or kept
                    streams = IndexedStreams(
                        [context.seeds[e] for e in group],
                        begin,
                        size,
                        width,
                        device,
                        "flow",
                    )
                    x = module(streams.randn(torch.float64))[:, :kept]
                    out[group, begin : begin + kept] = x.cpu().numpy()
        check_samples(out, context.label)
        return SampleResult(out, 1)

    def prior(self, n: int, context: SampleContext, noisy: bool) -> NDArray[np.floating]:
        """Draw the start of a reverse process; the noise of the training stays in it."""
        own = SampleContext(context.seeds, batch=context.batch)
        return self.sample_block(n, FlowSampling(), own).samples
