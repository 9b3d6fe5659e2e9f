"""Print what a configuration of many cells costs before its first job: seconds and memory.

Timed in an empty folder: `tailbench validate`, which counts the jobs without Snakemake; the start
of a real run, up to the moment at which the first job would begin; a dry run, which prints every
job, one that prints how many there are of each rule, and one for Slurm; a dry run of a twentieth,
which is how a larger benchmark is split; that of one cell; and, for reference, one of rules that
have the same files and say nothing else (bare.smk). Judged are the seconds of processor, which are
those of the clock where nothing else runs, and peak memory.

    python benchmarks/scale.py [--cells 10000] [--repeats 1] [--profile FILE]
    python benchmarks/scale.py --cells 10000 --most-seconds 60 --most-gib 2
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
METHODS = 10
BLOCKS = 10

FIRST_JOB = """
import os, sys
from snakemake.cli import main
from snakemake.executors.local import Executor

def run_job(self, job):
    print("first job:", job.rule.name, flush=True)
    os._exit(0)

Executor.run_job = run_job
main()
"""


def configuration(cells: int) -> dict:
    """Return a configuration of a number of cells: datasets by ten methods by ten blocks."""
    datasets = max(1, round(cells / (METHODS * BLOCKS)))
    return {
        "name": "default",
        "seeds": [f"{10 * block}-{10 * block + 9}" for block in range(BLOCKS)],
        "device": "cpu",
        "datasets": {
            f"stable_{i}": {"type": "alpha_stable", "alpha": 1.2 + 0.7 * i / datasets}
            for i in range(datasets)
        },
        "models": {"sgm": {}, "flow": {}, "dlpm": {}, "lim": {}},
        "methods": {
            "sgm": {},
            "sgm_few": {"type": "sgm", "sampling_steps": 8},
            "flow": {},
            "flow_sgm": {},
            "flow_sgm_two": {"type": "flow_sgm", "sigma_T": 2.0},
            "dlpm": {},
            "dlim": {},
            "dlim_few": {"type": "dlim", "sampling_steps": 10},
            "lim": {},
            "lim_ode": {},
        },
    }


def measured(command: list[str], folder: Path) -> tuple[float, float, float, str]:
    """Run a command; give wall seconds, seconds of processor, peak GiB, and its last words."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    begin = time.perf_counter()
    with (folder / "printed.txt").open("w") as printed:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, text = time.perf_counter() - begin, (folder / "printed.txt").read_text()
    if process.returncode:
        sys.exit(f"{' '.join(command[:4])} failed:\n{text[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, text


def main() -> None:
    """Write the configuration, run, print one line for each command, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--profile", type=Path, help="where cProfile leaves what it sees")
    parser.add_argument("--most-seconds", type=float, default=60.0)
    parser.add_argument("--most-gib", type=float, default=2.0)
    given = parser.parse_args()
    common = ["--configfile", "config.json", "--cores", "all"]
    options = ["-s", f"{REPOSITORY}/Snakefile", *common]
    part = "results/default/metrics/stable_0/sgm/0-9/metrics.csv"
    dry = ["-m", "snakemake", *options, "--dry-run"]
    slurm = REPOSITORY / "profiles" / "slurm"
    cluster = ["--profile", f"{slurm}", "--slurm-partition-config", f"{slurm}/partitions.yaml"]
    bare = ["-m", "snakemake", "-s", f"{REPOSITORY}/benchmarks/bare.smk", *common, "--dry-run"]
    start = ["-c", FIRST_JOB, *options, "--no-hooks"]
    profile = [] if given.profile is None else ["-m", "cProfile", "-o", str(given.profile)]
    commands = {
        "validate": ["-m", "tailbench", "validate", "config.json", "--no-data"],
        "start of a run": start,
        "dry run": [*profile, *dry],
        "dry run, --quiet": [*dry, "--quiet", "rules"],
        "dry run, Slurm": [*dry, *cluster],
        "dry run, 1/20": [*dry, "--batch", "collect=1/20", "results/default/metrics.csv"],
        "dry run, one cell": [*dry, part],
        "dry run, bare": [*bare, "--workflow-profile", "none"],
    }
    held = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(configuration(given.cells)))
        for label, command in commands.items():
            runs = [measured([sys.executable, *command], folder) for _ in range(given.repeats)]
            wall, busy, memory = (min(run[i] for run in runs) for i in range(3))
            total = re.search(r"^total +(\d+)|^(\d+) jobs: ", runs[0][3], re.MULTILINE)
            jobs = f", {total[1] or total[2]} jobs" if total else ""
            good = busy <= given.most_seconds and memory <= given.most_gib
            held &= good
            print(
                f"{label:<20} {wall:6.1f} s, of which {busy:6.1f} s of processor, "
                f"{memory:5.2f} GiB{jobs}{'' if good else ': TOO MUCH'}",
                flush=True,
            )
    sys.exit(not held)


if __name__ == "__main__":
    main()
