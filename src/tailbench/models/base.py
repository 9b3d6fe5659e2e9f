"""What all models share: seed blocks, seeds, files.

Importing this module does not import torch, so that the settings of models can be read fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.compute.devices import resolve_device
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.io.lazy_rows import LazyRows
from tailbench.models.persistence import read_model, write_model
from tailbench.models.preprocessing import Stored, as_block, as_images, is_lazy
from tailbench.models.settings import ModelSettings, SamplingSettings, TrainingSettings
from tailbench.rng.seeds import seed_for
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams
    from tailbench.training.checkpoint import Checkpoint
    from tailbench.training.rows import Rows

__all__ = ["Data", "Estimator", "Model", "SampleResult", "TuneResult"]

Data = ArrayLike | Sequence[LazyRows]
"""Data of a seed block: ``(n, d)``, ``(E, n, d)``, or one array per seed that lies on the disk."""
Sampling = TypeVar("Sampling", bound=SamplingSettings)
Training = TypeVar("Training", bound=TrainingSettings)


@dataclass(frozen=True)
class SampleResult:
    """Samples and what they cost.

    Attributes:
        samples: Shape ``(E, n, d)``, single precision, in units of the data.
        nfe: Network evaluations per sample.
        extra: What else is worth keeping, as plain data.
    """

    samples: NDArray[np.float32]
    nfe: int
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TuneResult:
    """A setting that was chosen by validation data, and what by.

    Attributes:
        chosen: Value for each seed of the block.
        curve: One row per seed and candidate: the seed's number as ``member``, the candidate under
            the name of the setting, and its scores.
    """

    chosen: list[float]
    curve: list[dict[str, float]]


class Model(ABC, Generic[Sampling]):
    """A way from data to samples; its parts may be models themselves.

    ``fit`` and ``sample`` are for users. A pipeline, which has a seed of its own for each entry
    of a block, calls ``fit_block``, ``tune`` and ``sample_block``.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    kind: ClassVar[str] = "models"
    name: ClassVar[str]
    trainable: ClassVar[bool] = False
    """Whether a configuration can train it by itself, not only its parts."""
    heavy_tailed: ClassVar[bool] = True
    """Whether samples of a short training reach as far as heavy-tailed data."""
    methods: ClassVar[Mapping[str, type[SamplingSettings]]]

    def __init__(self, *, device: str = "auto") -> None:
        self.device = device
        self._table = False

    @property
    @abstractmethod
    def members(self) -> int:
        """Number of seeds ``E`` of the block."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension ``d``."""

    @abstractmethod
    def fit_block(self, x: Data, context: FitContext, images: ImageLayout | None = None) -> Self:
        """Train on the data of a seed block; see ``fit`` for ``x``, ``images`` and errors."""

    @abstractmethod
    def sample_block(self, n: int, settings: Sampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed by the given settings, which hold no sweep.

        Raises:
            FloatingPointError: If a sample is not finite.
        """

    def tune(self, x: Data, settings: Sampling, context: FitContext) -> TuneResult | None:
        """Choose what the settings leave open by the validation rows of the training data.

        ``sample_block`` uses the choice. Most models have nothing to choose, and return ``None``:
        see ``SamplingSettings.tuning_runs``.

        Args:
            x: The training data.
            settings: Settings of the sampling.
            context: Seeds of the choice, and those of the split into training and validation rows.
        """
        return None

    @abstractmethod
    def save(self, path: str | Path) -> None:
        """Write the model into a folder."""

    @classmethod
    @abstractmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """

    def fit(
        self,
        x: Data,
        *,
        seed: int = 0,
        images: ImageLayout | None = None,
        checkpoint: Checkpoint | None = None,
        verbose: bool = True,
    ) -> Self:
        """Train on data; a model that has been fitted is trained anew.

        Args:
            x: Data, shape ``(n, d)``, or ``(E, n, d)`` for a seed block; of images also one array
                per seed whose rows lie on the disk.
            seed: Seed of the training.
            images: Layout of the rows if they are images; pixels are from -1 to 1, or bytes from
                0 to 255.
            checkpoint: Where to keep the state of the training, if anywhere.
            verbose: Show progress.

        Raises:
            InputError: If the data cannot be used.
            TrainingDiverged: If a loss is not finite or explodes.
        """
        table = not is_lazy(x) and np.ndim(cast(Any, x)) < 3
        count = 1 if table else len(cast(Sequence[Any], x))
        self.fit_block(x, FitContext.of(seed, count, self.name, checkpoint, verbose), images)
        self._table = table
        return self

    def sample(
        self, n: int, *, seed: int = 0, method: str | None = None, **options: Any
    ) -> NDArray[np.float32]:
        """Draw samples.

        Args:
            n: Number of samples for each seed of the block.
            seed: Seed of the draws; the first samples of a longer draw are those of a shorter one.
            method: Method to sample, one of ``methods``; that of the model's own name if left out.
            options: Settings of the sampling, by keyword.

        Returns:
            Shape ``(n, d)``, or ``(E, n, d)`` if the model was fitted on a block.

        Raises:
            RuntimeError: If the model has not been fitted.
            ValueError: If the model has no such method, or a setting is a sweep of several values.
        """
        settings = self._sampling(method or self.name, options).single()
        context = SampleContext([seed_for("sample", seed, e) for e in range(self.members)])
        samples = self.sample_block(n, settings, context).samples
        return samples[0] if self._table else samples

    def _sampling(self, method: str, options: Mapping[str, Any]) -> Sampling:
        """Return the settings of a method, completed by their defaults."""
        if method not in self.methods:
            known = ", ".join(self.methods)
            raise ValueError(f"the {self.name} has no method {method!r} (known: {known})")
        return cast(Sampling, self.methods[method](**options))


class Estimator(Model[Sampling], Generic[Training, Sampling]):
    """A model that is trained as one, by gradients.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        settings: Settings of the model, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    trainable: ClassVar[bool] = True
    Settings: ClassVar[type[ModelSettings]]

    def __init__(self, *, device: str = "auto", **settings: Any) -> None:
        super().__init__(device=device)
        self.settings = cast(Training, self.Settings(**settings))
        self.module: nn.Module | None = None
        self.constants: dict[str, Tensor] = {}
        self.info: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        self._seeds: list[int] = []

    @abstractmethod
    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        """Compute the constants of data ``(E, n, d)``; return what the network is trained on."""

    def _prepare_images(self, x: Stored) -> Rows:
        """Compute the constants of images, and return what the network is trained on.

        Raises:
            InputError: If the model is not for images.
        """
        raise InputError(f"the {self.name} is for tables, and the data are images")

    @abstractmethod
    def _build(self, members: Sequence[int], dim: int) -> nn.Module:
        """Build the untrained module of the given positions of the block."""

    @abstractmethod
    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        """Compute the loss of each seed on a batch, shape ``(E,)``."""

    def fit_block(self, x: Data, context: FitContext, images: ImageLayout | None = None) -> Self:
        """Train on the data of a seed block; see ``fit`` for ``x``, ``images`` and errors."""
        from tailbench.training.trainer import train

        self._table, self.info, self._seeds = False, {}, list(context.seeds)
        data: Tensor | Rows
        if images is None:
            block = as_block(cast(ArrayLike, x))
            dim = block.shape[2]
            data = self._prepare(block)
        else:
            stored = as_images(x, images)
            dim = stored[0].shape[1]
            self.info["images"] = asdict(images)
            data = self._prepare_images(stored)
        device, count = resolve_device(self.device), len(context.seeds)

        def build(group: Sequence[int]) -> nn.Module:
            return self._build(group, dim)

        result = train(build, self._loss, data, self.settings, device, context)
        self.module = self._build(range(count), dim)
        self.module.load_state_dict(result.state)
        self.history = result.history
        self.info |= {
            "seconds": result.seconds,
            "parameters": sum(p[0].numel() for p in self.module.parameters()),
            "dim": dim,
            "members": count,
        }
        return self

    @property
    def members(self) -> int:
        """Number of seeds ``E`` of the block."""
        self._fitted()
        return int(self.info["members"])

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        self._fitted()
        return int(self.info["dim"])

    @property
    def images(self) -> ImageLayout | None:
        """Layout of the rows if they are images."""
        return ImageLayout.of(self.info.get("images"))

    def _fitted(self) -> nn.Module:
        if self.module is None:
            raise RuntimeError(f"the {self.name} has not been fitted; call fit first")
        return self.module

    def _generators(self, members: Sequence[int]) -> list[torch.Generator]:
        """Return the generators of the initial parameters of some positions of the block."""
        import torch

        seeds = self._seeds or [0] * (max(members) + 1)
        return [torch.Generator().manual_seed(seed_for("init", seeds[e])) for e in members]

    def _select(self, members: Sequence[int]) -> nn.Module:
        """Return the trained module of some positions, on the device, ready to evaluate."""
        state = self._fitted().state_dict()
        module = self._build(members, self.dim)
        module.load_state_dict({key: value[list(members)] for key, value in state.items()})
        return module.to(resolve_device(self.device)).eval()

    def _seed_groups(self) -> list[list[int]]:
        """Return the positions of the block that are computed together."""
        from tailbench.training import splits

        return splits.seed_groups(self.members, resolve_device(self.device))

    def _groups(self) -> Iterator[tuple[list[int], nn.Module]]:
        """Yield the positions that are computed together, with their module."""
        for group in self._seed_groups():
            yield group, self._select(group)

    def save(self, path: str | Path) -> None:
        """Write ``model.safetensors``, ``spec.json`` and ``history.csv`` into a folder.

        ``spec.json`` carries the settings and the versions, ``SHA256SUMS`` the checksums of all
        three.
        """
        tensors = {f"module.{k}": v for k, v in self._fitted().state_dict().items()}
        tensors |= {f"constant.{k}": v for k, v in self.constants.items()}
        spec = {
            "type": self.name,
            "settings": self.settings.model_dump(mode="json"),
            "table": self._table,
            **self.info,
        }
        arrays = {key: value.cpu().numpy() for key, value in tensors.items()}
        write_model(Path(path), spec, arrays, self.history)

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        import torch

        files = read_model(Path(path), cls.name)
        model = cls(device=device, **files.spec["settings"])
        model._table, model.info, model.history = files.spec["table"], files.info, files.history
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "constant": {}}
        for key, value in files.arrays.items():
            part, _, name = key.partition(".")
            parts[part][name] = torch.tensor(value)
        model.constants = parts["constant"]
        model.module = model._build(range(model.info["members"]), model.info["dim"])
        model.module.load_state_dict(parts["module"])
        return model
