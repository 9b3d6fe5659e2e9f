"""The headline method: a score model started from a flow instead of a Gaussian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout
from tailbench.exceptions import NotFittedError
from tailbench.io.checksums import seal, write_record
from tailbench.models.base import Data, Model, SampleResult, TuneResult
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm_parts import Prior, flows_of
from tailbench.models.flow_sgm_settings import FlowSGMSampling
from tailbench.models.parts import check_part, continued, template
from tailbench.models.persistence import load_model, read_spec
from tailbench.models.preprocessing import as_block, as_images, filled
from tailbench.models.settings import SamplingSettings, TrainingSettings, fixed, written
from tailbench.models.sgm import SGM
from tailbench.models.sigma_onset import rule_of, select_onset
from tailbench.models.sigma_selection import reference_rows, select_sigma
from tailbench.registry import register
from tailbench.rng.seeds import RandomState, seed_for
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tailbench.rng.streams import IndexedStreams

__all__ = ["FlowSGM", "FlowSGMSampling"]


@register
class FlowSGM(Model[FlowSGMSampling]):
    r"""Flow-initialised score model: the flow gives the tails, the score model the structure.

    The start of the reverse process is :math:`x_T = x_{flow} + \sigma_T G` at a moderate
    :math:`\sigma_T`, instead of a Gaussian at a large one. The larger :math:`\sigma_T`, the more
    of the structure the score model makes and the less of the flow's tails is left.

    As with the meta-estimators of scikit-learn, the models given are templates: ``fit`` trains
    copies of them, ``flows`` and ``sgm``, and trains them anew when it is called again. With
    ``prefit=True`` they are used as they are, and ``fit`` only chooses ``sigma_T``, by the
    data that it is given.

    Args:
        flow: A flow, of splines or, for images, of transformers, or one per noise level; by
            default one of splines is built from ``flow_settings``.
        sgm: A score model; by default one is built from ``sgm_settings``.
        flow_settings: Settings of the flow.
        sgm_settings: Settings of the score model.
        prefit: Whether ``flow`` and ``sgm`` have been fitted and are to be used as they are.
        device: Where to train and sample.
        random_state: Seed of ``fit`` and ``sample`` where they are given none; see ``Model``.
        verbose: Show progress.
        warm_start: Whether ``fit`` continues the training of the parts of the ``fit`` before.
        sampling: Settings of the sampling, such as ``sigma_T="auto"``.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.

    References:
        Fassina, Cardoso, Le Corff and Romary, Generalizing score-based generative models for
        heavy-tailed distributions, 2026.
    """

    Settings: ClassVar[type[TrainingSettings]] = TrainingSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"flow_sgm": FlowSGMSampling}
    sampling: FlowSGMSampling
    tuning = "its parts as flow and sgm; the rule of sigma_T on gmm and student_mixture"

    def __init__(
        self,
        flow: Prior | Mapping[float, Prior] | None = None,
        sgm: SGM | None = None,
        *,
        flow_settings: Mapping[str, Any] | None = None,
        sgm_settings: Mapping[str, Any] | None = None,
        prefit: bool = False,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        warm_start: bool = False,
        **sampling: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose)
        self.sampling = FlowSGMSampling(**sampling)
        self.prefit, self.warm_start = prefit, warm_start
        if flow is None:
            flow = Flow(device=device, **(flow_settings or {}))
        if sgm is None:
            sgm = SGM(device=device, **(sgm_settings or {}))
        check_part("sgm", sgm, SGM)
        self.flows = flows_of(flow, self.sampling, prefit)
        self.sgm = sgm if prefit else template(sgm)
        self.tuned: TuneResult | None = None
        if prefit:
            self._take_form(self.sgm, *self.flows.values())

    @classmethod
    def assemble(cls, parts: Mapping[str, Sequence[Any]], device: str = "auto") -> Self:
        """Build the model from trained flows and a trained score model, by role."""
        flows = {flow.settings.noise: flow for flow in parts["flow"]}
        return cls(flows, parts["sgm"][0], prefit=True, device=device)

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        return self.sgm.num_seeds

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        return self.sgm.dim

    def _reset(self) -> None:
        """Become the untrained model of the present parameters, or what ``warm_start`` keeps."""
        flows, sgm = self.flows, self.sgm
        super()._reset()
        if self.warm_start:
            self.flows = {level: continued(flow) for level, flow in flows.items()}
            self.sgm = continued(sgm)

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Train the parts, unless they are prefit, and choose ``sigma_T`` where a rule is given.

        Raises:
            NotFittedError: If the parts are prefit and one of them has not been fitted.
        """
        rows = as_block(cast(ArrayLike, x)) if images is None else as_images(x, images)
        for name, part in self._parts().items():
            if self.prefit:
                part.num_seeds  # noqa: B018 (raises where it has not been fitted)
            else:
                part.fit_block(x, context.part(name), images)
        if self.sampling.tuning_runs:
            self.tune(rows, self.sampling, context)

    @property
    def sigma_T_(self) -> list[float]:
        """Noise level of the start of each seed, as it is set or has been chosen; after ``fit``."""
        return self._levels(self.sampling)

    def _levels(self, settings: FlowSGMSampling) -> list[float]:
        level = fixed(settings.sigma_T)
        if isinstance(level, float):
            return [level] * self.num_seeds
        if self.tuned is None or rule_of(self.tuned) != level:
            raise NotFittedError(f"sigma_T has not been chosen by {level!r}; call fit or tune")
        return list(self.tuned.chosen)

    def _batch(self) -> int | None:
        return self.sgm._batch()

    def _parts(self) -> dict[str, Prior | SGM]:
        """Return the parts under the names of their folders."""
        flows = {f"flow-{written(level)}": flow for level, flow in self.flows.items()}
        return {**flows, "sgm": self.sgm}

    def of_seed(self, position: int) -> Self:
        """Return the model of one seed of the block, with the ``sigma_T`` that it has chosen."""
        flows = {level: flow.of_seed(position) for level, flow in self.flows.items()}
        sampling = self.sampling.model_dump(exclude={"flow", "sgm"})
        sgm = self.sgm.of_seed(position)
        one = type(self)(flows, sgm, prefit=True, device=self.device, **sampling)
        one._be_table_of(self)
        if self.tuned is not None:
            one.tuned = TuneResult([self.tuned.chosen[position]], self.tuned.curve)
        return one

    def tune(self, x: Data, settings: FlowSGMSampling, context: FitContext) -> TuneResult:
        """Choose ``sigma_T`` for each seed by the training data, and keep the result in ``tuned``.

        See :func:`tailbench.models.sigma_selection.choose_level` for ``"auto"``, and
        :func:`tailbench.models.sigma_onset.select_onset` for ``"dip"``.

        Args:
            x: The training data.
            settings: Settings whose ``sigma_T_grid`` are tried, at the finest of their sweeps.
            context: Seeds of the choice.
        """
        block = x if isinstance(x, Sequence) else np.asarray(x)
        rows = [block] if isinstance(block, np.ndarray) and block.ndim == 2 else list(block)
        seeds = [seed_for("choose", seed) for seed in context.seeds]
        if settings.sigma_T == "dip":
            self.tuned = select_onset(rows, self.sgm.margins, settings, seeds, context.ids)
            return self.tuned
        reference = reference_rows(rows, seeds)
        shared: dict[int, NDArray[np.floating]] = {}

        def draw(level: float, n: int) -> NDArray[np.floating]:
            tried = settings.finest().model_copy(update={"sigma_T": level})
            label = f"{context.label}, choosing sigma_T, {written(level)}"
            own, levels = SampleContext(seeds, label, context.verbose), [level] * len(seeds)
            starts = shared.get(n)
            if starts is None:
                starts = self._starts(n, tried, levels, own)
                if settings.start == "add_noise":  # from one flow, at every level
                    shared[n] = starts
            return self._refined(starts, n, tried, levels, own).samples

        self.tuned = select_sigma(draw, reference, settings.sigma_T_grid, seeds, context.ids)
        return self.tuned

    def sample_block(
        self, n: int, settings: FlowSGMSampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed: the flow's, noised to ``sigma_T``, then refined.

        Raises:
            RuntimeError: If ``sigma_T`` is left to a rule and has not been chosen by it.
            FloatingPointError: If a sample is not finite.
        """
        levels = self._levels(settings)
        starts = self._starts(n, settings, levels, context)
        return self._refined(starts, n, settings, levels, context)

    def _refined(
        self,
        starts: NDArray[np.floating],
        n: int,
        settings: FlowSGMSampling,
        levels: list[float],
        context: SampleContext,
    ) -> SampleResult:
        """Refine samples of the flow from each seed's noise level."""
        import torch

        margins = self.sgm.margins

        def start(seeds: list[int], rows: slice, streams: IndexedStreams) -> Tensor:
            x = torch.from_numpy(filled(starts, rows)[seeds].astype(np.float64))
            x = margins.to_model(x, seeds).float().to(streams.device)
            if settings.start == "noisy_flow":
                return x
            sigma = torch.tensor([levels[e] for e in seeds], device=streams.device)
            return x + sigma.view(-1, 1, 1) * streams.randn()

        samples, nfe = self.sgm.refine(start, levels, n, settings, context)
        for e, own in enumerate(levels):
            if own == 0:
                samples[e] = starts[e]
        return SampleResult(samples, 1 + (nfe if any(levels) else 0), {"sigma_T": levels})

    def _starts(
        self, n: int, settings: FlowSGMSampling, levels: list[float], context: SampleContext
    ) -> NDArray[np.floating]:
        """Draw from the flow, or from each seed's flow at its noise level."""
        if settings.start == "add_noise":
            return next(iter(self.flows.values())).prior(n, context, noisy=False)
        missing = sorted(set(levels) - set(self.flows))
        if missing:
            raise RuntimeError(f"no flow was trained at noise level {written(missing[0])}")
        drawn = {
            level: self.flows[level].prior(n, context, noisy=True) for level in sorted(set(levels))
        }
        return np.stack([drawn[level][e] for e, level in enumerate(levels)])

    def save(self, path: str | Path) -> None:
        """Write the parts, each into a folder of its own, and the choice of ``sigma_T``."""
        path = Path(path)
        for name, part in self._parts().items():
            part.save(path / name)
        spec = {
            "type": self.name,
            "sampling": self.sampling.model_dump(mode="json", exclude={"flow", "sgm"}),
            "flows": sorted(self.flows),
            "chosen": [] if self.tuned is None else self.tuned.chosen,
            "curve": [] if self.tuned is None else self.tuned.curve,
            "prefit": self.prefit,
            **self._form(),
        }
        write_record(path / "spec.json", spec)
        seal(path, ["spec.json"])

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        path = Path(path)
        spec = read_spec(path, cls.name)
        flows = {
            level: load_model(path / f"flow-{written(level)}", device) for level in spec["flows"]
        }
        sgm = SGM.load(path / "sgm", device)
        model = cls(flows, sgm, prefit=True, device=device, **spec["sampling"])
        model.prefit = spec["prefit"]
        model._set_form(spec)
        if spec["chosen"]:
            model.tuned = TuneResult(spec["chosen"], spec["curve"])
        return model
