"""The parts of models that are made of others: given as templates, copied, trained or continued."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from tailbench.exceptions import InputError
from tailbench.models.estimator import Estimator

__all__ = ["check_part", "continued", "template"]

Part = TypeVar("Part", bound=Estimator[Any, Any])


def check_part(name: str, part: object, *kinds: type) -> None:
    """Check that a part is a model of the right kind.

    Raises:
        InputError: If it is not; names the argument.
    """
    if not isinstance(part, kinds):
        known = " or ".join(kind.__name__ for kind in kinds)
        raise InputError(f"{name} is required to be of the type {known}, and is {part!r}")


def template(part: Part, **changes: Any) -> Part:
    """Build an untrained model of the same parameters, but for some."""
    return type(part)(**{**part.get_params(deep=False), **changes})


def continued(part: Part) -> Part:
    """Return a copy of a model whose training ``fit`` continues; the model stays as it is."""
    fresh = copy.copy(part)
    fresh.warm_start = True
    return fresh
