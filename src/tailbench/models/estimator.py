"""The base of models that are trained by gradients."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.compute.devices import resolve_device, usual_torch
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError, NotFittedError
from tailbench.models.base import Data, Model, Sampling
from tailbench.models.persistence import read_model, write_model
from tailbench.models.preprocessing import Stored, as_block, as_images
from tailbench.models.settings import ModelSettings, TrainingSettings
from tailbench.rng.seeds import RandomState, seed_for
from tailbench.training.context import FitContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams
    from tailbench.training.rows import Rows

__all__ = ["Estimator", "Training"]

Training = TypeVar("Training", bound=TrainingSettings)
TOGETHER = {"cpu": 256, "gpu": 4096}  # samples that are computed at once: see Model._batch


class Estimator(Model[Sampling], Generic[Training, Sampling]):
    """A model that is trained as one, by gradients.

    Args:
        device: ``"auto"`` (also ``None``), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or a torch device.
        random_state: Seed of ``fit`` and ``sample`` where they are given none; see ``Model``.
        verbose: Show progress.
        warm_start: Whether ``fit`` continues from the parameters of the ``fit`` before, in its
            units, by a learning rate that begins again, instead of training anew.
        settings: Settings of the model, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    trainable: ClassVar[bool] = True
    Settings: ClassVar[type[ModelSettings]]

    def __init__(
        self,
        *,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        warm_start: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose)
        self.warm_start = warm_start
        self.settings = cast(Training, self.Settings(**settings))
        self.module: nn.Module | None = None
        self.constants: dict[str, Tensor] = {}
        self.info: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        self._seeds: list[int] = []

    @abstractmethod
    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        """Compute the constants of data ``(E, n, d)``; return what the network is trained on."""

    def _to_model(self, x: NDArray[np.float64]) -> Tensor:
        """Return what the network is trained on of data ``(E, n, d)``, by the present constants.

        Raises:
            InputError: If the training of the model cannot be continued.
        """
        raise InputError(f"warm_start: a training of the {self.name} cannot be continued")

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

    @classmethod
    def options(cls) -> type[ModelSettings]:
        """Return the class of the settings that the constructor takes by keyword."""
        return cls.Settings

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        from tailbench.training.trainer import train

        before = self.history
        data, dim = self._prepared(x, images)
        device, count = resolve_device(self.device), len(context.seeds)
        self._seeds = list(context.seeds)
        continued = self.module is not None
        build = self._module_of if continued else (lambda group: self._build(group, dim))
        result = train(build, self._loss, data, self.settings, device, context)
        self.module = self._build(range(count), dim)
        self.module.load_state_dict(result.state)
        self.history = _joined(before, result.history)
        self.info |= {
            "seconds": result.seconds,
            "parameters": sum(p[0].numel() for p in self.module.parameters()),
            "dim": dim,
            "seeds": count,
        }

    def _prepared(self, x: Data, images: ImageLayout | None) -> tuple[Tensor | Rows, int]:
        """Return what the network is trained on, and the dimension of the data."""
        if images is None:
            block = as_block(cast(ArrayLike, x))
            if self.module is None:
                return self._prepare(block), block.shape[2]
            self._check_form(len(block), block.shape[2])
            return self._to_model(block), block.shape[2]
        if self.module is not None:
            raise InputError("warm_start is for tables, and the data are images")
        stored = as_images(x, images)
        self.info["images"] = asdict(images)
        return self._prepare_images(stored), stored[0].shape[1]

    def _reset(self) -> None:
        """Become the untrained model of the present parameters, or what ``warm_start`` keeps."""
        kept = ("module", "constants", "info", "history") if self.warm_start else ()
        old = {name: copy.copy(vars(self)[name]) for name in kept}
        super()._reset()
        vars(self).update(old)

    def _check_form(self, count: int, dim: int) -> None:
        """Check that a training can be continued on data of so many seeds and columns.

        Raises:
            InputError: If the model was trained on others.
        """
        if (count, dim) != (self.info["seeds"], self.info["dim"]):
            raise InputError(
                f"warm_start: the {self.name} was trained on {self.info['seeds']} seeds of "
                f"{self.info['dim']} columns, and the data have {count} of {dim}"
            )

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
            raise NotFittedError(f"the {self.name} has not been fitted; call fit first")
        return self.module

    def _generators(self, positions: Sequence[int]) -> list[torch.Generator]:
        """Return the generators of the initial parameters of some positions of the block."""
        import torch

        seeds = self._seeds or [0] * (max(positions) + 1)
        return [torch.Generator().manual_seed(seed_for("init", seeds[e])) for e in positions]

    def _module_of(self, positions: Sequence[int]) -> nn.Module:
        """Return a copy of the trained module, of some positions.

        Raises:
            InputError: If the settings have changed to those of another network.
        """
        state = self._fitted().state_dict()
        module = self._build(positions, self.dim)
        own = {key: value[list(positions)] for key, value in state.items()}
        try:
            module.load_state_dict(own)
        except RuntimeError:
            raise InputError(
                f"warm_start: the settings of the {self.name} are those of another network than "
                "the one that was trained"
            ) from None
        return module

    def _select(self, positions: Sequence[int]) -> nn.Module:
        """Return the trained module of some positions, on the device, ready to evaluate."""
        return self._module_of(positions).to(resolve_device(self.device)).eval()

    def _batch(self) -> int | None:
        if self.images is not None:
            return None
        return TOGETHER["cpu" if resolve_device(self.device).type == "cpu" else "gpu"]

    @property
    def history_(self) -> list[dict[str, float]]:
        """Losses by step: rows of seed, step, loss, val_loss, lr and seconds; after ``fit``."""
        self._fitted()
        return self.history

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
        one = type(self)(**{**self.get_params(deep=False), **self.settings.model_dump()})
        one.constants = {key: value[[position]] for key, value in self.constants.items()}
        one.info = {**self.info, "seeds": 1, "seconds": [self.info["seconds"][position]]}
        one._be_table_of(self)
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
            **self._form(),
            **self.info,
        }
        arrays = {key: value.cpu().numpy() for key, value in tensors.items()}
        write_model(Path(path), spec, arrays, self.history)

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        import torch

        files = read_model(Path(path), cls.name)
        model = cls(device=device, **files.settings(cls.Settings))
        model._set_form(files.spec)
        model.info, model.history = files.info, files.history
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "constant": {}}
        for key, value in files.arrays.items():
            part, _, name = key.partition(".")
            parts[part][name] = torch.tensor(value)
        model.constants = parts["constant"]
        with usual_torch():
            model.module = model._build(range(model.info["seeds"]), model.info["dim"])
        model.module.load_state_dict(parts["module"])
        return model


def _joined(
    before: Sequence[Mapping[str, float]], rows: Sequence[Mapping[str, float]]
) -> list[dict[str, float]]:
    """Return the history of a training and of that which continued it, with steps that go on."""
    done = {row["seed"]: row["step"] for row in before}
    after = [{**row, "step": row["step"] + done.get(row["seed"], 0)} for row in rows]
    return [*map(dict, before), *after]
