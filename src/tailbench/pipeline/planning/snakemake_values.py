"""Cached values and functions for the directives of rules.

Snakemake calls every function of a rule for every job, which adds up over tens of thousands of
jobs. What is the same for all names is a value, and what is not is a function that keeps its
results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import ResourceRequest
from tailbench.pipeline.planning.snakemake_internals import sign

__all__ = ["Directives", "mem_mb", "runtime"]


@dataclass(frozen=True)
class Directives:
    """Values of a plan by the wildcards of a job.

    Args:
        plan: The plan.
    """

    plan: Plan

    def per_wildcards(self, value: Callable[..., Any], *keys: str) -> Callable[[Any], Any]:
        """Return a function of the wildcards that computes ``value`` once for the same names.

        Args:
            value: A function of names, such as that of a model.
            keys: The wildcards that hold the names.
        """
        known = cache(value)
        return sign(lambda wildcards: known(*(wildcards[key] for key in keys)))

    def constant_or_callable(self, value: Callable[..., Any], *keys: str) -> Any:
        """Return the ``value`` that all names share, or else a function of the wildcards.

        Args:
            value: A function of names, such as that of a model.
            keys: The wildcards that hold the names: ``dataset``, ``model`` or ``method``.
        """
        values = {value(*names) for names in product(*map(self._names, keys))}
        return values.pop() if len(values) == 1 else self.per_wildcards(value, *keys)

    def _names(self, key: str) -> Iterable[str]:
        config = self.plan.config
        names = {"dataset": config.datasets, "model": self.plan.models, "method": config.methods}
        return names[key]


def mem_mb(need: Callable[..., ResourceRequest]) -> Callable[[Any, int], int]:
    """Return a Snakemake resource function: the memory of an attempt, in MB.

    Args:
        need: What the job asks for, a function of its wildcards in their order.
    """
    return sign(lambda wildcards, attempt: need(*wildcards).mem_mb(attempt))


def runtime(need: Callable[..., ResourceRequest]) -> Callable[[Any, int], int]:
    """Return a Snakemake resource function: the time limit of an attempt, in minutes.

    Args:
        need: What the job asks for, a function of its wildcards in their order.
    """
    return sign(lambda wildcards, attempt: need(*wildcards).runtime(attempt))
