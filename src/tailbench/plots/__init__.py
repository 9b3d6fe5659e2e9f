"""Figures, one file each: tables and arrays in, matplotlib figures out.

The functions are for notebooks, where a figure shows itself; ``style.save`` writes one to files.
Matplotlib is imported when the first figure is drawn. Importing all functions here, rather than
when they are asked for, is what lets ``plots.survival`` be the function and not the module of the
same name, in whatever order modules are imported.
"""

from __future__ import annotations

from tailbench.plots.base import Figure, FigureData, Need
from tailbench.plots.column_tails import column_tails
from tailbench.plots.comparison import comparison
from tailbench.plots.cost import cost
from tailbench.plots.images import image_grid
from tailbench.plots.nfe import nfe
from tailbench.plots.pareto import pareto
from tailbench.plots.profiles import profiles
from tailbench.plots.qq_tail import qq_tail
from tailbench.plots.ranking import ranking
from tailbench.plots.samples import samples
from tailbench.plots.sigma_t import sigma_t
from tailbench.plots.steps import steps
from tailbench.plots.survival import survival
from tailbench.plots.training import training
from tailbench.plots.verdict_map import verdict_map

__all__ = [
    "Figure",
    "FigureData",
    "Need",
    "column_tails",
    "comparison",
    "cost",
    "image_grid",
    "nfe",
    "pareto",
    "profiles",
    "qq_tail",
    "ranking",
    "samples",
    "sigma_t",
    "steps",
    "survival",
    "training",
    "verdict_map",
]
