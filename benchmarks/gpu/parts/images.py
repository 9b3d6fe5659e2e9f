"""Grey images of 28 by 28 pixels at reduced length: loss, FID by steps, images a second, grids.

Fashion-MNIST or MNIST where ``--data`` names the folder of its files; else the digits of
scikit-learn, enlarged to that size. FID is in the features of a classifier of the same images and,
where ``--inception`` names the weights, of Inception.
"""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.gpu.job import Job
from benchmarks.gpu.networks import TINY
from benchmarks.gpu.workflow import preset

from tailbench import registry
from tailbench.data import ImageLayout
from tailbench.io.arrays import images_of, read_array
from tailbench.io.checksums import read_record
from tailbench.metrics.base import ImageContext
from tailbench.models.flow_sgm import FlowSGM
from tailbench.networks import classifier as network
from tailbench.pipeline.results.layout import classifier_folder, space_folder
from tailbench.pipeline.stages import classifier, data, features
from tailbench.rng.seeds import generator_for

__all__ = ["run"]

NAME = "grey"
SHARE = 0.13  # of the minutes, for each of the four trainings
MODELS = {"sgm": "sgm", "dlpm": "dlpm_1.8", "lim": "lim_1.8", "tarflow": "tarflow"}
"""Types, and their entries in presets/images-mnist.yaml."""
METHODS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "sgm": ("sgm", {"sampler": "heun"}, (4, 8, 16, 32)),
    "flow_sgm": ("sgm", {"sampler": "heun", "sigma_T": 1.0}, (2, 4, 8, 16)),
    "dlim": ("dlpm", {}, (10, 25, 50)),
    "lim_ode": ("lim", {}, (10, 25, 50)),
    "dlpm": ("dlpm", {}, (25, 100, 250)),
}
"""The model of each method, its settings, and numbers of steps."""


def run(job: Job) -> bool:
    """Train four models, and judge the samples of five methods by their number of steps."""
    judge = Judge(job)
    for name in MODELS:
        if not job.has(model=name):
            train(job, name, judge)
    models = {name: _load(job, name) for name in MODELS}
    drawn: dict[str, np.ndarray] = {}
    for method, (name, options, steps) in METHODS.items():
        for count in steps[:1] if job.toy else steps:
            if job.has(method=method, sampling_steps=count):
                continue
            if job.left() < 20:
                return False
            model = models[name]
            if method == "flow_sgm":
                model = FlowSGM(models["tarflow"], models["sgm"], prefit=True, device=job.device)
            begin = time.perf_counter()
            settings = {**options, "sampling_steps": count, "method": method}
            drawn[method] = model.sample(judge.count, **settings).reshape(judge.count, -1)
            rate = judge.count / (time.perf_counter() - begin)
            scores = judge.scores(drawn[method])
            job.add(method=method, sampling_steps=count, images_per_second=rate, **scores)
    if drawn:
        draw_grid(job, drawn, judge)
    return True


def train(job: Job, name: str, judge: Judge) -> None:
    """Train a model for its share of the minutes, and record loss and speed."""
    given = dict(preset("presets/images-mnist.yaml")["models"][MODELS[name]])
    given.pop("type", None)
    if job.toy:
        given |= TINY["tarflow" if name == "tarflow" else "unet"]
    budget = SHARE * 60 * job.options.minutes
    cls = registry.load("models", name)

    def fitted(steps: int) -> Any:
        often = {"train_steps": steps, "validate_every": max(steps // 8, 1)}
        model = cls(device=job.device, **{**given, **often})
        return model.fit(judge.train, images=judge.images, verbose=False)

    probed = 2 if job.toy else 20
    fitted(probed)  # the first steps start the device
    each = sum(fitted(probed).info["seconds"]) / probed
    model = fitted(4 if job.toy else max(50, int(budget / each)))
    last = model.history[-1]
    model.save(job.folder / name)
    job.add(
        model=name,
        train_steps=int(last["step"]),
        train_seconds=sum(model.info["seconds"]),
        loss=last["loss"],
        val_loss=last["val_loss"],
        dataset=judge.dataset,
    )


def _load(job: Job, name: str) -> Any:
    return registry.load("models", name).load(job.folder / name, device=job.device)


class Judge:
    """The images, and how far samples are from those held out.

    Args:
        job: The part.
    """

    def __init__(self, job: Job) -> None:
        folder = job.folder
        self.dataset, spec = source(job)
        if not (folder / "data" / "meta.json").exists():
            data.run(NAME, "0", json.dumps(spec), folder / "data")
        self.spaces: dict[str, dict[str, Any]] = {"classifier": {}}
        if job.options.inception is not None:
            self.spaces["inception"] = {"weights": str(job.options.inception)}
        if job.toy:
            network.EPOCHS = 1
        if not Path(classifier_folder(folder), "classifier.json").exists():
            classifier.run(NAME, "0", folder / "data", folder, job.device)
        for space, settings in self.spaces.items():
            if not Path(space_folder(folder, space), "record.json").exists():
                text = json.dumps(settings)
                features.run(NAME, "0", space, text, folder / "data", folder, job.device)
        self.train = classifier.read_rows_of(folder / "data" / "train.npy")
        self.test = read_array(folder / "data" / "test.npy")[0]
        images = images_of(folder / "data")
        assert images is not None
        self.images: ImageLayout = images
        self.count = 40 if job.toy else min(len(self.test), 2000)
        known = Path(classifier_folder(folder))
        self._context = ImageContext(
            images,
            {space: read_array(Path(space_folder(folder, space), "features.npy"))[0]
             for space in self.spaces},
            known / "classifier.safetensors",
            np.array(read_record(known / "classifier.json")["shares"]),
            job.device,
        )  # fmt: skip

    def scores(self, samples: np.ndarray) -> dict[str, float]:
        """Return the Fréchet distance in each feature space."""
        found = {}
        for space, settings in self.spaces.items():
            metric = registry.load("metrics", space)(**settings)
            rng = generator_for("benchmark", "gpu", space)
            values = metric(samples, self.test, None, rng, self._context)
            found[f"fid_{space}"] = values[f"fid_{space}"]
        return found


def source(job: Job) -> tuple[str, dict[str, Any]]:
    """Return what the images are, and the settings of their data set."""
    if job.options.data is not None:
        path = str(job.options.data)
        kind = "fashion_mnist" if "fashion" in path.lower() else "mnist"
        return kind, {"type": kind, "path": path}
    if job.toy:
        return "digits", {"type": "digits"}
    folder = job.folder / "enlarged"
    if not folder.exists():
        enlarged(folder)
    return "digits enlarged to 28 by 28", {"type": "mnist", "path": str(folder)}


def enlarged(folder: Path) -> None:
    """Write the digits of scikit-learn as four IDX files of 28 by 28 pixels."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = zoom(found.images / 16.0, (1, 3.5, 3.5), order=1)
    images = np.rint(255.0 * np.clip(pixels, 0.0, 1.0)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    folder.mkdir(parents=True)
    for part, rows in (("train", order[400:]), ("t10k", order[:400])):
        arrays = {"images-idx3": images[rows], "labels-idx1": found.target[rows].astype(np.uint8)}
        for what, array in arrays.items():
            header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
            path = folder / f"{part}-{what}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.tobytes()))


def draw_grid(job: Job, drawn: dict[str, np.ndarray], judge: Judge) -> None:
    """Draw the samples of each method with the most steps, beside held-out images."""
    from tailbench.plots.images import image_grid

    path = job.options.output / "images.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = image_grid(drawn, judge.test, judge.images.shape)
    figure.savefig(path, dpi=120)
