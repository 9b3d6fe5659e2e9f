"""Trainings on Slurm to which everything happens that can happen, and that end as if it had not.

One run trains one model for each fault. A training is frozen once it has written a state, so that
it is hit in the middle, however fast or slow the machine is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from safetensors import safe_open
from simulated import NODES, Slurm, processes, wait_for

from conftest import OnSlurm, on_slurm

pytestmark = pytest.mark.slow

FAULTS = [
    *("cancelled", "killed", "out_of_time", "out_of_memory", "preempted", "warned"),
    *("restarted", "node_down", "orphaned", "ended"),
]
SETTINGS = {
    "train_steps": 1500,
    "batch_size": 64,
    "width": 16,
    "num_blocks": 1,
    "validate_every": 50,
}
MODEL = "results/default/models/alpha_stable/{}/0/model.safetensors"
APPEND = "--open-mode=append"  # as in the profile, whose value the test takes the place of
HELD_BACK = 240  # seconds that anything may take
MESSAGE = 12  # seconds after which Slurm's messages have arrived, or never do (MessageTimeout=10)
TERM = 1 << (signal.SIGTERM - 1)  # in a set of signals


def configure(workspace, models):
    workspace.configure(
        {
            "seeds": ["0"],
            "device": "cpu",
            "datasets": {"alpha_stable": {"n_train": 400, "n_test": 400}},
            "models": {model: {"type": "sgm", **SETTINGS} for model in models},
            "methods": {
                model: {"type": "sgm", "model": model, "sampling_steps": 2} for model in models
            },
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )


@dataclass
class Run:
    """A run of Snakemake that sends trainings to Slurm, and what becomes of them."""

    slurm: Slurm
    place: OnSlurm
    stopped_at: dict[str, int] = field(default_factory=dict)
    snakemake: subprocess.Popen[str] | None = None

    def start(self, *models: str) -> subprocess.Popen[str]:
        """Start Snakemake, which trains models."""
        targets = [MODEL.format(model) for model in models]
        self.snakemake = self.place.start(*targets, TAILBENCH_CHECKPOINT_SECONDS="0.2")
        return self.snakemake

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something has happened, as long as Snakemake and Slurm run."""

        def met() -> object:
            self.slurm.check()
            done = condition()
            if not done and self.snakemake is not None and self.snakemake.poll() is not None:
                raise RuntimeError(f"{what}: Snakemake has ended before")
            return done

        wait_for(met, HELD_BACK, what)

    def pids(self, model: str) -> list[int]:
        """List the processes that train a model."""
        return [
            pid
            for pid, _, line in processes()
            if "tailbench job train " in line
            and f" --model {model} " in line
            and "bash -c" not in line
            and "snakemake" not in line
            and _folder_of(pid) == self.place.run
        ]

    def states(self, model: str) -> list[Path]:
        """List the states that a training has written, but not one that it is writing."""
        folder = self.place.results / ".checkpoints" / "alpha_stable" / model / "0"
        return [path for path in folder.glob("*.safetensors") if not path.name.startswith(".")]

    def log(self, model: str) -> str:
        """Give the log of the present attempt."""
        path = self.place.results / "logs" / "train" / "alpha_stable" / model / "0.log"
        return path.read_text() if path.exists() else ""

    def earlier_logs(self, model: str) -> list[str]:
        """Give the logs of attempts that failed."""
        folder = self.place.results / "logs" / "train" / "alpha_stable" / model / "0.attempts"
        return [path.read_text() for path in sorted(folder.glob("*.log"))]

    def said(self, model: str) -> str:
        """Give what Slurm and Snakemake said in the jobs of a model."""
        folder = self.place.run / ".snakemake" / "slurm_logs" / "rule_train"
        paths = sorted(folder.glob(f"alpha_stable_{model}_0/*.log"))
        return "\n".join(path.read_text() for path in paths)

    def ends(self, model: str) -> str:
        """Give the states in which the attempts of a model ended, as the accounting knows them."""
        jobs = ",".join(self.jobs_of(model))
        return self.slurm.command(f"sacct -n -X -P --duplicates -j {jobs} -o State")

    def jobs_of(self, model: str) -> list[str]:
        """List the jobs that a model had on Slurm, the first one first."""
        folder = self.place.run / ".snakemake" / "slurm_logs" / "rule_train"
        found = folder.glob(f"alpha_stable_{model}_0/*.log")
        return sorted((path.stem for path in found), key=int)

    def freeze(self, model: str) -> int:
        """Stop a training in the middle, after its first state, without its noticing."""
        self.wait(lambda: self.states(model) and self.pids(model), f"{model} trains")
        (pid,) = self.pids(model)
        os.kill(pid, signal.SIGSTOP)
        self.stopped_at[model] = _step(self.states(model)[0])
        return pid

    def freeze_all(self, models: list[str]) -> dict[str, int]:
        """Freeze each training as soon as it can be."""
        found: dict[str, int] = {}

        def all_are() -> bool:
            for model in models:
                if model not in found and self.states(model) and self.pids(model):
                    found[model] = self.freeze(model)
            return len(found) == len(models)

        self.wait(all_are, "all train")
        return found

    def thaw(self, model: str) -> None:
        """Let a frozen training go on."""
        for pid in self.pids(model):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def told(self, model: str) -> bool:
        """Whether a signal waits for a frozen training, or it is frozen no more."""
        return all(not _frozen(pid) or _pending(pid) & TERM for pid in self.pids(model))

    def kill(self, model: str) -> None:
        """End what still trains a model."""
        for pid in self.pids(model):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def hurry(self, model: str, *changes: str) -> None:
        """Let Slurm start a job at once that it holds back for two minutes."""
        (job, *_) = self.jobs_of(model)

        def held() -> bool:
            return self.slurm.show(job).get("JobState") == "PENDING"

        self.wait(held, f"{model} is to be started again")
        changed = " ".join(["StartTime=now", *changes])
        self.slurm.command(f"scontrol update jobid={job} {changed}")

    def finished(self, model: str) -> bool:
        return (self.place.run / MODEL.format(model)).exists() and not self.pids(model)


def _status(pid: int, key: str) -> str:
    """Give a line of what the kernel says of a process; nothing if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return line.split()[1]
    return ""


def _frozen(pid: int) -> bool:
    return _status(pid, "State") == "T"


def _pending(pid: int) -> int:
    return int(_status(pid, "ShdPnd") or "0", 16)


def _folder_of(pid: int) -> Path | None:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink()
    return None


def _step(state: Path) -> int:
    with safe_open(state, framework="np") as file:
        return json.loads(file.metadata()["state"])["step"]


def _end(process, seconds=HELD_BACK):
    """Wait for the end of Snakemake, and take it with us if it does not come."""
    try:
        return process.wait(timeout=seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def undisturbed(checkout, tmp_path_factory):
    """Give what a training makes where nothing happens to it, on this machine without Slurm.

    The run goes on beside the one on Slurm, whose trainings are frozen for most of the time.
    """
    place = checkout.copy(tmp_path_factory.mktemp("undisturbed"))
    models = [*FAULTS, "abandoned"]
    configure(place, models)
    process = place.start(*(MODEL.format(model) for model in models))

    def made(model):
        assert _end(process) == 0, (place.run / "started.txt").read_text()
        return (place.run / MODEL.format(model)).read_bytes()

    yield made
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def disturbed(slurm, checkout, undisturbed, tmp_path_factory):
    """A run to which everything happens."""
    place = on_slurm(
        checkout.copy(tmp_path_factory.mktemp("disturbed")),
        "--set-resources",
        # a minute, which is the least; a memory that is too small; and a partition of others
        "train:runtime=attempt if wildcards.model == 'out_of_time' else 60",
        "train:mem_mb=350 * attempt if wildcards.model == 'out_of_memory' else 1000",
        "train:slurm_partition='low' if wildcards.model == 'preempted' else 'cpu'",
        f"train:slurm_extra='{APPEND} --nodelist='"
        " + ('n2' if wildcards.model == 'node_down' else 'n1')",
        "train:gpu=1 if wildcards.model == 'preempted' else 0",
    )
    configure(place, FAULTS)
    run = Run(slurm, place)
    process = run.start(*FAULTS)
    try:
        disturb(run)
        assert _end(process) == 0, place.printed()
    except BaseException:
        print(place.printed())
        raise
    finally:
        process.kill()
        process.wait()
        for model in FAULTS:
            run.kill(model)
        for node in set(NODES) - set(slurm.daemons):
            slurm.start_node(node)
    return run


def disturb(run: Run) -> None:
    """Let everything happen."""
    slurm = run.slurm
    pids = run.freeze_all([model for model in FAULTS if model != "out_of_memory"])
    job = {model: run.jobs_of(model)[0] for model in FAULTS}
    node = {model: slurm.show(job[model])["NodeList"] for model in FAULTS}

    # The controller goes away for a while, and no job notices.
    slurm.kill("slurmctld", signal.SIGTERM)
    run.thaw("restarted")
    time.sleep(3.0)
    slurm.start_controller()

    # A training ends, and its job before it could tell.
    (parent,) = (parent for pid, parent, _ in processes() if pid == pids["ended"])
    os.kill(parent, signal.SIGSTOP)
    run.thaw("ended")
    run.wait(partial(run.finished, "ended"), "the training ends")
    slurm.command(f"scancel {job['ended']}")

    slurm.command(f"scancel {job['cancelled']}")
    os.kill(pids["killed"], signal.SIGKILL)
    slurm.command(f"scancel --signal=TERM {job['warned']}")
    slurm.command(
        f"sbatch -p gpu -w {node['preempted']} --gres=gpu:2 --mem=100 -t 1 -o /dev/null --wrap true"
    )
    for model in ("warned", "preempted"):
        run.wait(partial(run.told, model), f"{model} is told to end")
        run.thaw(model)
    for model in ("warned", "preempted"):
        run.hurry(model)
    run.wait(
        lambda: all(map(run.finished, ("cancelled", "killed", "warned", "preempted"))),
        "the first four go on",
    )
    run.wait(lambda: run.finished("out_of_memory"), "out_of_memory goes on")
    run.wait(lambda: len(run.jobs_of("out_of_time")) > 1, "out_of_time is out of time")
    run.wait(partial(run.finished, "out_of_time"), "out_of_time goes on")

    # A node that dies takes its jobs along. One that only loses touch does not, and its job is
    # started again on another beside the one that goes on.
    assert (node["orphaned"], node["node_down"]) == NODES
    slurm.kill(node["orphaned"])
    slurm.break_node(node["node_down"])
    run.wait(lambda: set(slurm.states().values()) == {"down*"}, "both nodes are missed")
    slurm.start_node(node["node_down"])
    # The order to end its job is still on its way to the node. Were the job there already again,
    # it would be the one that ends, in the books of the controller, which then crashes (22.05).
    time.sleep(MESSAGE)
    run.hurry("node_down")
    run.hurry("orphaned", f"ReqNodeList={node['node_down']}")
    run.wait(lambda: "waiting for" in run.log("orphaned"), "the second one waits")
    run.thaw("orphaned")


HAPPENED = {  # what is said of the model's failure, and what the next attempt was
    "cancelled": ("a training is cancelled (scancel)", "CANCELLED AT", "job"),
    "killed": ("a training is killed (SIGKILL)", "Error in rule train", "job"),
    "out_of_time": ("a job runs out of time", "DUE TO TIME LIMIT", "job"),
    "out_of_memory": ("a job needs more memory than it asked for", "memory", "job"),
    "preempted": ("a job is preempted, with SIGTERM ahead", "interrupted by SIGTERM", "requeue"),
    "warned": ("a job is told to end (SIGTERM)", "interrupted by SIGTERM", "requeue"),
    "restarted": ("the controller goes away and comes back", None, None),
    "node_down": ("a node goes down", "NODE_FAIL", "requeue"),
    "orphaned": ("a job is started again beside itself", "NODE_FAIL", "requeue"),
    "ended": ("a job is cancelled after its training", "CANCELLED AT", "job"),
}
NO_STATE = ("out_of_memory", "restarted", "orphaned", "ended")  # from which they went on


@pytest.mark.parametrize(
    "model",
    [pytest.param(model, marks=pytest.mark.fault(HAPPENED[model][0])) for model in FAULTS],
)
def test_the_result_is_that_of_an_undisturbed_run(model, disturbed, undisturbed):
    _, reason, again = HAPPENED[model]
    assert (disturbed.place.run / MODEL.format(model)).read_bytes() == undisturbed(model)
    jobs = disturbed.jobs_of(model)
    restarts = int(disturbed.slurm.show(jobs[0])["Restarts"])
    if model == "node_down":
        # Snakemake may see the failure before Slurm starts the job again, and submit another one:
        # then there are both, and the lock lets one at a time train.
        assert (len(jobs), restarts) in {(1, 1), (2, 0), (2, 1)}
        again = "requeue" if len(jobs) == 1 else "job"
    else:
        assert len(jobs) == (2 if again == "job" else 1)
        assert restarts == (1 if again == "requeue" else 0)
    if reason is not None:
        texts = [disturbed.said(model), *disturbed.earlier_logs(model), disturbed.ends(model)]
        assert reason in "\n".join(texts)
    if again == "requeue" and model != "orphaned":  # which waits, and says so in its log
        assert disturbed.said(model).count("Reason: Forced execution") >= 3


@pytest.mark.parametrize("model", [model for model in FAULTS if model not in NO_STATE])
def test_the_next_attempt_goes_on_from_the_last_state_and_the_log_before_is_kept(model, disturbed):
    (begun,) = re.findall(r"resuming at step (\d+)", disturbed.log(model))
    assert int(begun) >= disturbed.stopped_at[model] > 0
    (earlier,) = disturbed.earlier_logs(model)
    assert "resuming at step" not in earlier
    if model in ("cancelled", "out_of_time", "preempted", "warned"):
        assert f"{begun}" and "interrupted by SIGTERM; checkpoint saved in" in earlier


@pytest.mark.parametrize("key", ["TimeLimit", "MinMemoryNode"])
def test_what_was_too_little_is_more_at_the_next_attempt(key, disturbed):
    model = {"TimeLimit": "out_of_time", "MinMemoryNode": "out_of_memory"}[key]
    first, second = (disturbed.slurm.show(job)[key] for job in disturbed.jobs_of(model))
    expected = {"TimeLimit": ("00:01:00", "00:02:00"), "MinMemoryNode": ("350M", "700M")}
    assert (first, second) == expected[key]


def test_of_two_at_one_training_the_second_waits_and_leaves(disturbed):
    log = disturbed.log("orphaned")
    assert re.search(r"alpha_stable/orphaned: waiting for process \d+ on .* \(job \d+\)", log)
    assert "lock acquired, continuing" in log
    assert "step" not in log  # it has trained nothing


def test_a_model_whose_job_was_lost_after_it_is_put_back(disturbed):
    log = disturbed.log("ended")
    assert "restored the model of an earlier job that finished training and then failed" in log
    assert "step" not in log


def test_no_state_is_left_of_trainings_that_have_ended(disturbed):
    assert not list((disturbed.place.results / ".checkpoints").rglob("*.safetensors"))


@pytest.mark.fault("Snakemake is killed (SIGKILL) and started again")
def test_a_training_whose_snakemake_was_killed_is_not_done_twice(
    slurm, checkout, undisturbed, tmp_path
):
    place = on_slurm(checkout.copy(tmp_path))
    configure(place, ["abandoned"])
    run, target = Run(slurm, place), MODEL.format("abandoned")
    first = run.start("abandoned")
    try:
        pid = run.freeze("abandoned")
    finally:
        first.kill()
        first.wait()
    second = run.start("abandoned")
    try:
        run.wait(lambda: "waiting for" in run.log("abandoned"), "the second one waits")
        os.kill(pid, signal.SIGCONT)
        assert _end(second) == 0, place.printed()
    finally:
        run.kill("abandoned")
    assert len(run.jobs_of("abandoned")) == 2
    assert (place.run / target).read_bytes() == undisturbed("abandoned")
    assert "lock acquired, continuing" in run.log("abandoned")
    assert "step" not in run.log("abandoned")
