"""Stage ``fetch``: get the file that a data set is read from, where it is not on the machine."""

from __future__ import annotations

import json

from tailbench.pipeline.stages.options import Dataset, OutputFile, Spec
from tailbench.registry import make_dataset

__all__ = ["run"]


def run(dataset: Dataset, spec: Spec, output: OutputFile) -> None:
    """Write the file, once its checksum has been found to be right.

    Raises:
        InputError: If the file cannot be had, or is another one.
    """
    make_dataset(json.loads(spec)).fetch(output)
    print(f"{dataset}: {output.name}, {output.stat().st_size / 1e6:.1f} MB")
