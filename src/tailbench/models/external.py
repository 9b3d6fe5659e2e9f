"""A model of another library, or of the user's own: any object with ``fit`` and ``sample``."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.exceptions import InputError
from tailbench.models.persistence import read_spec
from tailbench.models.preprocessing import robust_units
from tailbench.models.settings import Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel, SimpleSettings
from tailbench.registry import register
from tailbench.rng.seeds import RandomState

if TYPE_CHECKING:
    import torch

__all__ = ["External", "ExternalSampling", "ExternalSettings", "allow"]

SEED_NAMES = ("random_state", "seed", "rng")
ALLOWED = "TAILBENCH_EXTERNAL"
Fitted = tuple[Any, NDArray[np.float64], NDArray[np.float64]]


def allow(path: str) -> None:
    """Allow the code of an import path to be run for models that are loaded from a folder.

    A folder is other people's, and is not to choose what is run. Processes that are started from
    this one have the same permissions. To build an ``External`` model allows its path, and so does
    a configuration that names it.
    """
    known = _allowed()
    if path not in known:
        os.environ[ALLOWED] = " ".join([*known, path])


def _allowed() -> list[str]:
    return os.environ.get(ALLOWED, "").split()


class ExternalSettings(SimpleSettings):
    """Settings of a model of another library."""

    test_settings: ClassVar[Mapping[str, Any]] = {
        "object": "sklearn.mixture:GaussianMixture",
        "options": {"n_components": 2},
        "units": "robust",
    }

    object: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
        description="Import path of a class or function that gives the model, such as "
        "'sklearn.neighbors:KernelDensity'. Its code is run.",
    )
    options: dict[str, Any] = Field({}, description="Keyword arguments of the class or function.")
    units: Literal["data", "robust"] = Field(
        "data",
        description="What the model is given: 'data', the data as they are, or 'robust', each "
        "column about its median in robust units, so that a bandwidth means the same for all.",
    )

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size: the data are kept. What the object does is not known."""
        size = float(data.rows * data.dim)
        return NetworkCost(size + 1, 2.0 * data.rows, float(data.rows))

    def accept(self) -> None:
        """Allow the code to be run."""
        allow(self.object)


class ExternalSampling(SamplingSettings):
    """The external model alone."""

    parts: ClassVar[Parts] = {"model": ("external",)}

    model: str = Field("external", description="The fitted model, by its name under models.")


@register
class External(SimpleModel[ExternalSettings, ExternalSampling]):
    """Any object with ``fit(x)`` and ``sample(n)``, named by its import path.

    ``fit`` gets the data ``(n, d)`` in double precision; ``sample`` returns ``(n, d)``, or a tuple
    that begins with it, as scikit-learn's mixtures do. Where the constructor or ``sample`` takes
    ``random_state``, ``seed`` or ``rng``, it is given a number of the seed's own, so that results
    can be repeated; an object that takes none draws as it likes.

    No object is pickled: a saved model holds the data and the seed, and is fitted again, once,
    before it samples. So fitting has to be a matter of seconds or minutes, and what it draws at
    random has to hang on the number that it was given.

    Raises:
        InputError: If the object cannot be imported or made, has no ``fit`` or ``sample``, or
            returns something else than ``n`` rows.
    """

    Settings = ExternalSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"external": ExternalSampling}
    heavy_tailed = False

    def __init__(
        self,
        *,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose, **settings)
        allow(self.settings.object)
        self._made: tuple[FittedState, Fitted] | None = None

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, the model is of another type, or the code
                that it names is not allowed.
        """
        named = read_spec(Path(path), cls.name)["settings"]["object"]
        if named not in _allowed():
            raise InputError(
                f"{path} holds a model that would run {named!r}: if you trust it, call "
                f"tailbench.models.external.allow({named!r}) first"
            )
        return super().load(path, device)

    def fit_one(self, x: NDArray[np.float64], rng: np.random.Generator) -> FittedState:
        """Fit the object once, to see that it can be; keep the data and the seed."""
        state: FittedState = {"rows": x, "seed": int(rng.integers(2**31))}
        self._fit(state)
        return state

    def sample_one(
        self,
        state: FittedState,
        n: int,
        settings: ExternalSampling,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Draw from the object, which is fitted again for the first samples of a seed."""
        if self._made is None or self._made[0] is not state:
            self._made = state, self._fit(state)
        made, location, scale = self._made[1]
        number = int(rng.integers(2**31))
        if hasattr(made, "random_state"):
            made.random_state = number
        drawn = made.sample(n, **_seeded(made.sample, number))
        table = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn, dtype=np.float64)
        if table.shape != (n, len(location)):
            raise InputError(
                f"{self.settings.object} drew samples of shape {table.shape} instead of "
                f"{(n, len(location))}"
            )
        return location + scale * table

    def _fit(self, state: FittedState) -> Fitted:
        """Return the fitted object, and the location and scale of its units."""
        rows = cast(NDArray[np.float64], state["rows"])
        location, scale = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
        if self.settings.units == "robust":
            location, scale = (units[0] for units in robust_units(rows[None]))
        made = self._make(cast(int, state["seed"]))
        fitted = made.fit((rows - location) / scale)
        return (made if fitted is None else fitted), location, scale

    def _make(self, number: int) -> Any:
        path, _, name = self.settings.object.partition(":")
        try:
            found: Any = importlib.import_module(path)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"the external model {self.settings.object!r} cannot be imported: {error}"
            ) from None
        try:
            made = found(**{**_seeded(found, number), **self.settings.options})
        except TypeError as error:
            raise InputError(
                f"the external model {self.settings.object!r} cannot be made: {error}"
            ) from None
        for method in ("fit", "sample"):
            if not callable(getattr(made, method, None)):
                raise InputError(f"the external model {self.settings.object!r} has no {method}")
        return made


def _seeded(function: Callable[..., Any], number: int) -> dict[str, int]:
    """Return the keyword by which a function takes a seed, if it takes one."""
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    return {name: number for name in SEED_NAMES if name in known}
