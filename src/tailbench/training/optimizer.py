"""AdamW with a state that is plain tensors.

``torch.optim.AdamW`` imports torch's compiler when it is made, which takes longer than many a
training job of the default benchmark takes for a seed; torch's functional form does not.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adamw import adamw

__all__ = ["AdamW"]


class AdamW:
    """Adam with decoupled weight decay, in torch's fused form.

    Args:
        parameters: What to optimise, one tensor.
        weight_decay: Decay per step, as a multiple of the learning rate.
        betas: Decay of the first and the second moment.
        eps: Least denominator.

    References:
        Loshchilov and Hutter, Decoupled weight decay regularization, 2019.
    """

    def __init__(
        self,
        parameters: Tensor,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters = parameters
        self.weight_decay, self.betas, self.eps = weight_decay, betas, eps
        self.state = {
            "exp_avg": torch.zeros_like(parameters),
            "exp_avg_sq": torch.zeros_like(parameters),
            "step": torch.zeros((), device=parameters.device),
        }

    @torch.no_grad()
    def step(self, gradient: Tensor, lr: float) -> None:
        """Update the parameters by their gradient, at the given learning rate."""
        adamw(
            [self.parameters],
            [gradient],
            [self.state["exp_avg"]],
            [self.state["exp_avg_sq"]],
            [],
            [self.state["step"]],
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=lr,
            weight_decay=self.weight_decay,
            eps=self.eps,
            maximize=False,
        )
