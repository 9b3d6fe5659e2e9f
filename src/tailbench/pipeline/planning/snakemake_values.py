"""What rules tell Snakemake of each job, made so that it costs little.

Snakemake calls every function of a rule for every job, and asks for its signature up to three times
at each call, which adds up over tens of thousands of jobs. So what is the same for all names is
told as a value, and what is not as a function that knows its signature and what it found before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import ResourceRequest

__all__ = ["Directives", "mem_mb", "runtime"]


@dataclass(frozen=True)
class Directives:
    """What the rules of a plan tell of a job by its wildcards.

    Args:
        plan: The plan.
    """

    plan: Plan

    def per(self, value: Callable[..., Any], *keys: str) -> Callable[[Any], Any]:
        """Give a function of the wildcards that computes ``value`` once for the same names.

        Args:
            value: A function of names, such as that of a model.
            keys: The wildcards that hold the names.
        """
        known = cache(value)
        return _signed(lambda wildcards: known(*(wildcards[key] for key in keys)))

    def agreed(self, value: Callable[..., Any], *keys: str) -> Any:
        """Give the ``value`` on which all names agree, or else the function that ``per`` gives.

        Args:
            value: A function of names, such as that of a model.
            keys: The wildcards that hold the names: ``dataset``, ``model`` or ``method``.
        """
        values = {value(*names) for names in product(*map(self._names, keys))}
        return values.pop() if len(values) == 1 else self.per(value, *keys)

    def _names(self, key: str) -> Iterable[str]:
        config = self.plan.config
        names = {"dataset": config.datasets, "model": self.plan.models, "method": config.methods}
        return names[key]


def mem_mb(need: Callable[..., ResourceRequest]) -> Callable[[Any, int], int]:
    """Give the function that tells the memory of an attempt at a job, in MB.

    Args:
        need: What the job asks for, a function of its wildcards in their order.
    """
    return _signed(lambda wildcards, attempt: need(*wildcards).mem_mb(attempt))


def runtime(need: Callable[..., ResourceRequest]) -> Callable[[Any, int], int]:
    """Give the function that tells the time limit of an attempt at a job, in minutes.

    Args:
        need: What the job asks for, a function of its wildcards in their order.
    """
    return _signed(lambda wildcards, attempt: need(*wildcards).runtime(attempt))


def _signed(function: Any) -> Any:
    function.__signature__ = inspect.signature(function)
    return function
