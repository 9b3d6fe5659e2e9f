"""Run what is worth running on a GPU, part by part, and record it.

    python -m benchmarks.gpu [--parts contract speed] [--device cuda] [--minutes 8] [--toy]
        [--again] [--output docs/reproduction/gpu] [--workspace results/gpu] [--data FOLDER]
        [--inception FILE]

The device is checked first. A part that has finished is not run again unless ``--again``; one that
the time limit has stopped goes on where it was. ``projections`` runs when it is named, on the
CPU. The exit status is the number of parts that failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.gpu.job import Options
from benchmarks.gpu.machine import check
from benchmarks.gpu.parts import ON_CPU, PARTS, TITLES
from benchmarks.gpu.runner import run_parts
from benchmarks.gpu.summary import write_readme

from tailbench.exceptions import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, run and record; return the number of parts that failed."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu", description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=list(TITLES), default=list(PARTS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="most minutes of a part")
    parser.add_argument("--toy", action="store_true", help="tiny sizes, for any machine")
    parser.add_argument("--again", action="store_true", help="also what has finished")
    parser.add_argument(
        "--output", type=Path, help="docs/reproduction/gpu; results/gpu-toy of toys"
    )
    parser.add_argument("--workspace", type=Path, help="results/gpu; results/gpu-toy of toys")
    parser.add_argument("--data", type=Path, help="folder of (Fashion-)MNIST's four IDX files")
    parser.add_argument("--inception", type=Path, help="file of Inception's weights")
    given = vars(parser.parse_args(arguments))
    parts, again = given.pop("parts"), given.pop("again")
    toys = Path("results/gpu-toy")  # which never take the place of records
    given["output"] = given["output"] or (toys if given["toy"] else Options.output)
    given["workspace"] = given["workspace"] or (toys if given["toy"] else Options.workspace)
    paths = ("output", "workspace", "data", "inception")
    options = Options(**given | {key: given[key] and given[key].resolve() for key in paths})
    failed = 0
    for group, device in ((PARTS, options.device), (ON_CPU, "cpu")):
        modules = {name: part.module for name, part in group.items() if name in parts}
        if not modules:
            continue
        try:
            check(device)
        except InputError as error:
            print(f"benchmarks.gpu: {error}", file=sys.stderr)
            return failed + 1
        here = replace(options, device=device)
        found = run_parts(modules, here, again, lambda: write_readme(options.output, TITLES))
        failed += sum(status == "failed" for status in found.values())
    return failed


if __name__ == "__main__":
    sys.exit(main())
