"""Print training steps and samples per second of each model, as ratios to a bare training step.

The reference is measured in the same run: forward, backward and AdamW step of the score model's
network on fixed tensors. Times are CPU seconds of one thread.

    python benchmarks/models.py [--dim 20] [--steps 60] [--samples 4096]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from tailbench.models.flow import Flow, FlowSampling
from tailbench.models.flow_sgm import FlowSGM, FlowSGMSampling
from tailbench.models.sgm import SGM, SGMSampling
from tailbench.targets.student_mixture import StudentMixture
from tailbench.training.context import SampleContext


def seconds(work) -> float:
    """Return the CPU seconds of a piece of work."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def bare_step(model: SGM, batch: int, dim: int, steps: int) -> float:
    """Return the CPU seconds of one bare training step of the score network."""
    network = model._build([0], dim)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    x, noise = torch.randn(1, batch, dim), torch.randn(1, batch, dim)
    sigma = torch.rand(1, batch, 1) + 0.1

    def work() -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            network.loss(x, sigma, noise).sum().backward()
            optimizer.step()

    work()
    return seconds(work) / steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dim", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--samples", type=int, default=4096)
    given = parser.parse_args()
    torch.set_num_threads(1)
    x = StudentMixture(dim=given.dim).sample(4000, np.random.default_rng(0))

    options = {"device": "cpu", "train_steps": given.steps, "validate_every": given.steps}
    models = {
        "sgm": SGM(**options),
        "sgm (heavy)": SGM(preconditioning="tail_aware", **options),
        "flow": Flow(**options),
    }
    reference = bare_step(models["sgm"], models["sgm"].settings.batch_size, given.dim, given.steps)
    print(f"d = {given.dim}; one bare step of the score network: {1e3 * reference:.2f} ms of CPU")
    print(f"{'training':<24}{'steps/s':>10}{'samples/s':>12}{'x bare step':>14}")
    for name, model in models.items():
        cost = seconds(lambda model=model: model.fit(x, verbose=False)) / given.steps
        rate = model.settings.batch_size / cost
        print(f"{name:<24}{1 / cost:>10.1f}{rate:>12.0f}{cost / reference:>14.2f}")

    both = FlowSGM(models["flow"], models["sgm"], prefit=True, device="cpu")
    ways = {
        "sgm, sde, 64 steps": (models["sgm"], SGMSampling(sampling_steps=64)),
        "sgm, heun, 20 steps": (models["sgm"], SGMSampling(sampler="heun", sampling_steps=20)),
        "flow": (models["flow"], FlowSampling()),
        "flow_sgm, sde, 32 steps": (both, FlowSGMSampling(sigma_T=1.0, sampling_steps=32)),
    }
    forward = reference / models["sgm"].settings.batch_size
    print(f"{'sampling':<24}{'nfe':>10}{'samples/s':>12}{'x bare step':>14}   per sample")
    for name, (model, settings) in ways.items():
        one = SampleContext([0])
        result = model.sample_block(256, settings, one)
        cost = seconds(
            lambda model=model, settings=settings, one=one: model.sample_block(
                given.samples, settings, one
            )
        )
        each = cost / given.samples
        print(f"{name:<24}{result.nfe:>10}{1 / each:>12.0f}{each / forward:>14.1f}")


if __name__ == "__main__":
    main()
