"""Any model, on the support of the data and with their atoms."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.margins.column_maps import ColumnMaps
from tailbench.margins.column_settings import checked_atoms, checked_support
from tailbench.models.base import Data, Model, SampleResult, TuneResult, check_samples
from tailbench.models.mapped_density import MappedDensity
from tailbench.models.persistence import add_to_spec, load_model
from tailbench.models.preprocessing import as_block, column_names, robust_units
from tailbench.models.settings import SamplingSettings
from tailbench.rng.seeds import RandomState, generator_for
from tailbench.settings import Settings
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    import torch

__all__ = ["OnSupport"]

Array = NDArray[np.float64]


class OnSupport(Model[SamplingSettings]):
    """Any model behind maps of the columns, so that no sample leaves the support of the data.

    The model learns columns on the whole line and draws there; its samples are mapped back. A
    column with bounds passes a :class:`~tailbench.margins.support.SupportMap`, one with atoms, such
    as rain with its dry days, an :class:`~tailbench.margins.atoms.AtomMap`. Columns with neither
    are left as they are; where all are, the model is fitted and sampled as without this, to the
    bit.

    A configuration has no such model: it says ``support`` and ``atoms`` of a dataset, and every
    model of the dataset is behind these maps.

    Args:
        model: The model, which stays as it is: ``fit`` trains a copy.
        support: Bounds by the name of a column or its number from 0, such as
            ``{"loss": (0, inf)}``; ``"auto"`` for zero where no value is beyond it, and an extreme
            value that one in two hundred is equal to; ``None`` for no bounds.
        atoms: Values by column, such as ``{"rain": [0]}``; ``"auto"`` for those that 2 % of the
            rows, and at least three, are equal to; ``None`` for none. A bound that rows lie on is
            an atom in any case.
        columns: Names of the columns, if the data are no data frame.
        random_state: Seed of ``fit`` and ``sample`` where they are given none; see ``Model``.
        verbose: Show progress.

    Raises:
        InputError: If ``model`` is not a model.
        ValueError: If ``support`` or ``atoms`` is no such thing.
    """

    def __init__(
        self,
        model: Model[Any],
        *,
        support: Any = None,
        atoms: Any = None,
        columns: Sequence[str] | None = None,
        random_state: RandomState = None,
        verbose: bool = True,
    ) -> None:
        if not isinstance(model, Model):
            raise InputError(f"model is required to be a model of tailbench, and is {model!r}")
        super().__init__(device=model.device, random_state=random_state, verbose=verbose)
        self.model: Model[Any] = copy.copy(model)
        self.sampling, self.default_method = model.sampling, model.default_method
        self.support, self.atoms, self.columns = support, atoms, columns
        self._support, self._atoms = checked_support(support), checked_atoms(atoms)
        self._seen: tuple[str, ...] | None = None
        self.maps: list[ColumnMaps | None] = []

    @classmethod
    def of(cls, model: Model[Any], maps: Sequence[ColumnMaps | None]) -> Self:
        """Return a fitted model behind the maps that it was fitted behind, one for each seed.

        Its next ``fit`` has the bounds of these maps (``"auto"`` if those of seeds differ), and
        ``atoms="auto"`` if they have atoms.
        """
        there = [one for one in maps if one is not None]
        named = dict(enumerate(model._names or ()))
        bounds = [{named.get(j, j): both for j, both in one.bounds.items()} for one in there]
        alike = all(own == bounds[0] for own in bounds) and len(there) == len(maps)
        support: Any = (bounds[0] if alike else "auto") if there else None
        atoms = "auto" if any(one.has_atoms for one in there) else None
        made = cls(model, support=support or None, atoms=atoms)
        made.maps = list(maps)
        made._take_form(model)
        return made

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the model."""
        return self.model.name

    @property
    def methods(self) -> Mapping[str, type[SamplingSettings]]:  # type: ignore[override]
        """The methods of the model."""
        return self.model.methods

    @classmethod
    def options(cls) -> type[Settings]:
        """Return settings without a field: the constructor takes none by keyword."""
        return SamplingSettings

    @property
    def info(self) -> dict[str, Any]:
        """What the model knows of its training."""
        found: dict[str, Any] = getattr(self.model, "info", {})
        return found

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        return self.model.num_seeds

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        return int(self.model.dim)

    def fit(self, x: Data, y: object = None, **options: Any) -> Self:
        """Train on data; see ``Model.fit``.

        Raises:
            InputError: If the data cannot be used, a row is beyond the support, no row is equal to
                an atom, or a column of either is not there.
        """
        self._seen = column_names(x)
        return super().fit(x, y, **options)

    def _reset(self) -> None:
        seen = self._seen
        super()._reset()
        self._seen = seen

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Fit the maps of each seed, and the model to what they give."""
        if images is not None:
            raise InputError("support and atoms are for tables, and the data are images")
        block = as_block(cast(ArrayLike, x), self._seen)
        names = self._seen or self.columns or [str(j) for j in range(block.shape[2])]
        scales = robust_units(block)[1]
        self.maps = [
            ColumnMaps.fit(rows, names, self._support, self._atoms, scale)
            for rows, scale in zip(block, scales, strict=True)
        ]
        self.model.fit_block(self._on_line(block, context.seeds), context, images)

    def _on_line(self, block: Any, seeds: Sequence[int]) -> Any:
        """Return the data of each seed on the line; data without any map as they are."""
        if not any(self.maps):
            return block
        return np.stack(
            [
                np.asarray(rows, np.float64)
                if maps is None
                else maps.to_line(np.asarray(rows, np.float64), generator_for("atoms", seed))
                for rows, maps, seed in zip(block, self.maps, seeds, strict=True)
            ]
        )

    def tune(self, x: Data, settings: SamplingSettings, context: FitContext) -> TuneResult | None:
        """Choose what the settings of the model leave open, by the training data on the line."""
        return self.model.tune(self._on_line(x, context.seeds), settings, context)

    def supply(self, given: Mapping[str, Any]) -> None:
        """Refuse data that a sampling needs in units of the data, which the model does not have.

        Raises:
            InputError: In any case.
        """
        raise InputError(
            f"the {self.name} draws by {' and '.join(sorted(given))} of the data, which it cannot "
            "behind support or atoms: leave the method out of the dataset's methods"
        )

    def sample_block(
        self, n: int, settings: SamplingSettings, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples of the model for each seed, and map them to the data.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        drawn = self.model.sample_block(n, settings, context)
        if not any(self.maps):
            return drawn
        samples = np.stack(
            [
                rows if maps is None else maps.to_data(rows)
                for rows, maps in zip(drawn.samples, self.maps, strict=True)
            ]
        )
        check_samples(samples, context.label)
        return SampleResult(samples, drawn.nfe, drawn.extra)

    def _batch(self) -> int | None:
        return self.model._batch()

    @property
    def log_prob(self) -> Callable[[Any], Array]:
        r"""The log-density at rows, where the model has one: ``log_prob(x)``.

        .. math:: \log p(x) = \log q(y(x)) + \sum_j \log \frac{dy_j}{dx_j},

        with the density :math:`q` of the model on the line. Minus infinity on a bound, beyond it,
        and where no sample arrives. Where columns have atoms it is the density of the rest: it
        integrates to the probability of being off them, and a row on one is an ``InputError``. See
        :meth:`tailbench.models.density.Density.log_prob` for arguments and other errors.
        """
        return self._density().log_prob

    @property
    def score_samples(self) -> Callable[[Any], Array]:
        """The log-density by its name in scikit-learn, where the model has one."""
        return self._density().score_samples

    @property
    def score(self) -> Callable[..., float]:
        """The mean log-density, where the model has one: ``score(x)``."""
        return self._density().score

    def _density(self) -> MappedDensity:
        if not hasattr(self.model, "log_prob"):
            raise AttributeError(f"the {self.name} has no density")
        return MappedDensity(self.model, self.maps, self._names, self.columns)

    def of_seed(self, position: int) -> Self:
        """Return the model of one seed of the block, as if it had been fitted on a table."""
        one = self.of(self.model.of_seed(position), [self.maps[position]])
        one._be_table_of(self)
        return one

    def save(self, path: str | Path) -> None:
        """Write the model into a folder as it writes itself, and the maps into ``spec.json``.

        ``tailbench.load`` reads it; the ``load`` of the model refuses it, since its samples would
        be on the line.
        """
        self.model._take_form(self)
        self.model.save(path)
        maps = [None if one is None else one.as_list() for one in self.maps]
        if any(maps):
            add_to_spec(Path(path), {"column_maps": maps})

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged.
        """
        model = load_model(Path(path), device)
        return model if isinstance(model, cls) else cls.of(model, [None] * model.num_seeds)
