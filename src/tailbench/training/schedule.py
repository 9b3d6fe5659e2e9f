"""Quantities that change with the step of a training: learning rate and decay of the average."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailbench.models.settings import TrainingSettings

__all__ = ["ema_decay", "learning_rate"]


def learning_rate(step: int, settings: TrainingSettings) -> float:
    r"""Compute the learning rate of a step, counted from 0.

    It rises linearly over the warm-up of :math:`w` of :math:`n` steps to the highest rate, and
    then is constant or falls to zero by a cosine, :math:`(1 + \cos(\pi (t - w)/(n - w)))/2`.
    """
    warm = max(1, round(settings.warmup * settings.train_steps))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    if settings.schedule == "constant":
        return settings.learning_rate
    part = (step - warm) / max(1, settings.train_steps - warm)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * part))


def ema_decay(step: int, settings: TrainingSettings) -> float:
    r"""Compute the decay of the moving average of the parameters at a step, counted from 0.

    It is :math:`\min(\beta, (1 + t)/(10 + t))`, so that the first steps are forgotten soon.
    """
    return min(settings.ema, (1.0 + step) / (10.0 + step))
