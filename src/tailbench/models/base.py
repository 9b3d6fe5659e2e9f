"""What all models share: blocks of members, seeds, files.

Importing this module does not import torch, so that the settings of models can be read fast.
"""

from __future__ import annotations

import csv
import platform
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench import registry
from tailbench.compute.devices import resolve_device
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing
from tailbench.io.checksums import read_record, read_text, seal, verified, write_record
from tailbench.io.lazy_rows import LazyRows
from tailbench.models.preprocessing import Stored, as_block, as_images, is_lazy
from tailbench.models.settings import SamplingSettings, TrainingSettings
from tailbench.rng.seeds import seed_for

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams
    from tailbench.training.checkpoint import Checkpoint
    from tailbench.training.rows import Rows

__all__ = [
    "Estimator",
    "Model",
    "SampleResult",
    "load_model",
    "read_spec",
]


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


def load_model(folder: Path, device: str = "auto") -> Any:
    """Read a model of any type from the folder it was saved in.

    Raises:
        InputError: If a file is missing or damaged.
    """
    return registry.load("models", _spec(folder)["type"]).load(folder, device=device)


def read_spec(folder: Path, name: str) -> dict[str, Any]:
    """Read ``spec.json`` from the folder of a saved model of the type ``name``.

    Raises:
        InputError: If it is missing or damaged, or the model is of another type.
    """
    spec = _spec(folder)
    if spec["type"] != name:
        raise InputError(f"{folder} holds a {spec['type']}, not a {name}")
    return spec


def _spec(folder: Path) -> dict[str, Any]:
    path = folder / "spec.json"
    if not path.is_file():
        raise InputError(f"there is no model in {folder}: {path} is missing")
    spec = read_record(path)
    if not isinstance(spec.get("type"), str):
        raise InputError(f"{path} is damaged: it names no type of model")
    return spec


class Model(ABC):
    """A way from data to samples; its parts may be models themselves.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    kind: ClassVar[str] = "models"
    name: ClassVar[str]
    trainable: ClassVar[bool] = False
    methods: ClassVar[Mapping[str, type[SamplingSettings]]]

    def __init__(self, *, device: str = "auto") -> None:
        self.device = device
        self._table = False

    @property
    @abstractmethod
    def members(self) -> int:
        """Number of members ``E``."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension ``d``."""

    @abstractmethod
    def draw(
        self,
        n: int,
        settings: SamplingSettings,
        seeds: Sequence[int],
        *,
        label: str = "sampling",
        quiet: bool = True,
    ) -> SampleResult:
        """Draw ``n`` samples of every member by the given settings, which hold no sweep."""

    def sample(
        self, n: int, *, seed: int = 0, method: str | None = None, **options: Any
    ) -> NDArray[np.float32]:
        """Draw samples.

        Args:
            n: Number of samples of each member.
            seed: Seed of the draws; the first samples of a longer draw are those of a shorter one.
            method: Way to sample, one of ``methods``; that of the model's own name if left out.
            options: Settings of the sampling, by keyword.

        Returns:
            Shape ``(n, d)``, or ``(E, n, d)`` if the model was fitted on a block.

        Raises:
            RuntimeError: If the model has not been fitted.
            ValueError: If the model has no such method, or a setting is a sweep of several values.
        """
        settings = self._sampling(method or self.name, options).single()
        seeds = [seed_for("sample", seed, e) for e in range(self.members)]
        drawn = self.draw(n, settings, seeds).samples
        return drawn[0] if self._table else drawn

    def _sampling(self, method: str, options: Mapping[str, Any]) -> SamplingSettings:
        """Complete the settings of the sampling."""
        if method not in self.methods:
            known = ", ".join(self.methods)
            raise ValueError(f"the {self.name} has no method {method!r} (known: {known})")
        return self.methods[method](**options)


class Estimator(Model):
    """A model that is trained as one: ``fit``, ``sample``, ``save`` and ``load``.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        settings: Settings of the model, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    trainable: ClassVar[bool] = True
    Settings: ClassVar[type[TrainingSettings]]

    def __init__(self, *, device: str = "auto", **settings: Any) -> None:
        super().__init__(device=device)
        self.settings = self.Settings(**settings)
        self.module: nn.Module | None = None
        self.constants: dict[str, Tensor] = {}
        self.info: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        self._seeds: list[int] = []

    @abstractmethod
    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        """Fix the constants of the data ``(E, n, d)`` and give what the network is trained on."""

    def _prepare_images(self, x: Stored) -> Rows:
        """Fix the constants of images, and give what the network is trained on.

        Raises:
            InputError: If the model is not for images.
        """
        raise InputError(f"the {self.name} is for tables, and the data are images")

    @abstractmethod
    def _build(self, members: Sequence[int], dim: int) -> nn.Module:
        """Make the untrained module of the given members of the block."""

    @abstractmethod
    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        """Give the loss of each member on a batch."""

    def fit(
        self,
        x: ArrayLike | Sequence[LazyRows],
        *,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        split_seeds: Sequence[int] | None = None,
        members: Sequence[int] | None = None,
        images: ImageLayout | None = None,
        label: str | None = None,
        checkpoint: Checkpoint | None = None,
        quiet: bool = False,
    ) -> Self:
        """Train on data.

        Args:
            x: Data, shape ``(n, d)``, or ``(E, n, d)`` for a block of members; of images also
                one array per member whose rows lie on the disk.
            images: What the rows of the data are if they are images; pixels are from -1 to 1, or
                bytes from 0 to 255.
            seed: Seed of the training.
            seeds: Seed of each member, instead of ``seed``.
            split_seeds: Seed of each member's choice of validation data.
            members: Number of each member, for messages.
            label: What to call the training in messages.
            checkpoint: Where to keep the state of the training.
            quiet: Show no progress.

        Raises:
            InputError: If the data cannot be used.
            TrainingDiverged: If a loss is not finite or explodes.
        """
        from tailbench.training.trainer import train

        self._table = not is_lazy(x) and np.ndim(x) == 2
        if images is None:
            block = as_block(x)
            count, dim = len(block), block.shape[2]
        else:
            stored = as_images(x, images)
            count, dim = len(stored), stored[0].shape[1]
            self.info["images"] = asdict(images)
        seeds = [seed_for("member", seed, e) for e in range(count)] if seeds is None else seeds
        self._seeds = list(seeds)
        data = self._prepare(block) if images is None else self._prepare_images(stored)
        trained = train(
            lambda chosen: self._build(chosen, dim),
            self._loss,
            data,
            self.settings,
            seeds,
            resolve_device(self.device),
            split_seeds=split_seeds,
            label=label or self.name,
            members=members,
            checkpoint=checkpoint,
            quiet=quiet,
        )
        self.module = self._build(range(count), dim)
        self.module.load_state_dict(trained.state)
        self.history = trained.history
        self.info |= {
            "seconds": trained.seconds,
            "parameters": sum(p[0].numel() for p in self.module.parameters()),
            "dim": dim,
            "members": count,
        }
        return self

    @property
    def members(self) -> int:
        """Number of members ``E``."""
        self._fitted()
        return int(self.info["members"])

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        self._fitted()
        return int(self.info["dim"])

    @property
    def images(self) -> ImageLayout | None:
        """What the rows are if they are images."""
        return ImageLayout.of(self.info.get("images"))

    def _fitted(self) -> nn.Module:
        if self.module is None:
            raise RuntimeError(f"the {self.name} has not been fitted; call fit first")
        return self.module

    def _generators(self, members: Sequence[int]) -> list[torch.Generator]:
        """Give the generators of the members' initial parameters."""
        import torch

        seeds = self._seeds or [0] * (max(members) + 1)
        return [torch.Generator().manual_seed(seed_for("init", seeds[e])) for e in members]

    def _select(self, members: Sequence[int]) -> nn.Module:
        """Give the trained module of some members, on the device, ready to evaluate."""
        state = self._fitted().state_dict()
        module = self._build(members, self.dim)
        module.load_state_dict({key: value[list(members)] for key, value in state.items()})
        return module.to(resolve_device(self.device)).eval()

    def _groups(self) -> Iterator[tuple[list[int], nn.Module]]:
        """Give the members that are computed together, with their module."""
        from tailbench.training.trainer import groups

        for group in groups(self.members, resolve_device(self.device)):
            yield group, self._select(group)

    def save(self, path: str | Path) -> None:
        """Write ``model.safetensors``, ``spec.json`` and ``history.csv`` into a folder.

        ``spec.json`` carries the settings and the versions, ``SHA256SUMS`` the checksums of all
        three.
        """
        from safetensors.torch import save_file

        path = Path(path)
        tensors = {f"module.{k}": v for k, v in self._fitted().state_dict().items()}
        tensors |= {f"constant.{k}": v for k, v in self.constants.items()}
        with replacing(path / "model.safetensors") as temporary:
            save_file({k: v.cpu().contiguous() for k, v in tensors.items()}, temporary)
        with (
            replacing(path / "history.csv") as temporary,
            temporary.open("w", newline="") as file,
        ):
            columns = ["member", "step", "loss", "val_loss", "lr", "seconds"]
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.history)
        spec = {
            "type": self.name,
            "settings": self.settings.model_dump(mode="json"),
            "table": self._table,
            **self.info,
            "versions": {
                "python": platform.python_version(),
                **{
                    name: metadata.version(name) for name in ("tailbench", "torch", "numpy", "zuko")
                },
            },
        }
        write_record(path / "spec.json", spec)
        seal(path, ("model.safetensors", "history.csv", "spec.json"))

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        from safetensors.torch import load_file

        path = Path(path)
        spec = read_spec(path, cls.name)
        for name in ("model.safetensors", "history.csv"):
            if not (path / name).is_file():
                raise InputError(f"there is no model in {path}: {path / name} is missing")
        tensors = load_file(verified(path / "model.safetensors"))
        history = read_text(path / "history.csv")
        model = cls(device=device, **spec["settings"])
        model._table = spec["table"]
        own = {"type", "settings", "table", "versions"}
        model.info = {key: value for key, value in spec.items() if key not in own}
        model.constants = {
            key.removeprefix("constant."): value
            for key, value in tensors.items()
            if key.startswith("constant.")
        }
        model.module = model._build(range(model.info["members"]), model.info["dim"])
        model.module.load_state_dict(
            {
                key.removeprefix("module."): value
                for key, value in tensors.items()
                if key.startswith("module.")
            }
        )
        model.history = [
            {key: (int if key in ("member", "step") else float)(row[key]) for key in row}
            for row in csv.DictReader(history.splitlines())
        ]
        return model
