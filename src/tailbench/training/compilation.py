"""Compiled networks, once they have been seen to have the gradients of the network itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tailbench.exceptions import InputError
from tailbench.networks.stacked import Stacked

__all__ = ["compile_seeds"]

BACKEND = "inductor"
AGREE = 0.05  # bfloat16 rounds to 0.4 %
AWAY = 0.02  # from initial weights, of which some are zero, and the gradients behind them


def compile_seeds(module: nn.Module, flat: Tensor, gradient: Callable[[], Tensor]) -> None:
    """Compile the networks of a module by ``torch.compile``, and check what comes of it.

    torch 2.13 compiles U-Nets for CPUs to something that loses part of the gradient, without a
    word. So the gradients of a compiled network are compared with its own.

    Args:
        module: The module; its parts that are ``Stacked`` networks are compiled.
        flat: The parameters of every seed, ``(E, P)``, of which the module's are views.
        gradient: Gives the gradient of the same loss at the present parameters, ``(E, P)``.

    Raises:
        InputError: If the gradients differ, or there is nothing to compile with.
    """
    for part in module.modules():
        if isinstance(part, Stacked):
            part.compile(backend=BACKEND)
    kept = flat.clone()
    generator = torch.Generator().manual_seed(0)
    flat.add_(AWAY * torch.randn(flat.shape, generator=generator).to(flat.device))
    try:
        with torch.compiler.set_stance("force_eager"):
            own = gradient()
        found = gradient()
    except torch._dynamo.exc.TorchDynamoException as error:
        raise InputError(f"compile: the network cannot be compiled here: {error}") from error
    finally:
        flat.copy_(kept)
    off = float(((found - own).norm(dim=1) / own.norm(dim=1)).max())
    if not off < AGREE:
        raise InputError(
            f"compile: the compiled network's gradients are {off:.0%} off on this machine; leave "
            "compile out"
        )
