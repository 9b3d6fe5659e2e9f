"""Jobs that fail, and runs that are killed."""

import json
import os
import re
import signal
import time

import pytest
from safetensors import safe_open

pytestmark = pytest.mark.slow

SMALL = {"batch_size": 64, "width": 16}
DATASETS = {"alpha_stable": {"n_train": 400, "n_test": 400}}


def test_a_diverged_training_fails_alone(fresh):
    fresh.configure(
        {
            "seeds": ["3"],
            "device": "cpu",
            "datasets": DATASETS,
            "models": {
                "sgm": {"steps": 20, "blocks": 1, **SMALL},
                "hot": {"type": "sgm", "steps": 20, "blocks": 1, "learning_rate": 1e6, **SMALL},
            },
            "methods": {"sgm": {"steps": 2}, "hot": {"type": "sgm", "model": "hot", "steps": 2}},
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )
    printed = fresh.snakemake(succeeds=False)
    said = "alpha_stable/hot, seed 3: the validation loss is"
    assert said in printed and "at step 1 of 20" in printed
    log = (fresh.results / "logs" / "train" / "alpha_stable" / "hot" / "3.log").read_text()
    assert said in log and "Traceback" not in log
    assert not (fresh.results / "models" / "alpha_stable" / "hot" / "3" / "spec.json").exists()
    assert not (fresh.results / "samples" / "alpha_stable" / "hot").exists()
    assert (fresh.results / "metrics" / "alpha_stable" / "sgm" / "3.csv").is_file()
    assert not (fresh.results / "metrics.csv").exists()
    end = printed[printed.index("1 of 2 cells have no result:") :]
    assert "alpha_stable, hot, seeds 3: train hot" in end and said in end
    assert "The report is" not in printed


def test_a_killed_run_goes_on_to_the_same_bytes(fresh, tmp_path_factory):
    fresh.configure(
        {
            "seeds": ["0-1"],
            "device": "cpu",
            "datasets": DATASETS,
            "models": {
                "flow": {"steps": 120, "layers": 1, "validate_every": 5, **SMALL},
                "sgm": {"steps": 300, "blocks": 1, "validate_every": 5, **SMALL},
            },
            "methods": {"flow_sgm": {"sigma_T": 1.0, "steps": 4}},
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )
    whole = fresh.copy(tmp_path_factory.mktemp("whole"))
    target = "results/samples/alpha_stable/flow_sgm/0-1.safetensors"
    whole.snakemake(target)

    eager = {"TAILBENCH_CHECKPOINT_SECONDS": "0"}
    states = fresh.results / ".checkpoints" / "alpha_stable" / "flow" / "0-1"
    second = states / "members-1-1-cpu.safetensors"
    started = fresh.start(target, **eager)
    try:
        wait_for(lambda: second.exists() and 20 <= step_of(second) < 120, started)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    assert not list(fresh.results.rglob("flow/0-1/model.safetensors"))

    printed = fresh.snakemake(target, **eager)
    log = (fresh.results / "logs" / "train" / "alpha_stable" / "flow" / "0-1.log").read_text()
    assert int(re.search(r"resuming at step (\d+)", log)[1]) >= 20
    assert "sample: flow_sgm on alpha_stable" in printed
    assert not list((fresh.results / ".checkpoints").rglob("*.safetensors"))
    ended, never_killed = fresh.files(), whole.files()
    samples = [path for path in ended if path.startswith("results/samples")]
    samples = [path for path in samples if path.endswith(".safetensors")]
    assert samples == [target]
    for path in [*samples, *(p for p in ended if p.endswith("model.safetensors"))]:
        assert ended[path][1] == never_killed[path][1], path
    assert fresh.pending(target) == set()


def step_of(state):
    with safe_open(state, framework="np") as file:
        return json.loads(file.metadata()["state"])["step"]


def wait_for(condition, process, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run has ended before it could be killed"
        assert time.monotonic() < end, "the run has not come that far"
        time.sleep(0.005)
