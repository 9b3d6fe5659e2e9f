"""Parts one after another, each in a process of its own with a time limit.

A part that fails, hangs or breaks the context of the GPU ends alone, and the next one goes on.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gpu.job import Options
from benchmarks.gpu.machine import ROOT, describe
from benchmarks.gpu.records import Records

__all__ = ["limited", "run_parts"]

GRACE = 30.0  # seconds from the request to end until it is enforced


def run_parts(
    parts: Mapping[str, str],
    options: Options,
    again: bool = False,
    after: Callable[[], None] = lambda: None,
) -> dict[str, str]:
    """Run parts, and return how each ended.

    A part whose record says that it has finished is not run again, unless ``again``; one that was
    stopped, killed or has failed goes on where it was. A record of another device or size begins
    anew, and so does what the part has kept in the workspace.

    Args:
        parts: Module of each part by name, in the order of the run.
        options: What all parts share.
        again: Run all anew.
        after: What to do after each part.
    """
    found = {}
    machine = describe(options.device)
    for name, module in parts.items():
        records = Records(options.output / f"{name}.jsonl")
        known = (records.start.get("card"), records.start.get("toy"))
        if again or known != (machine["card"], options.toy):
            records.clear()
            shutil.rmtree(options.workspace / name, ignore_errors=True)  # of another card or size
        if records.end.get("status") == "finished":
            print(f"== {name}: finished before", flush=True)
            found[name] = "finished"
            continue
        print(f"== {name}: at most {options.minutes:g} minutes", flush=True)
        date = datetime.now(UTC).date().isoformat()
        records.add("start", date=date, toy=options.toy, minutes=options.minutes, **machine)
        found[name] = _run(name, module, options)
        print(f"== {name}: {found[name]}", flush=True)
        after()
    return found


def _run(name: str, module: str, options: Options) -> str:
    """Run a part, and write the end that it could not write itself."""
    log = options.workspace / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.gpu.child", name, module, options.text()]
    begin = time.monotonic()
    how = limited(command, 60 * options.minutes, log)
    records = Records(options.output / f"{name}.jsonl")
    if records.end["status"] == "killed":
        end = {"status": "stopped"} if how == "stopped" else {"status": "failed", "reason": how}
        records.add("end", seconds=time.monotonic() - begin, **end)
    return str(records.end["status"])


def limited(command: Sequence[str], seconds: float, log: Path, grace: float = GRACE) -> str:
    """Run a command with all that it starts, for so many seconds at most.

    It is asked to end by SIGTERM, and ended by SIGKILL after the grace.

    Args:
        command: The command, run at the root of the repository.
        seconds: The time limit.
        log: File that gets all that is printed, which is also printed here.
        grace: Seconds from the request to the end.

    Returns:
        ``"ended"``, ``"stopped"`` at the limit, or the exit status of what has failed.
    """
    paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with log.open("w") as printed:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
            how = "ended" if status == 0 else f"ended with status {status}: {_last(log)}"
        except subprocess.TimeoutExpired:
            how = "stopped"
        finally:
            _end(process, grace)
    return how


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """End what is left of the group of a process."""
    until = time.monotonic() + grace
    if _send(process.pid, signal.SIGTERM):
        while time.monotonic() < until and _send(process.pid, 0):
            process.poll()
            time.sleep(0.1)
        _send(process.pid, signal.SIGKILL)
    process.wait()


def _send(group: int, number: int) -> bool:
    """Send a signal to a group of processes, and say whether there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _last(log: Path) -> str:
    """Return the last line that was printed."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing was printed"
