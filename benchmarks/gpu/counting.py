"""What torch is told to do: the operations of products, and the kernels that a GPU would start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["Counts", "counting"]


class Counts(TorchDispatchMode):
    """Counts of what is computed while this is entered.

    Attributes:
        operations: Multiplications and additions of products, convolutions and attention, by the
            formulas of ``torch.utils.flop_counter``, whose own mode follows modules as well, and
            fails where they compute on views without gradients.
        kernels: Operations on tensors that are no view of another: about as many kernels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0.0
        self.kernels = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute what is asked for, and count it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        self.kernels += not func.is_view
        if (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.operations += formula(*args, **kwargs, out_val=out)
        return out


@contextmanager
def counting() -> Iterator[Counts]:
    """Count what is computed inside."""
    # attention by plain products: there is no formula for the CPU's own kernel
    with sdpa_kernel(SDPBackend.MATH), Counts() as counts:
        yield counts
