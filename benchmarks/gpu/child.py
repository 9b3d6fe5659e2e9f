"""The process of one part: ``python -m benchmarks.gpu.child NAME MODULE OPTIONS``."""

from __future__ import annotations

import importlib
import sys
import time
import traceback

from benchmarks.gpu.job import Job, Options

__all__ = ["main"]


def main(name: str, module: str, options: str) -> int:
    """Run a part, and record how it ended; the exit status is 1 if it failed.

    The function ``run`` of the module says whether all is done, or the time was too short.
    """
    job = Job(name, Options.of(options))
    begin = time.monotonic()
    try:
        whole = importlib.import_module(module).run(job)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        end = {"status": "failed", "reason": reason}
    else:
        end = {"status": "finished" if whole else "stopped"}
    job.records.add("end", seconds=time.monotonic() - begin, **end)
    return int(end["status"] == "failed")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
