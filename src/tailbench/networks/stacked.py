"""Any module as a seed block: one structure each, and all weights in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Stacked"]


class Stacked(nn.Module):
    """One module per seed, all of one architecture, whose parameters carry a leading axis ``E``.

    For architectures that are not written for a seed block, such as those of libraries. The
    seeds are computed one after another, but share the optimiser's step.

    Args:
        generators: One generator per seed, for the initial weights.
        build: Makes a module with its initial weights, drawn from torch's own generator.
        outputs: Names of the weights of the output layer, for the optimiser.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        build: Callable[[], nn.Module],
        outputs: Sequence[str] = (),
    ) -> None:
        super().__init__()
        made = [_initial(build, generator) for generator in generators]
        self.weights = nn.ParameterDict(
            {
                key.replace(".", "/"): nn.Parameter(torch.stack([each[key] for each in made]))
                for key in made[0]
            }
        )
        self.output_parameters = tuple(f"weights.{key.replace('.', '/')}" for key in outputs)
        # not children, so that their parameters, which have no numbers, are not ours
        self._structures = tuple(_Structure(build) for _ in generators)

    def train(self, mode: bool = True) -> Stacked:
        """Set the modules of all seeds to training or evaluation."""
        super().train(mode)
        for structure in self._structures:
            structure.module.train(mode)
        return self

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the module of every seed, by ``torch.compile``, when it is first used."""
        for structure in self._structures:
            structure.module.compile(*args, **options)

    def __len__(self) -> int:
        """Return the number of seeds."""
        return len(self._structures)

    def __getitem__(self, position: int) -> nn.Module:
        """Return the module of a seed with its present weights.

        They stay in it until it is asked for again: checkpointing, which computes activations
        anew in the backward pass, finds them there.
        """
        return self._structures[position].bind(self.weights, position)


class _Structure:
    """A module without numbers of its own, which is given its weights whenever it is used."""

    def __init__(self, build: Callable[[], nn.Module]) -> None:
        with torch.device("meta"):
            self.module = build()
        # diffusers asks a module for its precision, and fails where it has no parameter or buffer
        self.module.register_buffer("precision", torch.zeros(0), persistent=False)
        self.places = {}
        for key in dict(self.module.named_parameters()):
            path, _, name = key.rpartition(".")
            owner = self.module.get_submodule(path)
            del owner._parameters[name]
            self.places[key.replace(".", "/")] = (owner, name)

    def bind(self, weights: nn.ParameterDict, position: int) -> nn.Module:
        """Load the weights of a seed into the module."""
        for key, (owner, name) in self.places.items():
            owner.__dict__[name] = weights[key][position]
        return self.module


def _initial(build: Callable[[], nn.Module], generator: torch.Generator) -> dict[str, Tensor]:
    """Draw the weights of a seed, and leave torch's own generator as it was."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(build().state_dict())
