"""Optimisers of a block of seeds, whose state is plain tensors.

``torch.optim`` imports torch's compiler when an optimiser is made, which takes longer than many a
training job of the default benchmark takes for a seed; torch's functional form does not. Its Muon
takes one matrix at a time, and rounds to bfloat16 also where that is slower.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

__all__ = ["AdamW", "Muon", "Name", "Optimizer", "make_optimizer", "orthogonalise", "update_order"]

Name = Literal["adamw", "muon"]

# Each is the odd polynomial of degree five that is nearest to one, by the largest distance, on the
# values that the one before leaves; the first on [0.01, 1]. What is left is within 0.27 of one.
POLYNOMIALS = (
    (8.0934, -23.6205, 17.4462),
    (3.6366, -2.7219, 0.5365),
    (2.6613, -1.9772, 0.4526),
)
MOMENTUM = 0.95
ADAM_RMS = 0.2  # of an update of AdamW; Liu et al., 2025


class Optimizer(Protocol):
    """An optimiser of one tensor ``(E, P)``, the parameters of ``E`` seeds."""

    state: dict[str, Tensor]

    def step(self, gradient: Tensor, lr: float) -> None:
        """Update the parameters by their gradient ``(E, P)``, at the given learning rate."""


def update_order(module: nn.Module, name: Name) -> list[nn.Parameter]:
    """Return the parameters of a module in the order in which an optimiser wants them.

    ``muon`` has those that AdamW updates first, and then the hidden matrices, of equal shapes side
    by side, so that those of one shape are one view of the flat tensor.
    """
    parameters = list(module.parameters())
    if name == "adamw":
        return parameters
    hidden = {id(parameter) for parameter in _hidden_matrices(module)}
    rest = [p for p in parameters if id(p) not in hidden]
    return rest + sorted((p for p in parameters if id(p) in hidden), key=_sides)


def make_optimizer(
    name: Name, flat: Tensor, module: nn.Module, weight_decay: float = 0.0
) -> Optimizer:
    """Build an optimiser of the parameters of a module.

    Args:
        name: ``"adamw"`` or ``"muon"``.
        flat: The parameters, ``(E, P)``, in the order of :func:`update_order`.
        module: The module, for the shapes of its parameters.
        weight_decay: Decay per step, as a multiple of the learning rate.
    """
    if name == "adamw":
        return AdamW(flat, weight_decay)
    return Muon(flat, [_sides(p) for p in _hidden_matrices(module)], weight_decay)


def _hidden_matrices(module: nn.Module) -> Iterable[nn.Parameter]:
    """Return the parameters that are matrices ``(E, ...)``, but for those of output layers.

    A module names the weights of its output layer in ``output_parameters``.
    """
    outputs = {
        f"{prefix}.{name}".removeprefix(".")
        for prefix, part in module.named_modules()
        for name in getattr(part, "output_parameters", ())
    }
    return [
        parameter
        for name, parameter in module.named_parameters()
        if name not in outputs and parameter.ndim >= 3 and min(_sides(parameter)) > 1
    ]


def _sides(parameter: Tensor) -> tuple[int, int]:
    """Return the sides of the matrix that a parameter is; a kernel has one row per output."""
    return parameter.shape[1], math.prod(parameter.shape[2:])


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


class Muon:
    r"""Orthogonalised momentum for matrices, AdamW for the other parameters.

    With Nesterov's momentum :math:`M` of the gradients of an ``a`` by ``b`` matrix, and
    :math:`U V^\top` its polar factor,

    .. math:: W \leftarrow (1 - \eta\lambda) W - 0.2 \eta \sqrt{\max(a, b)} \, U V^\top.

    The factor gives an update the root mean square that one of AdamW has, so that both share one
    learning rate. Every matrix of every seed is orthogonalised on its own.

    Args:
        parameters: What to optimise, shape ``(E, P)``: first the parameters of AdamW, then
            matrices, row by row, those of equal sides together.
        sides: Rows and columns of each matrix, in any order.
        weight_decay: Decay per step, as a multiple of the learning rate.

    References:
        Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; Liu et al.,
        Muon is scalable for LLM training, 2025 (the factor).
    """

    def __init__(
        self, parameters: Tensor, sides: Sequence[tuple[int, int]], weight_decay: float = 0.0
    ) -> None:
        self.weight_decay = weight_decay
        rest = parameters.shape[1] - sum(rows * columns for rows, columns in sides)
        # fused AdamW wants contiguous tensors, and a block's columns are not
        self._rest, self._copy = parameters[:, :rest], parameters[:, :rest].contiguous()
        self._adamw = AdamW(self._copy, weight_decay)
        self.momentum = torch.zeros_like(parameters[:, rest:])
        self._matrices, self._start = parameters[:, rest:], rest
        self._groups: list[tuple[slice, tuple[int, int]]] = []
        place = 0
        for shape in sorted(set(sides)):
            size = math.prod(shape) * list(sides).count(shape)
            self._groups.append((slice(place, place + size), shape))
            place += size
        self.state = {**self._adamw.state, "momentum": self.momentum}

    @torch.no_grad()
    def step(self, gradient: Tensor, lr: float) -> None:
        """Update the parameters by their gradient, at the given learning rate."""
        if self._start:
            self._copy.copy_(self._rest)
            self._adamw.step(gradient[:, : self._start].contiguous(), lr)
            self._rest.copy_(self._copy)
        slope = gradient[:, self._start :]
        self.momentum.lerp_(slope, 1.0 - MOMENTUM)
        ahead = torch.lerp(slope, self.momentum, MOMENTUM)
        self._matrices.mul_(1.0 - lr * self.weight_decay)
        for place, shape in self._groups:
            update = orthogonalise(ahead[:, place].unflatten(1, (-1, *shape)))
            factor = ADAM_RMS * math.sqrt(max(shape))
            self._matrices[:, place].sub_(update.flatten(1), alpha=lr * factor)


def orthogonalise(matrices: Tensor) -> Tensor:
    r"""Return nearly the polar factor :math:`U V^\top` of matrices :math:`U \Sigma V^\top`.

    Three steps :math:`X \leftarrow a X + (b A + c A^2) X`, :math:`A = X X^\top`, from
    :math:`X` over its Frobenius norm, each with the polynomial that is best after the one before.
    Singular values from a hundredth of the norm up end between 0.73 and 1.27; smaller ones are
    raised by a factor of at least 78; a matrix of zeros stays one.

    Args:
        matrices: Shape ``(..., rows, columns)``; on a GPU they are rounded to bfloat16, which is
            much faster there and not on a CPU.

    Returns:
        Of the shape and the type of the input.

    References:
        Amsel, Persson, Musco and Gower, The polar express, 2025 (the best sequence).
    """
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-12)
    if matrices.is_cuda:
        x = x.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x.reshape(-1, *x.shape[-2:])
    for a, b, c in POLYNOMIALS:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.view(*matrices.shape[:-2], *x.shape[-2:])
    return (x.mT if tall else x).to(matrices.dtype)
