"""Published rates of cards, and what is assumed of them where none is at hand."""

from __future__ import annotations

__all__ = [
    "CARDS",
    "KERNEL_SECONDS",
    "PUBLISHED_TFLOPS",
    "SHARE",
    "card_seconds",
    "published_tflops",
]

PUBLISHED_TFLOPS = {
    "H200": {"bfloat16": 989.0, "float32": 494.0, "full float32": 67.0, "float64": 34.0},
    "H100": {"bfloat16": 989.0, "float32": 494.0, "full float32": 67.0, "float64": 34.0},
    "A100": {"bfloat16": 312.0, "float32": 156.0, "full float32": 19.5, "float64": 9.7},
}
"""Dense, by NVIDIA's data sheets of the SXM cards (A100, 2020; H100, 2022; H200, 2023).

``float32`` is TF32, as convolutions have it, ``full float32`` what other products of torch have
unless TF32 is asked for; both this and ``float64`` are those without tensor cores.
"""
CARDS = ("A100", "H100")
"""For which hours are projected."""
SHARE = 0.3
"""Of the published rate, that products are assumed to reach."""
KERNEL_SECONDS = 1e-5
"""That a kernel is assumed to take at least, since PyTorch starts one after another."""


def published_tflops(card: str, arithmetic: str) -> float | None:
    """Return the published rate of a card in 1e12 operations a second; ``None`` if not known."""
    known = (rates for name, rates in PUBLISHED_TFLOPS.items() if name in card)
    return next(known, {}).get(arithmetic)


def card_seconds(card: str, arithmetic: str, operations: float, kernels: float) -> float:
    """Return the seconds on a card by what is assumed: those of products, or of kernels if more."""
    rate = SHARE * PUBLISHED_TFLOPS[card][arithmetic] * 1e12
    return max(operations / rate, kernels * KERNEL_SECONDS)
