"""The contract tests on the device: a row for each test function, and one for each failure."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys

from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import ROOT

__all__ = ["run", "seconds_here"]

SUITES = ("tests/contract/test_device.py", "tests/contract/test_models.py")
ORDERED = re.compile(r"^(tests/\S+?\.py)::(\w+)(\[.*\])? (PASSED|FAILED|ERROR|SKIPPED)")
PARALLEL = re.compile(
    r"^\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|ERROR|SKIPPED) (tests/\S+?\.py)::(\w+)(.*)"
)
PROCESSES = 4
ENOUGH = 15.0  # seconds to end the tests and to write what they gave


def run(job: Job) -> bool:
    """Run the suites that compute on a device; the image networks and the parts do not."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *SUITES]
    command += ["-k", "muon"] if job.toy else ["-n", str(PROCESSES), "--dist", "load"]
    job.records.drop_rows()  # the tests begin anew
    counts: dict[tuple[str, str], dict[str, int]] = {}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TAILBENCH_TEST_DEVICE": job.device},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        if (found := parsed(line)) is None:
            continue
        suite, test, case, outcome = found
        counts.setdefault((suite, test), {}).setdefault(outcome, 0)
        counts[suite, test][outcome] += 1
        if outcome in ("failed", "error"):
            job.add(suite=suite, test=test + case, outcome=outcome)
        if job.left() < ENOUGH:
            process.terminate()
            break
    status = process.wait()
    for (suite, test), outcomes in counts.items():
        job.add(suite=suite, test=test, **outcomes)
    if not counts:
        raise RuntimeError(f"pytest ended with status {status} and has run no test")
    return job.left() >= ENOUGH


def seconds_here(every: int, chosen: str = "") -> tuple[float, int, int]:
    """Run some of the tests on the CPU, and return the processor seconds of all by those.

    Args:
        every: Run the first of so many tests.
        chosen: Only tests of these words, as pytest takes them.

    Returns:
        The seconds, the tests that were run, and all tests.

    Raises:
        RuntimeError: If a test fails.
    """
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "TAILBENCH_TEST_DEVICE": "cpu"}

    def spent(*arguments: str) -> tuple[float, str]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*pytest, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"pytest ended with status {done.returncode}: {done.stdout[-300:]}")
        seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return seconds, done.stdout

    start, listed = spent("--collect-only", *SUITES, *(("-k", chosen) if chosen else ()))
    tests = [line for line in listed.splitlines() if line.startswith("tests/") and "::" in line]
    some = tests[::every]
    seconds, _ = spent(*some)
    return start + max(seconds - start, 0.0) * len(tests) / len(some), len(some), len(tests)


def parsed(line: str) -> tuple[str, str, str, str] | None:
    """Read a line of pytest: suite, test, case and outcome; ``None`` if it is no such line."""
    if match := ORDERED.match(line):
        suite, test, case, outcome = match.groups()
    elif match := PARALLEL.match(line):
        outcome, suite, test, case = match.groups()
    else:
        return None
    return suite.rpartition("/")[2], test, (case or "").strip(), outcome.lower()
