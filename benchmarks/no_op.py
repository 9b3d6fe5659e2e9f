"""Print the seconds of a run that finds nothing to be done, for 500 cells.

The state of a finished run is made by Snakemake itself, with an executor that writes a byte to
every output instead of running the job, so that all records that a real run leaves are there.
The reference is `snakemake --version`, the price of starting Snakemake at all.

    python benchmarks/no_op.py [--cells 500] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATASETS, METHODS = 5, 5
NOTHING = "Nothing to be done"

PRETEND = """
import sys
from pathlib import Path
from snakemake.cli import main
from snakemake.executors.touch import Executor, SubmittedJobInfo
from snakemake.io import is_flagged

def run_job(self, job):
    for output in job.output:
        if is_flagged(output, "directory"):
            Path(output).mkdir(parents=True, exist_ok=True)
        else:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            Path(output).write_text(".")
    submitted = SubmittedJobInfo(job=job)
    self.report_job_submission(submitted)
    self.report_job_success(submitted)

Executor.run_job = run_job
main()
"""


def configuration(cells: int) -> dict:
    """Return a configuration of a number of cells, five datasets by five methods by blocks."""
    blocks = max(1, round(cells / (DATASETS * METHODS)))
    stable = {f"stable_{i}": {"type": "alpha_stable", "alpha": 1.5 + i / 10} for i in range(5)}
    return {
        "name": "default",
        "seeds": [str(seed) for seed in range(blocks)],
        "device": "cpu",
        "datasets": stable,
        "models": {"sgm": {}, "flow": {}},
        "methods": {
            "sgm": {},
            "sgm_few": {"type": "sgm", "sampling_steps": 8},
            "flow": {},
            "flow_sgm": {},
            "flow_sgm_two": {"type": "flow_sgm", "sigma_T": 2.0},
        },
    }


def environment() -> dict[str, str]:
    """Return the environment in which `python` and `snakemake` are those of this interpreter."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def command(repository: Path = REPOSITORY) -> list[str]:
    """Return the arguments of Snakemake for the configuration in the working directory."""
    return ["-s", f"{repository}/Snakefile", "--configfile", "config.json", "--cores", "all"]


def finish(
    folder: Path, cells: int, repository: Path = REPOSITORY, env: dict[str, str] | None = None
) -> None:
    """Make the state of a finished run in a folder."""
    (folder / "config.json").write_text(json.dumps(configuration(cells)))
    subprocess.run(
        [sys.executable, "-c", PRETEND, *command(repository), "--touch", "--no-hooks"],
        cwd=folder,
        env=env or environment(),
        check=True,
        capture_output=True,
    )


def timed(arguments: list[str], folder: Path) -> tuple[float, float, str]:
    """Run a command; give its wall seconds, its seconds of processor, and what it printed."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        arguments, cwd=folder, env=environment(), check=True, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, busy, done.stdout + done.stderr


def main() -> None:
    """Make the state, run, and print one line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        finish(folder, given.cells)
        outputs = sum(path.is_file() for path in (folder / "results").rglob("*"))
        found = len(list(folder.glob("results/*/metrics/*/*/*/metrics.csv")))
        floors = len(list(folder.glob("results/*/metrics/*/floor/*/metrics.csv")))
        print(f"{found - floors} cells, {outputs} files; best of {given.repeats} runs")
        snakemake = [sys.executable, "-m", "snakemake"]
        for label, arguments in {
            "snakemake --version": [*snakemake, "--version"],
            "second run": [*snakemake, *command()],
        }.items():
            runs = [timed(arguments, folder) for _ in range(given.repeats)]
            wall, busy = (min(run[i] for run in runs) for i in (0, 1))
            note = ""
            if label == "second run":
                idle = all(NOTHING in run[2] for run in runs)
                note = f": {NOTHING.lower()}" if idle else ": SOMETHING was done"
            print(f"{label:<20} {wall:5.2f} s, of which {busy:5.2f} s of processor{note}")


if __name__ == "__main__":
    main()
