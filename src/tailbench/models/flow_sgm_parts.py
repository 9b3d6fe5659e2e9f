"""The flows of a flow-initialised score model: one, or one for each noise level."""

from __future__ import annotations

from collections.abc import Mapping

from tailbench.models.flow import Flow
from tailbench.models.flow_sgm_settings import FlowSGMSampling
from tailbench.models.parts import check_part, template
from tailbench.models.tarflow import TarFlow

__all__ = ["Prior", "flows_of"]

Prior = Flow | TarFlow


def flows_of(
    flow: Prior | Mapping[float, Prior], sampling: FlowSGMSampling, prefit: bool
) -> dict[float, Prior]:
    """Return the flows of a model by the noise level that they are trained with.

    Args:
        flow: A flow, or one for each level.
        sampling: Settings of the sampling, whose start may need a flow for each level.
        prefit: Whether the flows are used as they are; else untrained copies are.

    Raises:
        InputError: If one of them is not a flow.
    """
    for own in flow.values() if isinstance(flow, Mapping) else [flow]:
        check_part("flow", own, Flow, TarFlow)
    if isinstance(flow, Mapping):
        given = dict(flow)
    elif prefit or sampling.start == "add_noise":
        given = {flow.settings.noise: flow}
    else:
        given = {level: template(flow, noise=level) for level in sampling.levels()}
    return given if prefit else {level: template(own) for level, own in given.items()}
