"""Print the memory that a training takes as its set of images grows.

A small perceptron learns random pictures of 64 by 64 pixels with three channels, from files of
growing length, in a process of its own each. Up to a gibibyte they are held; beyond it, a batch is
read from the disk when it is needed. The reference is the smallest set.

    python benchmarks/memory.py [--images 2000 20000 100000 200000]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from subprocess import run

import numpy as np

from tailbench.io.arrays import write_array
from tailbench.io.checksums import write_record, write_sums
from tailbench.io.lazy_rows import LazyRows

DIM = 3 * 64 * 64
SPEC = {"type": "sgm", "width": 8, "num_blocks": 0, "train_steps": 50, "batch_size": 64}
SPEC |= {"validation_fraction": 0.001, "validate_every": 50}


def write(folder: Path, images: int) -> Path:
    """Write data of so many images, some at a time."""

    def read(rows: np.ndarray) -> np.ndarray:
        return np.random.default_rng(rows[0]).integers(0, 256, (len(rows), DIM), np.uint8)

    file = folder / "train.npy"
    checksum = write_array(file, [LazyRows(read, np.arange(images), (DIM,), np.uint8)])
    shape = {"shape": [3, 64, 64], "classes": [], "pixels": True}
    record = write_record(folder / "meta.json", {"images": shape})
    write_sums(folder, {file.name: checksum, "meta.json": record})
    return file


def measure(images: int) -> tuple[float, float]:
    """Return the size of the file and the peak memory of the training, both in MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write(folder, images)
        arguments = [
            "train", "--dataset=pictures", "--model=sgm", "--seeds=0", "--code=1", "--device=cpu",
            f"--spec={json.dumps(SPEC)}", f"--data={file}", f"--folder={folder / 'model'}",
            f"--state={folder / 'state'}",
        ]  # fmt: skip
        run([sys.executable, "-m", "tailbench", "job", *arguments], check=True, capture_output=True)
        spec = json.loads((folder / "model" / "spec.json").read_text())
        return file.stat().st_size / 2**20, spec["peak_memory_mb"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[2000, 20_000, 100_000, 200_000])
    first = None
    for images in parser.parse_args().images:
        size, peak = measure(images)
        first = peak if first is None else first
        print(f"{images} images, {size:.0f} MiB: {peak:.0f} MiB, {peak / first:.2f} of the first")


if __name__ == "__main__":
    main()
