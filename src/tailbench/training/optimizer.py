"""AdamW with a state that is plain tensors.

``torch.optim.AdamW`` imports torch's compiler when it is made, which takes longer than many a
training job of the default benchmark takes for a seed; torch's functional form does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

__all__ = ["AdamW"]


class AdamW:
    """Adam with decoupled weight decay, in torch's fused form.

    Args:
        parameters: What to optimise.
        weight_decay: Decay per step, as a multiple of the learning rate.
        betas: Decay of the first and the second moment.
        eps: Least denominator.

    References:
        Loshchilov and Hutter, Decoupled weight decay regularization, 2019.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.weight_decay, self.betas, self.eps = weight_decay, betas, eps
        self.state: dict[str, list[Tensor]] = {
            "exp_avg": [torch.zeros_like(p, requires_grad=False) for p in self.parameters],
            "exp_avg_sq": [torch.zeros_like(p, requires_grad=False) for p in self.parameters],
            "step": [torch.zeros((), device=p.device) for p in self.parameters],
        }

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Update the parameters that have a gradient, at the given learning rate."""
        with_grad = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        adamw(
            [self.parameters[i] for i in with_grad],
            [g for p in self.parameters if (g := p.grad) is not None],
            [self.state["exp_avg"][i] for i in with_grad],
            [self.state["exp_avg_sq"][i] for i in with_grad],
            [],
            [self.state["step"][i] for i in with_grad],
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=lr,
            weight_decay=self.weight_decay,
            eps=self.eps,
            maximize=False,
        )
