"""Two runs in one folder: the second is refused, and the first does not notice."""

import os
import signal
import time

import pytest

pytestmark = pytest.mark.slow

CONFIG = {
    "seeds": ["0"],
    "device": "cpu",
    "datasets": {"alpha_stable": {"n_train": 400, "n_test": 400}},
    "models": {"sgm": {"train_steps": 20, "num_blocks": 1, "batch_size": 64, "width": 16}},
    "methods": {"sgm": {"sampling_steps": 2}},
    "metrics": {"msle": {}},
    "figures": ["survival"],
}


def test_the_second_run_is_refused_and_the_first_goes_on(fresh):
    fresh.configure(CONFIG)
    target = "results/default/metrics.csv"
    first = fresh.start(target)
    try:
        end = time.monotonic() + 120
        while not (fresh.results / "logs" / "data").exists():  # the first job has begun
            assert first.poll() is None and time.monotonic() < end, "the run has not come that far"
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGSTOP)
        before = fresh.files()
        printed = fresh.snakemake(target, succeeds=False)
        said = [line for line in printed.splitlines() if "another run holds the lock on" in line]
        assert len(said) == 1 and str(fresh.results) in said[0], printed
        assert "Traceback" not in printed and "Finished jobid" not in printed
        assert fresh.files() == before
        fresh.snakemake("--dry-run", target)  # looking is allowed
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(300) == 0, (fresh.run / "started.txt").read_text()
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
    assert (fresh.run / target).is_file()
    assert fresh.pending(target) == set()
    assert "Nothing to be done" in fresh.snakemake(target)  # and the lock is gone
