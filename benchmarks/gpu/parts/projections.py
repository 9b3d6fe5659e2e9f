"""What was not run on a GPU, in hours, by what a few steps of each network cost on this processor.

Hours on a card are no measurement: they follow from the operations and kernels that were counted
here and from what ``benchmarks/gpu/cards.py`` assumes of cards. A record of a card replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.gpu.cards import CARDS, card_seconds
from benchmarks.gpu.estimates import estimated
from benchmarks.gpu.job import Job
from benchmarks.gpu.measure import batches_of, cost_here
from benchmarks.gpu.networks import STEPS, TINY
from benchmarks.gpu.parts import cifar, contract, headline, large, speed
from benchmarks.gpu.sample_size import cost_of_cell, seconds_of_cells
from benchmarks.gpu.summary import PROJECTION
from benchmarks.gpu.work import TWICE, Network, Work, by_gradients, work_of
from benchmarks.gpu.workflow import preset

from tailbench import registry
from tailbench.data import DataShape, ImageLayout
from tailbench.theory.sample_size.experiment import SampleSizeSettings

__all__ = ["TODO", "run"]

CIFAR, FFHQ, LATENTS, MNIST = (
    f"presets/images-{name}.yaml" for name in ("cifar10-lt", "ffhq64", "imagenet512", "mnist")
)
IMAGES_MINUTES = 8.0
ENOUGH = 60.0  # seconds that are left, to begin a measurement
OPTIONS = 8  # of precision, layout and compilation that the part unet tries
TIMED = 256 + 16  # images by which the parts time sampling, in steps with 8 evaluations


def _preset(path: str) -> Callable[[], list[Work]]:
    return lambda: work_of(preset(path))


def _measured(*paths: str, times: int = 1, only: str = "") -> Callable[[], list[Work]]:
    """Return what measuring the networks of presets takes, each type once."""

    def todo() -> list[Work]:
        found: dict[tuple[str, str], Work] = {}
        for path in paths:
            for work in work_of(preset(path)):
                network = work.network
                passes = times * (1 if network.type == "tarflow" else 8)
                few = Work(network, [(times * STEPS, 1)], [(passes, TIMED, 1)])
                if not only or network.type == only:
                    found.setdefault((path, network.type), few)
        return list(found.values())

    return todo


def _models() -> list[Work]:
    """Return what the part ``speed`` does."""
    return [
        Work(
            Network(name, name, _defaults(name), DataShape(speed.FULL["rows"], speed.DIM), None),
            [(speed.FULL["steps"] + 5, seeds) for seeds in speed.BLOCKS],
            [(_passes(name), speed.FULL["samples"] + 10, seeds) for seeds in speed.BLOCKS],
        )
        for name in registry.names("models")
        if by_gradients(name)
    ]


def _defaults(name: str) -> dict[str, Any]:
    return dict(registry.load("models", name).Settings().model_dump(mode="json"))


def _passes(name: str) -> float:
    method = registry.load("models", name).methods[name]()
    twice = 2 if getattr(method, "sampler", "") in TWICE else 1
    return float(method.total_steps() * twice)


def _headline() -> list[Work]:
    return work_of(headline.configuration())


def _seen(path: str, images: float) -> Callable[[], list[Work]]:
    """Return the training of the first model of a preset on so many images."""

    def todo() -> list[Work]:
        network = work_of(preset(path))[0].network
        return [Work(network, [(round(images / network.batch), 1)])]

    return todo


TODO: dict[str, tuple[str | None, Callable[[], list[Work]]]] = {
    FFHQ: (None, _preset(FFHQ)),
    **{whose: (None, _seen(FFHQ, n)) for whose, n in large.PRESETS[FFHQ][2].items()},
    LATENTS: (None, _preset(LATENTS)),
    "`large`": ("large", _measured(FFHQ, LATENTS)),
    CIFAR: (None, _preset(CIFAR)),
    **{whose: (None, _seen(CIFAR, images)) for whose, images in cifar.PUBLISHED.items()},
    "`cifar`": ("cifar", _measured(CIFAR)),
    "`unet`": ("unet", _measured(CIFAR, times=OPTIONS, only="sgm")),
    MNIST: (None, _preset(MNIST)),
    "`dlpm`: presets/dlpm-2d-long.yaml": ("dlpm", _preset("presets/dlpm-2d-long.yaml")),
    "`headline`: presets/headline.yaml in 100 dimensions, ten times as long": (
        "headline",
        _headline,
    ),
    "`speed`": ("speed", _models),
    "`benchmark`: config.yaml": ("benchmark", _preset("config.yaml")),
}
"""What is to be projected: the part that does it, if one does it whole, and its work."""
TOYS = (FFHQ, "`benchmark`: config.yaml")
THEORY = "`theory`: sample_size of presets/theory-large.yaml"


def run(job: Job) -> bool:
    """Measure each network once, the cheapest first, and project what there is to do with it.

    Networks that the time is too short for are estimated from those that were measured. The list is
    there from the start, whatever ends the measurements.
    """
    todo = {
        name: (part, [_tiny(work) for work in works()[:2]] if job.toy else works())
        for name, (part, works) in TODO.items()
        if not job.toy or name in TOYS
    }
    costs = {row["network"]: row for row in job.records.rows if "network" in row}
    missing = {
        work.network.key: (_operations(work.network), f"{name}, {work.network.name}", work.network)
        for name, (_, works) in reversed(todo.items())
        for work in works
        if work.network.key not in costs
    }
    _list(job, todo, costs)
    theory = _theory(job, costs)
    for key, (_, first, network) in sorted(missing.items(), key=lambda item: item[1][0]):
        if job.left() < ENOUGH:
            break
        costs[key] = {"network": key, "first": first, **cost_here(network)}
        job.add(**costs[key])
    tested = _contract(job)
    _list(job, todo, costs)
    return theory and tested and all(key in costs for key in missing)


def _operations(network: Network) -> float:
    """Estimate the operations of the largest step that is measured."""
    settings = registry.load("models", network.type).Settings(**network.settings)
    return float(max(batches_of(network)) * settings.cost(network.data).operations)


def _list(job: Job, todo: Mapping[str, Any], costs: Mapping[str, Any]) -> None:
    """Record the hours of all that the costs suffice for, in the place of what was listed."""
    job.records.drop_rows(what=PROJECTION)
    for name, (part, works) in todo.items():
        _project(job, name, part, works, costs)
    settings = _sample_size(job.toy)
    found = {dim: costs.get(f"sample_size {dim}") for dim in settings.dims}
    if all(found.values()):
        cards = {card: seconds_of_cells(settings, found, card) for card in CARDS}
        networks = len(settings.targets) * len(settings.dims) * len(settings.sizes) * settings.seeds
        steps = f"{networks * settings.steps:,} steps of {networks:,} networks"
        by = f"{steps}; random numbers of the CPU"
        _add(job, THEORY, "theory", seconds_of_cells(settings, found), cards, by=by)
    minutes = dict.fromkeys(CARDS, 60 * IMAGES_MINUTES)
    by = "its own limit on any machine, which sets the length of its trainings"
    _add(job, "`images`", "images", 60 * IMAGES_MINUTES, minutes, by=by)
    if row := next((row for row in job.records.rows if row.get("tests") == "contract"), None):
        by = f"{row['of']} tests, by {row['ran']} of them; on a card not projected"
        _add(job, "`contract`", "contract", row["cpu_seconds"], {}, by=by)


def _contract(job: Job) -> bool:
    """Measure some of the contract tests."""
    if not job.has(tests="contract"):
        if job.left() < ENOUGH:
            return False
        seconds, ran, of = contract.seconds_here(40, "muon" if job.toy else "")
        job.add(tests="contract", cpu_seconds=seconds, ran=ran, of=of)
    return True


def _project(
    job: Job, name: str, part: str | None, works: list[Work], costs: Mapping[str, Any]
) -> None:
    """Record the hours of some work, here and on cards."""
    found = [costs.get(work.network.key) or estimated(work.network, costs) for work in works]
    if None in found:
        return
    each = list(zip(works, found, strict=True))
    guessed = sum(work.network.key not in costs for work in works)
    by = f"{sum(work.steps for work in works):,} steps of {len(works)} networks"
    needs = [(work.network, work.operations(cost), work.kernels(cost)) for work, cost in each]
    cards = {
        card: sum(
            card_seconds(card, network.arithmetic, operations, kernels)
            for network, operations, kernels in needs
        )
        for card in CARDS
    }
    _add(
        job,
        name,
        part,
        sum(work.cpu_seconds(cost) for work, cost in each),
        cards,
        operations=sum(operations for _, operations, _ in needs),
        kernels=sum(kernels for _, _, kernels in needs),
        by=by + (f", {guessed} of them estimated by the cost model" if guessed else ""),
    )


def _add(
    job: Job, name: str, part: str | None, here: float, cards: Mapping[str, float], **more: Any
) -> None:
    hours = {f"hours_{card}": seconds / 3600 for card, seconds in cards.items()}
    job.add(what=PROJECTION, name=name, part=part, hours=here / 3600, **hours, **more)


def _sample_size(toy: bool) -> SampleSizeSettings:
    given = preset("presets/theory-large.yaml")["theory"]["sample_size"]
    return SampleSizeSettings(**given | ({"dims": [2, 3], "batch_size": 16} if toy else {}))


def _theory(job: Job, costs: dict[str, Any]) -> bool:
    """Measure the dimensions of sample_size."""
    settings = _sample_size(job.toy)
    for dim in settings.dims:
        key = f"sample_size {dim}"
        if key not in costs:
            if job.left() < ENOUGH:
                return False
            costs[key] = {"network": key, "first": THEORY, **cost_of_cell(settings, dim)}
            job.add(**costs[key])
    return True


def _tiny(work: Work) -> Work:
    network = work.network
    images, data = network.images, network.data
    if images:
        changes = TINY["unet" if network.settings.get("network") == "unet" else "tarflow"]
        images = ImageLayout((images.shape[0], 8, 8), images.classes, images.pixels)
        data = DataShape(data.rows, images.shape[0] * 64, 8)
    else:
        changes = dict(registry.load("models", network.type).Settings.test_settings)
    settings = {**network.settings, **changes}
    return Work(
        Network(network.name, network.type, settings, data, images), work.trained, work.drawn
    )
