"""Print what stable noise and the training of the Lévy models cost, each against a reference.

All are CPU seconds of one thread, of a reference and of ours in turns, in the same run:

- ``noise``: draws of symmetric stable numbers against ``scipy.stats.levy_stable.rvs``;
- ``step``: a training step of DLPM and LIM against forward, backward and ``torch.optim.AdamW``
  step of the same network on fixed tensors;
- ``block``: the seeds of a block trained together against one after another, by which
  ``tailbench.training.splits.seed_groups`` is decided (on a GPU: ``--device cuda``, in wall
  seconds);
- ``finite``: 1e8 draws, none of them infinite or NaN.

    python benchmarks/levy.py [noise step block finite] [--device cpu]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import levy_stable

from tailbench.levy.noise import symmetric_stable
from tailbench.models.dlpm import DLPM
from tailbench.models.lim import LIM
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.training import splits, trainer
from tailbench.training.context import FitContext

ROUNDS = 7


def in_turns(*work: Callable[[], object], clock: Callable[[], float]) -> list[float]:
    """Return the median seconds of each piece of work, run in turns."""
    times: list[list[float]] = [[] for _ in work]
    for turn in range(ROUNDS + 1):
        for kept, piece in zip(times, work, strict=True):
            begin = clock()
            piece()
            if turn:  # the first warms up
                kept.append(clock() - begin)
    return [statistics.median(kept) for kept in times]


def context(count: int) -> FitContext:
    """The context of a training of so many seeds that says nothing."""
    return FitContext.of(0, count, "benchmark", verbose=False)


def noise(draws: int = 1_000_000) -> None:
    """Compare draws of noise."""
    generator, rng = torch.Generator(), np.random.default_rng(0)
    for alpha in (1.2, 1.5, 1.7, 1.9):
        theirs, ours = in_turns(
            lambda alpha=alpha: levy_stable.rvs(alpha, 0.0, size=draws, random_state=rng),
            lambda alpha=alpha: symmetric_stable(draws, 1, alpha, generator=generator),
            clock=time.process_time,
        )
        print(
            f"noise  alpha {alpha:g}, {draws:g} draws: scipy {theirs:.3f} s, ours {ours:.3f} s, "
            f"{theirs / ours:.1f} times faster"
        )


def step(steps: int = 150, dim: int = 2) -> None:
    """Compare training steps."""
    x = AlphaStable().sample(20_000, np.random.default_rng(0))
    options = {"validation_fraction": 0.0, "validate_every": 10_000, "schedule": "constant"}
    for cls in (DLPM, LIM):
        model = cls(device="cpu", train_steps=steps, **options)
        network = model._build([0], dim)
        optimizer = torch.optim.AdamW(network.parameters(), fused=True)
        batch = model.settings.batch_size
        noisy, target = torch.randn(1, batch, dim), torch.randn(1, batch, dim)
        gbar = 0.9 * torch.rand(1, batch, 1) + 0.05
        sbar = (1.0 - gbar**1.7) ** (1.0 / 1.7)

        def bare(network=network, optimizer=optimizer, tensors=(noisy, gbar, sbar, target)) -> None:
            *given, wanted = tensors
            for _ in range(steps):
                optimizer.zero_grad(set_to_none=True)
                errors = (network(*given) - wanted).square().mean(-1)
                (errors + 1e-12).sqrt().mean().backward()
                optimizer.step()

        block = model._prepare(x[None])

        def ours(model=model, block=block, dim=dim) -> None:
            build = lambda seeds: model._build(seeds, dim)  # noqa: E731
            cpu = torch.device("cpu")
            trainer.train(build, model._loss, block, model.settings, cpu, context(1))

        first, second = in_turns(bare, ours, clock=time.process_time)
        print(
            f"step   {model.name}, batch {batch}: bare {1e3 * first / steps:.2f} ms, ours "
            f"{1e3 * second / steps:.2f} ms, ratio {second / first:.3f}"
        )


def block(device: str, seeds: int = 10, steps: int = 30) -> None:
    """Compare seeds trained together with seeds trained one after another."""
    x = np.stack([AlphaStable().sample(20_000, np.random.default_rng(e)) for e in range(seeds)])
    model = DLPM(device=device, train_steps=steps, validation_fraction=0.0)
    data = model._prepare(x)
    where = torch.device(device)

    def train(chosen: list[list[int]]) -> None:
        kept, splits.seed_groups = splits.seed_groups, lambda count, at: chosen
        try:
            build = lambda group: model._build(group, 2)  # noqa: E731
            trainer.train(build, model._loss, data, model.settings, where, context(seeds))
        finally:
            splits.seed_groups = kept

    clock = time.process_time if device == "cpu" else time.perf_counter
    apart, together = in_turns(
        lambda: train([[e] for e in range(seeds)]),
        lambda: train([list(range(seeds))]),
        clock=clock,
    )
    print(
        f"block  dlpm on {device}, {seeds} seeds, {steps} steps: one after another "
        f"{apart:.2f} s, together {together:.2f} s, ratio {together / apart:.2f}"
    )


def finite(draws: int = 100_000_000, piece: int = 5_000_000) -> None:
    """Draw very often and look for numbers that are not finite."""
    generator = torch.Generator().manual_seed(0)
    for alpha in (1.1, 1.7):
        bad, largest = 0, 0.0
        for _ in range(draws // piece):
            x = symmetric_stable(piece, 1, alpha, generator=generator)
            bad += int((~x.isfinite()).sum())
            largest = max(largest, float(x.abs().max()))
        print(f"finite alpha {alpha:g}, {draws:g} draws: {bad} not finite, largest {largest:.3g}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = ("noise", "step", "block", "finite")
    parser.add_argument("parts", nargs="*", default=every, help=f"some of {', '.join(every)}")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if "noise" in given.parts:
        noise()
    if "step" in given.parts:
        step()
    if "block" in given.parts:
        block(given.device)
    if "finite" in given.parts:
        finite()


if __name__ == "__main__":
    main()
