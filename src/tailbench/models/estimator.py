"""The base of models that are trained by gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.compute.devices import resolve_device
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.base import Data, Model, Sampling
from tailbench.models.persistence import read_model, write_model
from tailbench.models.preprocessing import Stored, as_block, as_images
from tailbench.models.settings import ModelSettings, TrainingSettings
from tailbench.rng.seeds import seed_for
from tailbench.training.context import FitContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams
    from tailbench.training.rows import Rows

__all__ = ["Estimator", "Training"]

Training = TypeVar("Training", bound=TrainingSettings)


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
    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
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
            "seeds": count,
        }
        return self

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        self._fitted()
        return int(self.info["seeds"])

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

    def _generators(self, positions: Sequence[int]) -> list[torch.Generator]:
        """Return the generators of the initial parameters of some positions of the block."""
        import torch

        seeds = self._seeds or [0] * (max(positions) + 1)
        return [torch.Generator().manual_seed(seed_for("init", seeds[e])) for e in positions]

    def _select(self, positions: Sequence[int]) -> nn.Module:
        """Return the trained module of some positions, on the device, ready to evaluate."""
        state = self._fitted().state_dict()
        module = self._build(positions, self.dim)
        module.load_state_dict({key: value[list(positions)] for key, value in state.items()})
        return module.to(resolve_device(self.device)).eval()

    def _seed_groups(self) -> list[list[int]]:
        """Return the positions of the block that are computed together."""
        from tailbench.training import splits

        return splits.seed_groups(self.num_seeds, resolve_device(self.device))

    def _groups(self) -> Iterator[tuple[list[int], nn.Module]]:
        """Yield the positions that are computed together, with their module."""
        for group in self._seed_groups():
            yield group, self._select(group)

    def of_seed(self, position: int) -> Self:
        """Return the model of one seed of the block, as if it had been fitted on a table."""
        one = type(self)(device=self.device, **self.settings.model_dump())
        one.constants = {key: value[[position]] for key, value in self.constants.items()}
        one.info = {**self.info, "seeds": 1, "seconds": [self.info["seconds"][position]]}
        one._table = True
        one.module = one._build([0], self.dim)
        state = self._fitted().state_dict()
        one.module.load_state_dict({key: value[[position]] for key, value in state.items()})
        ids = list(dict.fromkeys(row["seed"] for row in self.history))
        one.history = [row for row in self.history if ids.index(row["seed"]) == position]
        return one

    def save(self, path: str | Path) -> None:
        """Write ``model.safetensors``, ``spec.json`` and ``history.csv`` into a folder.

        ``spec.json`` carries the settings, the versions, and the checksums of all three.
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
        model.module = model._build(range(model.info["seeds"]), model.info["dim"])
        model.module.load_state_dict(parts["module"])
        return model
