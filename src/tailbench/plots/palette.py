"""The colours and markers of methods."""

from __future__ import annotations

__all__ = ["COLOURS", "LIGHTER", "MARKERS", "SPARE"]

# seaborn's colour-blind palette without its grey, which is the floor's
COLOURS = {
    "flow_sgm": "#0173b2",
    "sgm": "#de8f05",
    "flow": "#029e73",
    "dlpm": "#d55e00",
    "dlim": "#cc78bc",
    "lim": "#ca9161",
    "lim_ode": "#56b4e9",
}
SPARE = (
    "#332288", "#b8a800", "#882255", "#44aa99", "#cc6677", "#3f5f2a", "#fb8fd6", "#6d4c41",
)  # fmt: skip
# for a dark ground, those that would vanish on it
LIGHTER = {
    "#0173b2": "#3fa2e0", "#332288": "#9a8cf0", "#882255": "#d97ab0", "#3f5f2a": "#8fbf6a",
    "#6d4c41": "#b08d80",
}  # fmt: skip
MARKERS = "oDs^vPXd<>ph"
