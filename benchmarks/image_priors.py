r"""Compare the transformer flow with a multi-scale Glow as a prior for images, at equal CPU time.

    pip install --no-deps normflows==1.7.3
    python benchmarks/image_priors.py [--datasets digits mnist] [--models tarflow glow_4]
        [--seconds 30] [--workspace results/image-priors] [--no-run]
        [--output docs/reproduction/image-priors.csv]

Both learn the same data with Gaussian noise :math:`\sigma` by the project's training loop, with the
same batches, noise, learning rate and number of threads (one), and both are denoised by Tweedie's
formula. The cost of a step is measured first, and the number of steps chosen such that every model
gets the same CPU time; the cosine of the learning rate ends with it. The Glow is that of normflows:
2 levels of K steps with affine couplings.

- ``bits_per_dim``: :math:`-\log_2 p(y) / d` of held-out images with the noise of the training, the
  same for all models, where y is in grey levels (0 to 255): with the density p of values from -1
  to 1, :math:`-\log p(y) / (d \log 2) + \log_2 127.5`. No model can be below the entropy of the
  noise, :math:`\log_2 (\sigma' \sqrt{2 \pi e})` with :math:`\sigma'` in grey levels: 4.72 for the
  usual noise.
- ``fid_classifier``, ``precision_classifier``, ``recall_classifier``: of denoised samples against
  the held-out images, in the features of the project's classifier; ``floor`` is as many real
  images of the training data.
- ``best_step``: where the validation loss, on which the weights are chosen, was least.
- ``step_seconds``: CPU seconds of a training step without validation, the least of some rounds.
- ``train_seconds``: CPU seconds that the training took in the end, validation included.
- ``sample_seconds``: CPU seconds of 1,000 samples, by the fastest batch of 256.

What has been computed is kept in the workspace and not computed again, so that several processes
may work on a data set or on models each, and a last one, with ``--no-run``, write the table.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from _glow import Glow, normflows
from _record import finish

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.io.arrays import images_of, read_array
from tailbench.io.atomic import atomic_write
from tailbench.io.checksums import read_plain, read_record
from tailbench.metrics.base import ImageContext
from tailbench.metrics.classifier import ClassifierFidelity
from tailbench.models.tarflow import TarFlow, TarFlowSampling
from tailbench.pipeline.results.layout import classifier_folder, space_folder
from tailbench.pipeline.stages import classifier, data, features, fetch
from tailbench.rng.seeds import generator_for, seed_for

# CPU seconds of training, and images that the models are judged by.
DATASETS: dict[str, dict[str, Any]] = {
    "digits": {
        "seconds": [30, 180],
        "count": 449,
        "validation": 0.1,
        "options": {"batch_size": 64, "patch": 2},
    },
    "mnist": {
        "seconds": [360],
        "count": 2560,
        "validation": 0.02,
        "options": {"batch_size": 128, "patch": 4},
    },
}
MODELS: dict[str, tuple[type[TarFlow], dict[str, Any]]] = {
    "tarflow": (TarFlow, {}),
    "tarflow_small": (TarFlow, {"depth": 1, "width": 48}),  # of presets/images-digits.yaml
    "glow_4": (Glow, {"blocks": 4, "hidden": 64}),
    "glow_8": (Glow, {"blocks": 8, "hidden": 128}),
}
# Other scales of the couplings, at the cost of the Glow that they are variants of; run by name.
VARIANTS: dict[str, tuple[type[TarFlow], dict[str, Any]]] = {
    f"{name}-{scale_map}": (kind, {**size, "scale_map": scale_map})
    for name, (kind, size) in MODELS.items()
    if kind is Glow
    for scale_map in ("sigmoid", "sigmoid_inv")
}
COLUMNS = (
    *("dataset", "model", "budget_seconds", "parameters", "steps", "best_step"),
    *("step_seconds", "train_seconds", "bits_per_dim", "fid_classifier"),
    *("precision_classifier", "recall_classifier", "sample_seconds"),
)
PROBED, ROUNDS = 10, 4
AT_ONCE = 256


def cpu_seconds(work: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """Return the CPU seconds of a piece of work, and its result."""
    begin = time.process_time()
    result = work(*given)
    return time.process_time() - begin, result


def prepared(dataset: str, folder: Path) -> None:
    """Get the data, train the classifier and compute the features of the held-out images."""
    if Path(space_folder(folder, "classifier"), "features.npy").exists():
        return
    spec, fetched = json.dumps({"type": dataset}), None
    if dataset == "mnist":
        fetched = folder / "mnist.pkl.gz"
        fetch.run(dataset, spec, fetched)
    data.run(dataset, "0", spec, folder / "data", fetched)
    classifier.run(dataset, "0", folder / "data", folder, "cpu", threads=1)
    features.run(dataset, "0", "classifier", "{}", folder / "data", folder, "cpu", threads=1)


class Judge:
    """The held-out images of a data set, and what samples and densities of them are worth.

    Args:
        dataset: Name of the data set.
        folder: Where ``prepared`` has put its files.
    """

    def __init__(self, dataset: str, folder: Path) -> None:
        self.dataset = dataset
        self.train = classifier.read_rows_of(folder / "data" / "train.npy")
        self.test, self.floor = (
            read_array(folder / "data" / f"{part}.npy")[0] for part in ("test", "floor")
        )
        self.count: int = DATASETS[dataset]["count"]
        images = images_of(folder / "data")
        assert images is not None
        self.images: ImageLayout = images
        network = Path(classifier_folder(folder))
        self._reference = ImageContext(
            images,
            {"classifier": read_array(Path(space_folder(folder, "classifier"), "features.npy"))[0]},
            network / "classifier.safetensors",
            np.array(read_record(network / "classifier.json")["shares"]),
        )

    def distances(self, samples: np.ndarray) -> dict[str, float]:
        """Compare samples with the held-out images."""
        rng = generator_for("benchmark", "distances", self.dataset)
        found = ClassifierFidelity()(samples, self.test, None, rng, self._reference)
        return {key: value for key, value in found.items() if not key.startswith("kid")}

    def bits_per_dim(self, model: TarFlow) -> float:
        """Return the bits per dimension of the held-out images with noise, in grey levels."""
        rng = generator_for("benchmark", "noise", self.dataset)
        scale = model.settings.noise * float(model.constants["scale"][0, 0])
        clean = self.test[: self.count]
        noisy = clean + scale * rng.standard_normal(clean.shape)
        parts = [model.log_prob(part) for part in np.array_split(noisy, -(-len(noisy) // AT_ONCE))]
        mean = float(np.concatenate(parts).mean())
        return -mean / (noisy.shape[1] * math.log(2.0)) + math.log2(127.5)


def step_costs(judge: Judge) -> dict[str, float]:
    """Return the CPU seconds of a training step of every model, without validation.

    Other work on the machine makes steps dearer, so the models take turns, and the least of some
    rounds counts. The first round also pays for what is imported or allocated once.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in MODELS}
    for _ in range(ROUNDS):
        for name, times in found.items():
            short, _ = cpu_seconds(fitted, name, judge, 1, 0.0)
            long, _ = cpu_seconds(fitted, name, judge, 1 + PROBED, 0.0)
            times.append((short, long))
    least = {name: [min(column) for column in zip(*t, strict=True)] for name, t in found.items()}
    return {name: (long - short) / PROBED for name, (short, long) in least.items()}


def fitted(name: str, judge: Judge, steps: int, validation: float) -> TarFlow:
    """Train a model."""
    kind, size = (MODELS | VARIANTS)[name]
    options = {**DATASETS[judge.dataset]["options"], **size, "validation_fraction": validation}
    model = kind(device="cpu", train_steps=steps, **options)
    return model.fit(judge.train, images=judge.images, verbose=False)


def measured(name: str, judge: Judge, budget: float, cost: float) -> dict[str, Any]:
    """Train a model for a number of CPU seconds, and judge it."""
    steps = max(1, round(budget / cost))
    validation = DATASETS[judge.dataset]["validation"]
    spent, model = cpu_seconds(fitted, name, judge, steps, validation)
    best = min(model.history, key=lambda row: row["val_loss"])
    row: dict[str, Any] = {
        "dataset": judge.dataset,
        "model": name,
        "budget_seconds": budget,
        "parameters": model.info["parameters"],
        "steps": steps,
        "best_step": int(best["step"]),
        "step_seconds": cost,
        "train_seconds": spent,
        "bits_per_dim": judge.bits_per_dim(model),
    }
    drawn, times = [], []
    settings = TarFlowSampling(denoise=True)
    for chunk in range(-(-judge.count // AT_ONCE)):
        seeds = [seed_for("sample", chunk)]
        try:
            took, draw = cpu_seconds(model.draw, AT_ONCE, settings, seeds)
        except FloatingPointError as error:
            print(f"{judge.dataset}, {name}: {error}", flush=True)
            return row
        drawn.append(draw.samples[0])
        times.append(took)
    row["sample_seconds"] = 1000 / AT_ONCE * min(times)
    return row | judge.distances(np.concatenate(drawn)[: judge.count])


def run(dataset: str, models: list[str], seconds: list[int], workspace: Path) -> None:
    """Measure what the workspace does not have yet."""
    folder = workspace / dataset
    prepared(dataset, folder)
    judge = Judge(dataset, folder)
    costs = kept(folder / "costs.json", step_costs, judge)
    kept(folder / "floor.json", judge.distances, judge.floor[: judge.count])
    for budget in seconds:
        for name in models:
            path = folder / f"{name}-{budget}.json"
            kept(path, measured, name, judge, budget, costs[name.partition("-")[0]])


def found(dataset: str, workspace: Path) -> list[dict[str, Any]]:
    """Return the rows that the workspace has of a data set: the floor, then models by budget."""
    folder = workspace / dataset
    if not (folder / "floor.json").exists():
        return []
    named = [path for name in (*MODELS, *VARIANTS) for path in folder.glob(f"{name}-[0-9]*.json")]
    rows = sorted(map(read_plain, named), key=lambda row: row["budget_seconds"])
    return [{"dataset": dataset, "model": "floor"} | read_plain(folder / "floor.json"), *rows]


def kept(path: Path, work: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
    """Return what a file holds, or do the work and keep its result in the file."""
    if not path.exists():
        content = json.dumps(work(*given))
        atomic_write(path, content)
        print(f"{path}: {content}", flush=True)
    return read_plain(path)


def main() -> None:
    """Measure, print and, if asked to, record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--datasets", nargs="+", choices=list(DATASETS), default=list(DATASETS))
    parser.add_argument("--models", nargs="+", choices=[*MODELS, *VARIANTS], default=list(MODELS))
    parser.add_argument(
        "--seconds", nargs="+", type=int, help="CPU seconds of training; the data set's if left out"
    )
    parser.add_argument("--workspace", type=Path, default=Path("results/image-priors"))
    parser.add_argument("--no-run", action="store_true", help="only show what the workspace has")
    parser.add_argument("--output", type=Path, help="CSV file to record the table in")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if not given.no_run:
        try:
            normflows()
            for dataset in given.datasets:
                seconds = given.seconds or DATASETS[dataset]["seconds"]
                run(dataset, given.models, seconds, given.workspace)
        except InputError as error:
            sys.exit(str(error))
    table = pd.DataFrame(
        [row for d in given.datasets for row in found(d, given.workspace)], columns=COLUMNS
    ).convert_dtypes()
    print(table.round(4).to_string(index=False))
    finish(
        [],
        table,
        "benchmarks/image_priors.py",
        f"one run, CPU seconds of one thread, torch {torch.__version__}, normflows 1.7.3",
        given.output,
    )


if __name__ == "__main__":
    main()
