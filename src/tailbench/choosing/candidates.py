"""Methods that suit a table of some size, from the simplest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from tailbench import registry
from tailbench.models.on_support import OnSupport

if TYPE_CHECKING:
    from tailbench.choosing.table_facts import TableFacts
    from tailbench.models.base import Model

__all__ = ["CONTROL", "Candidate", "Method", "batch_rows", "candidates", "network_width"]

CONTROL = "bootstrap"
"""The method that copies rows: it shows what real rows get, and is never chosen."""

FEWEST_FOR_NETWORKS = 300  # rows
MOST_COLUMNS_OF_MIXTURE = 30
NO_VARIANCE = 0.5  # extreme value index from which networks learn columns through a map
BATCH = 256


class Candidate(Protocol):
    """What can be tried: a method with its settings."""

    @property
    def name(self) -> str:
        """Name of the method."""

    @property
    def trained(self) -> bool:
        """Whether it is trained in steps, the number of which is chosen."""

    def build(self, steps: int | None = None) -> Model[Any]:
        """Build the model, not fitted, that is trained in so many steps."""


@dataclass(frozen=True)
class Method:
    """A registered model under its settings.

    Attributes:
        name: Name of the model.
        settings: Its settings, but for the number of steps.
        parts: Where the number of steps goes: names of settings that hold those of its parts, an
            empty name for the model itself.
        trained: Whether it is trained in steps.
        support: Bounds of columns behind which it is fitted: see ``OnSupport``.
        atoms: Values that repeat, behind which it is fitted.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ("",)
    trained: bool = False
    support: Any = None
    atoms: Any = None

    def build(self, steps: int | None = None) -> Model[Any]:
        """Build the model, not fitted; see ``Candidate``."""
        settings = dict(self.settings)
        if steps is not None:
            own = {"train_steps": steps, "validate_every": max(1, min(100, steps // 5))}
            for part in self.parts:
                if part:
                    settings[part] = {**settings.get(part, {}), **own}
                else:
                    settings |= own
        model: Model[Any] = registry.load("models", self.name)(**settings)
        if self.support is None and self.atoms is None:
            return model
        return OnSupport(model, support=self.support, atoms=self.atoms)


def batch_rows(rows: int) -> int:
    """Return the rows of a batch: the largest power of two up to half of all, at most 256."""
    return int(min(BATCH, 2 ** max(3, (rows // 2).bit_length() - 1)))


def network_width(dim: int) -> int:
    """Return the width of a network for a number of columns."""
    return 64 if dim <= 4 else 128 if dim <= 32 else 256


def candidates(facts: TableFacts, rows: int) -> tuple[list[Method], dict[str, str]]:
    """Return the methods to try, the simplest first, and why others are not.

    Always: ``bootstrap`` as the control, ``gaussian``, ``mvt``, ``copula_gpd`` and ``kde``. A
    mixture of Student-t laws where there are ten rows for each number of a component, and at most
    30 columns. Networks from 300 rows on: ``flow``, ``fm``, ``sgm`` and ``flow_sgm``. ``fm`` learns
    columns through the tail map of each side where tails are heavy, ``sgm`` where the index is 0.5
    or more. All but the control are fitted behind the bounds and the atoms of the data.

    Args:
        facts: What the table holds.
        rows: Number of rows that a model is trained on.
    """
    dim, why = len(facts.columns), {}
    found = [Method(CONTROL), Method("gaussian"), Method("mvt"), Method("copula_gpd")]
    if dim > MOST_COLUMNS_OF_MIXTURE or rows < 5 * dim * (dim + 3):
        why["mvt_mixture"] = "too few rows for so many columns"
    else:
        found.append(Method("mvt_mixture", {"max_components": 8, "starts": 2}))
    found.append(Method("kde"))
    if rows < FEWEST_FOR_NETWORKS:
        networks = ("flow", "fm", "sgm", "flow_sgm")
        why |= dict.fromkeys(networks, f"fewer than {FEWEST_FOR_NETWORKS} rows")
    else:
        found += _networks(facts, rows)
    support, atoms = facts.support, "auto" if facts.has_atoms else None
    behind = [replace(method, support=support, atoms=atoms) for method in found[1:]]
    return [found[0], *behind], why


def _networks(facts: TableFacts, rows: int) -> list[Method]:
    """Return the networks, with settings for the size and the tails of a table."""
    tails = [tail for column in facts.columns for tail in column.tails if tail is not None]
    heavy = [tail.heavy_xi for tail in tails if tail.tail == "heavy"]
    wild = max(heavy, default=0.0) >= NO_VARIANCE
    width = network_width(len(facts.columns))
    network = {"batch_size": batch_rows(rows), "width": width, "num_blocks": 2}
    flow = {"batch_size": batch_rows(rows), "layers": 2, "width": 64}
    for_fm = {**network, "margins": "tail" if heavy else "none"}
    for_sgm = {**network, "margins": "tail" if wild else "none"}
    own = {"sampler": "dpmpp_2m", "sampling_steps": 15}
    parts = {"flow_settings": flow, "sgm_settings": for_sgm}
    return [
        Method("flow", flow, trained=True),
        Method("fm", for_fm, trained=True),
        Method("sgm", for_sgm, trained=True),
        Method("flow_sgm", {**own, **parts}, tuple(parts), trained=True),
    ]
