"""Trainings that are asked to stop."""

import os
import signal
import threading

import numpy as np
import pytest

from tailbench.exceptions import Interrupted
from tailbench.models.sgm import SGM
from tailbench.training.checkpoint import Checkpoint
from tailbench.training.preemption import defer_signals, stop_signal

X = np.random.default_rng(0).standard_normal((2, 60, 2))


def fit(checkpoint=None, steps=40):
    model = SGM(
        device="cpu", train_steps=steps, validate_every=15, batch_size=8, width=8, num_blocks=1
    )
    return model.fit(X, checkpoint=checkpoint, verbose=False)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_signal_is_noted_and_forgotten(name):
    before = signal.getsignal(getattr(signal, name))
    with defer_signals():
        assert stop_signal() is None
        os.kill(os.getpid(), getattr(signal, name))
        assert stop_signal() == name
    assert stop_signal() is None and signal.getsignal(getattr(signal, name)) == before


def test_another_thread_cannot_listen_and_goes_on():
    def work():
        with defer_signals():
            done.append(True)

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


@pytest.mark.parametrize("at", [1, 2, 15, 22, 40, 41, 57])
def test_a_training_that_was_stopped_at_any_step_ends_at_the_same_numbers(
    tmp_path, monkeypatch, at
):
    from tailbench.training import trainer

    whole = fit()
    updates, steps = [], trainer.Trainer.steps

    def counted(self):
        for step in steps(self):
            updates.append(step)
            if len(updates) == at:
                os.kill(os.getpid(), signal.SIGUSR1)
            yield step

    monkeypatch.setattr(trainer.Trainer, "steps", counted)
    checkpoint = Checkpoint(tmp_path / "state", "key", 1000.0)
    with (
        pytest.raises(Interrupted, match=r"interrupted by SIGUSR1; checkpoint saved in"),
        defer_signals(),
    ):
        fit(checkpoint)
    assert len(updates) == at  # at once, and not at the next validation
    again = fit(checkpoint)
    assert len(updates) == 80  # of two seeds; none was done twice
    for key, value in whole.module.state_dict().items():
        assert value.equal(again.module.state_dict()[key])
    for ours, theirs in zip(whole.history, again.history, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def test_without_a_place_for_its_state_a_training_goes_on():
    with defer_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        assert fit().history
