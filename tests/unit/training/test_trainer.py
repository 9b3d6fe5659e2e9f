"""The loop: it learns, keeps the best, stops at nonsense, and goes on where it was."""

import math
from itertools import pairwise

import pytest
import torch

from tailbench.exceptions import TrainingDiverged
from tailbench.models.settings import TrainingSettings
from tailbench.training import trainer
from tailbench.training.checkpoint import Checkpoint
from tailbench.training.context import FitContext
from tailbench.training.rows import InMemoryRows
from tailbench.training.schedule import learning_rate
from tailbench.training.splits import seed_groups, split_rows

CPU = torch.device("cpu")
SEEDS = [11, 12, 13]


def train(
    build, loss, x, settings, seeds, device, *, split_seeds=None, ids=None, label="training",
    checkpoint=None, verbose=False,
):  # fmt: skip
    """Train a seed block without a word."""
    context = FitContext(
        seeds, split_seeds or seeds, ids or range(len(seeds)), label, checkpoint, verbose
    )
    return trainer.train(build, loss, x, settings, device, context)


def same(first, second):
    """Equal to the last bit, apart from the time it took."""
    assert first.state.keys() == second.state.keys()
    for name, tensor in first.state.items():
        assert torch.equal(tensor, second.state[name]), name
    for row, other in zip(first.history, second.history, strict=True):
        for key in row.keys() - {"seconds"}:
            assert row[key] == other[key] or (math.isnan(row[key]) and math.isnan(other[key]))


# The learning rate


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_rate_rises_linearly(schedule):
    chosen = TrainingSettings(train_steps=100, warmup=0.1, learning_rate=0.2, schedule=schedule)
    rates = [learning_rate(step, chosen) for step in range(100)]
    assert rates[:10] == pytest.approx([0.02 * (i + 1) for i in range(10)])
    assert rates[10] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(0.2)
    if schedule == "constant":
        assert set(rates[10:]) == {0.2}
    else:
        assert all(a > b for a, b in pairwise(rates[10:]))
        assert rates[55] == pytest.approx(0.1)
        assert 0.0 < rates[-1] < 1e-3 * 0.2


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.0), (1, 0.99), (2, 0.5), (7, 0.99)])
def test_rate_of_short_runs_is_positive(steps, warmup):
    chosen = TrainingSettings(train_steps=steps, warmup=warmup)
    for step in range(steps):
        assert 0.0 < learning_rate(step, chosen) <= chosen.learning_rate * (1.0 + 1e-12)


# The split


def taken(data, fraction, seeds):
    """The training and the validation data."""
    held = TrainingSettings(validation_fraction=fraction).validation_rows(data.shape[1])
    return [InMemoryRows(data).take(order) for order in split_rows(data.shape[1], held, seeds)]


def rows(part):
    return [sorted(map(tuple, own.tolist())) for own in part]


def test_split_is_a_partition(data):
    fitted, held = taken(data, 0.25, SEEDS)
    assert fitted.shape == (3, 150, 2) and held.shape == (3, 50, 2)
    assert rows(torch.cat([fitted, held], dim=1)) == rows(data)
    assert all(len(set(own)) == 200 for own in rows(data))


def test_split_depends_on_the_random_seed_alone(data):
    fitted, held = taken(data, 0.25, SEEDS)
    again, again_held = taken(data[1:2], 0.25, SEEDS[1:2])
    assert torch.equal(fitted[1:2], again) and torch.equal(held[1:2], again_held)
    other = taken(data[1:2], 0.25, [99])[1]
    assert not torch.equal(other, again_held)


def test_smaller_fractions_hold_out_the_first_of_larger_ones(data):
    small, large = taken(data, 0.1, SEEDS)[1], taken(data, 0.4, SEEDS)[1]
    assert torch.equal(large[:, :20], small)


@pytest.mark.parametrize(("fraction", "held"), [(0.0, 0), (0.001, 0), (0.999, 199)])
def test_split_at_the_ends_leaves_a_point_to_train_on(data, fraction, held):
    fitted, rest = taken(data, fraction, SEEDS)
    assert rest.shape[1] == held and fitted.shape[1] == 200 - held


def test_of_many_rows_no_more_are_held_out():
    settings = TrainingSettings(validation_fraction=0.1)
    assert [settings.validation_rows(n) for n in (2, 50_000, 10**6)] == [0, 5000, 10_000]


# The loop


def test_groups():
    assert seed_groups(3, CPU) == [[0], [1], [2]]
    assert seed_groups(3, torch.device("cuda")) == [[0, 1, 2]]


def test_learns_the_means(data, shift, square, settings):
    trained = train(shift, square, data, settings(train_steps=250), SEEDS, CPU)
    for e in range(3):
        fitted = taken(data[e : e + 1], 0.1, SEEDS[e : e + 1])[0]
        torch.testing.assert_close(
            trained.state["value"][e], fitted[0].mean(0, keepdim=True), rtol=0.0, atol=0.3
        )
    assert trained.state["constant"].shape == (3,)
    assert len(trained.seconds) == 3 and min(trained.seconds) > 0.0


def test_history(data, shift, square, settings):
    chosen = settings(train_steps=50, validate_every=20)
    history = train(shift, square, data, chosen, SEEDS, CPU, ids=[4, 5, 6]).history
    assert [(row["seed"], row["step"]) for row in history] == [
        (seed, step) for seed in (4, 5, 6) for step in (1, 20, 40, 50)
    ]
    assert all(set(row) == {"seed", "step", "loss", "val_loss", "lr", "seconds"} for row in history)
    for row in history:
        assert row["lr"] == learning_rate(row["step"] - 1, chosen)
    own = [row for row in history if row["seed"] == 6]
    assert own[-1]["val_loss"] < 0.5 * own[0]["val_loss"]
    assert own[-1]["loss"] < 0.5 * own[0]["loss"]
    assert [row["seconds"] for row in own] == sorted(row["seconds"] for row in own)


def test_trains_on_what_is_not_held_out(data, square, shift, settings):
    fitted, held = taken(data[:1], 0.1, SEEDS[:1])
    seen, judged = set(), set()

    def watching(module, batch, streams):
        (seen if module.training else judged).update(map(tuple, batch[0].tolist()))
        return square(module, batch, streams)

    train(shift, watching, data[:1], settings(), SEEDS[:1], CPU)
    assert seen == set(rows(fitted)[0])
    assert judged == set(rows(held)[0])


def test_split_seeds_choose_what_is_held_out(data, square, shift, settings):
    held = taken(data[:1], 0.1, [77])[1]
    judged = set()

    def watching(module, batch, streams):
        if not module.training:
            judged.update(map(tuple, batch[0].tolist()))
        return square(module, batch, streams)

    chosen = settings(train_steps=1)
    train(shift, watching, data[:1], chosen, [11], CPU, split_seeds=[77])
    assert judged == set(rows(held)[0])


def falling_and_rising(module, batch, streams):
    """Training pushes the value up for ever; validation likes it at 1."""
    if module.training:
        return -module.value.sum((1, 2)) + 0.0 * batch.sum((1, 2))
    return (module.value - 1.0).square().sum((1, 2)) + 0.5


def test_keeps_the_best_of_the_validations(data, shift, settings):
    chosen = settings(train_steps=200, validate_every=5, learning_rate=0.02, schedule="constant")
    trained = train(shift, falling_and_rising, data[:1], chosen, SEEDS[:1], CPU)
    losses = [row["val_loss"] for row in trained.history]
    best = min(losses)
    assert best < losses[0] and best < losses[-1]
    kept = (trained.state["value"] - 1.0).square().sum().item() + 0.5
    assert kept == pytest.approx(best, abs=1e-6)


def test_each_seed_keeps_its_own_best(data, shift, settings):
    """Together in one module, as on a GPU: seeds that are best at different times."""
    goals = torch.tensor([0.5, 1.5])

    def loss(module, batch, streams):
        if module.training:
            return -module.value.sum((1, 2))
        return (module.value - goals.view(2, 1, 1)).square().sum((1, 2))

    chosen = settings(train_steps=200, validate_every=5, learning_rate=0.02, schedule="constant")
    trained = together(shift, loss, data[:2], chosen, SEEDS[:2])
    torch.testing.assert_close(trained.state["value"].mean((1, 2)), goals, rtol=0.0, atol=0.06)


def test_validation_is_on_the_average(data, shift, settings):
    """The value after k steps of rate 1 is near k; its moving average lags behind."""
    values = []

    def loss(module, batch, streams):
        if not module.training:
            values.append(module.value.detach().clone())
        return -module.value.sum((1, 2))

    chosen = settings(
        train_steps=40, validate_every=40, learning_rate=1.0, schedule="constant", warmup=0
    )
    train(shift, loss, data[:1], chosen, SEEDS[:1], CPU)
    assert 0.0 < values[0].max().item() < 1.0
    assert 30.0 < values[-1].min().item() < 38.0
    chosen = chosen.model_copy(update={"ema": 0.0})
    train(shift, loss, data[:1], chosen, SEEDS[:1], CPU)
    assert values[-1].min().item() == pytest.approx(40.0, abs=0.1)


def test_weight_decay(data, shift, settings):
    """One step of rate 0.5 and decay 0.1, without a gradient, leaves 1 - 0.05."""

    def build(positions):
        made = shift(positions)
        torch.nn.init.ones_(made.value)
        return made

    chosen = settings(train_steps=1, weight_decay=0.1, ema=0.0, warmup=0.0, schedule="constant")
    trained = train(build, lambda m, *_: 0.0 * m.value.sum((1, 2)), data[:1], chosen, [1], CPU)
    torch.testing.assert_close(trained.state["value"], torch.full((1, 1, 2), 0.95))


def test_without_validation_data_the_last_counts(data, shift, settings):
    chosen = settings(train_steps=30, validation_fraction=0.0, learning_rate=0.1)
    trained = train(shift, falling_and_rising, data[:1], chosen, SEEDS[:1], CPU)
    assert all(math.isnan(row["val_loss"]) for row in trained.history)
    longer = train(
        shift,
        falling_and_rising,
        data[:1],
        chosen.model_copy(update={"train_steps": 60}),
        SEEDS[:1],
        CPU,
    )
    assert longer.state["value"].min() > trained.state["value"].max() > 0.5


def test_a_batch_larger_than_the_data(data, shift, square, settings):
    sizes = set()

    def watching(module, batch, streams):
        sizes.add(batch.shape[1])
        return square(module, batch, streams)

    chosen = settings(train_steps=3, batch_size=10_000, validation_fraction=0.25)
    train(shift, watching, data[:1], chosen, SEEDS[:1], CPU)
    assert sizes == {150, 50}


# Divergence


def spoiled(square, value, step, position=1, validation=False):
    """The squared loss, but ``value`` from a step on for one of the seeds."""

    def loss(module, batch, streams):
        losses = square(module, batch, streams)
        bad = module.positions[0] == position and module.calls >= step
        return losses + value if bad and module.training is not validation else losses

    return loss


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e9])
def test_divergence_names_label_seed_and_step(data, shift, square, settings, value):
    loss = spoiled(square, value, step=61)
    with pytest.raises(TrainingDiverged) as caught:
        train(
            shift,
            loss,
            data,
            settings(),
            SEEDS,
            CPU,
            label="toy/shift",
            ids=[4, 5, 6],
        )
    message = str(caught.value)
    assert message.startswith("toy/shift, seed 5: the ")
    assert "of 120" in message and "learning_rate" in message and "\n" not in message
    assert 61 <= int(message.split("at step ")[1].split()[0]) <= 100


def test_divergence_at_the_first_step(data, shift, square, settings):
    with pytest.raises(TrainingDiverged, match="seed 1: the loss is nan at step 1 of 120"):
        train(shift, spoiled(square, math.nan, 1), data, settings(), SEEDS, CPU)


def test_divergence_at_the_last_step(data, shift, square, settings):
    loss = spoiled(square, math.nan, 119)
    chosen = settings(validate_every=1000, validation_fraction=0.0)
    with pytest.raises(TrainingDiverged, match="the loss is nan at step 120 of 120"):
        train(shift, loss, data, chosen, SEEDS, CPU)


def test_divergence_of_the_validation(data, shift, square, settings):
    loss = spoiled(square, math.inf, 30, validation=True)
    with pytest.raises(TrainingDiverged, match="seed 1: the validation loss is inf at step 40"):
        train(shift, loss, data, settings(), SEEDS, CPU)


def test_a_seed_beside_one_that_diverges_is_named_rightly(data, shift, square, settings):
    def loss(module, batch, streams):
        bad = torch.tensor([0.0, math.nan, 0.0])
        return square(module, batch, streams) + (bad if module.calls > 10 else 0.0)

    with pytest.raises(TrainingDiverged, match="seed 8: "):
        together(shift, loss, data, settings(), SEEDS, ids=[7, 8, 9])


def test_a_loss_below_zero_is_no_divergence(data, shift, square, settings):
    """Flows have losses of either sign, which may pass zero."""

    def loss(module, batch, streams):
        return square(module, batch, streams) - 5.0

    assert train(shift, loss, data, settings(), SEEDS, CPU).history[-1]["loss"] < 0


# Seeds together, as on a GPU


def together(build, loss, x, settings, seeds, ids=None, checkpoint=None):
    """Train all seeds in one module, on the CPU."""
    everyone = list(range(len(seeds)))
    ids = everyone if ids is None else ids
    rows = InMemoryRows(x)
    context = FitContext(seeds, seeds, ids, "test", checkpoint, verbose=False)
    return trainer.Trainer(build(everyone), loss, rows, settings, CPU, context).run()


@pytest.mark.parametrize("clip_norm", [0.05, 1e6])
def test_together_is_each_alone(data, shift, square, settings, clip_norm):
    """The clipping is per seed too: the gradients here differ by their means, 0 to 20."""
    chosen = settings(train_steps=40, clip_norm=clip_norm, weight_decay=0.01)
    joint = together(shift, square, data, chosen, SEEDS)
    apart = train(shift, square, data, chosen, SEEDS, CPU)
    torch.testing.assert_close(joint.state["value"], apart.state["value"], rtol=1e-5, atol=1e-5)
    joined = sorted(joint.history, key=lambda row: (row["seed"], row["step"]))
    for row, other in zip(joined, apart.history, strict=True):
        for key in ("seed", "step", "loss", "val_loss", "lr"):
            assert row[key] == pytest.approx(other[key], rel=1e-4)


@pytest.mark.parametrize("norm", [0.5, 3.0, 1e6])
def test_clipping_is_torchs_for_each_seed(norm):
    generator = torch.Generator().manual_seed(0)
    gradient = torch.randn(3, 20, generator=generator) * torch.tensor([[0.1], [1.0], [50.0]])
    clipped = trainer.clip(gradient, norm)
    for e in range(3):
        alone = torch.nn.Parameter(torch.zeros(20))
        alone.grad = gradient[e].clone()
        torch.nn.utils.clip_grad_norm_([alone], norm)
        torch.testing.assert_close(clipped[e], alone.grad)


@pytest.mark.parametrize(("epochs", "rows", "steps"), [(20, 20_000, 400), (20, 32_000, 640)])
def test_epochs_are_steps_that_cover_the_data(epochs, rows, steps):
    chosen = TrainingSettings(epochs=epochs, batch_size=1024)
    assert chosen.on(rows).train_steps == steps
    assert TrainingSettings(train_steps=7).on(rows).train_steps == 7


def test_epochs_count_the_training_data_alone(data, shift, square, settings):
    chosen = settings(epochs=3, batch_size=4, validation_fraction=0.5)
    rows = data.shape[1] - round(0.5 * data.shape[1])
    trained = train(shift, square, data, chosen, SEEDS, CPU)
    assert trained.history[-1]["step"] == 3 * -(-rows // 4)


def test_a_seed_does_not_depend_on_its_block(data, shift, square, settings):
    block = train(shift, square, data, settings(), SEEDS, CPU)
    for e in range(3):
        own = slice(e, e + 1)
        alone = train(shift, square, data[own], settings(), SEEDS[own], CPU, ids=[e])
        assert torch.equal(block.state["value"][own], alone.state["value"])
        history = [row for row in block.history if row["seed"] == e]
        for row, other in zip(history, alone.history, strict=True):
            assert {**row, "seconds": 0} == {**other, "seconds": 0}


# Going on


class Killed(Exception):
    """The run is killed."""


def killed_at(square, position, step):
    def loss(module, batch, streams):
        if module.positions[0] == position and module.calls == step and module.training:
            raise Killed
        return square(module, batch, streams)

    return loss


@pytest.mark.parametrize(("position", "step"), [(0, 5), (0, 61), (1, 30), (2, 119)])
def test_resumed_is_uninterrupted(tmp_path, data, shift, square, settings, position, step):
    checkpoint = Checkpoint(tmp_path / "state", "key", seconds=0.0)
    with pytest.raises(Killed):
        train(
            shift, killed_at(square, position, step), data, settings(), SEEDS, CPU,
            checkpoint=checkpoint,
        )  # fmt: skip
    made = []

    def build(positions):
        made.append(shift(positions))
        return made[-1]

    again = Checkpoint(tmp_path / "state", "key", seconds=0.0)
    resumed = train(build, square, data, settings(), SEEDS, CPU, checkpoint=again)
    same(resumed, train(shift, square, data, settings(), SEEDS, CPU))
    saved = step // 20 * 20 if step >= 20 else (1 if step else 0)
    expected = [0] * position + [120 - saved] + [120] * (2 - position)
    assert [module.calls for module in made] == expected


def test_resumed_twice(tmp_path, data, shift, square, settings):
    for step in (45, 30):  # the second is killed at its 30th step, the 70th of the run
        with pytest.raises(Killed):
            train(
                shift, killed_at(square, 0, step), data[:1], settings(), SEEDS[:1], CPU,
                checkpoint=Checkpoint(tmp_path, "key", 0.0),
            )  # fmt: skip
    resumed = train(
        shift, square, data[:1], settings(), SEEDS[:1], CPU,
        checkpoint=Checkpoint(tmp_path, "key", 0.0),
    )  # fmt: skip
    same(resumed, train(shift, square, data[:1], settings(), SEEDS[:1], CPU))


@pytest.mark.parametrize("resumed", [False, True])
def test_resumed_it_still_knows_what_is_an_explosion(
    tmp_path, data, shift, square, settings, resumed
):
    """The bound is a multiple of the first loss, not of the first after the interruption."""

    def loss(module, batch, streams):
        if not module.training:
            return module.value.sum((1, 2)) * 0.0
        module.calls += 1
        factor = 2.5e4 if late or module.calls > 60 else 1.0
        return factor * (1.0 + module.value.sum((1, 2)) * 0.0) * 2.0

    late, checkpoint = False, Checkpoint(tmp_path, "key", 0.0)
    if resumed:

        def killed(module, batch, streams):
            if module.calls == 60:
                raise Killed
            return loss(module, batch, streams)

        with pytest.raises(Killed):
            train(
                shift, killed, data[:1], settings(), SEEDS[:1], CPU,
                checkpoint=checkpoint,
            )  # fmt: skip
        late = True
    with pytest.raises(TrainingDiverged, match="the loss is 50000 at step"):
        train(
            shift, loss, data[:1], settings(validate_every=20), SEEDS[:1], CPU,
            checkpoint=checkpoint,
        )  # fmt: skip


def test_resumed_together(tmp_path, data, shift, square, settings):
    with pytest.raises(Killed):
        together(
            shift, killed_at(square, 0, 50), data, settings(), SEEDS,
            checkpoint=Checkpoint(tmp_path, "key", 0.0),
        )  # fmt: skip
    resumed = together(
        shift, square, data, settings(), SEEDS, checkpoint=Checkpoint(tmp_path, "key", 0.0)
    )
    same(resumed, together(shift, square, data, settings(), SEEDS))


def interrupted(tmp_path, data, shift, square, settings):
    with pytest.raises(Killed):
        train(
            shift, killed_at(square, 0, 90), data[:1], settings(), SEEDS[:1], CPU,
            checkpoint=Checkpoint(tmp_path, "key", 0.0),
        )  # fmt: skip
    (path,) = tmp_path.iterdir()
    return path


def steps_done_from(tmp_path, key, data, shift, square, settings, device=CPU):
    made = []

    def build(positions):
        made.append(shift(positions))
        return made[-1]

    resumed = train(
        build, square, data[:1], settings(), SEEDS[:1], device,
        checkpoint=Checkpoint(tmp_path, key, 0.0),
    )  # fmt: skip
    same(resumed, train(shift, square, data[:1], settings(), SEEDS[:1], CPU))
    return made[0].calls


def test_a_state_of_another_key_is_not_used(tmp_path, data, shift, square, settings):
    interrupted(tmp_path, data, shift, square, settings)
    assert steps_done_from(tmp_path, "other", data, shift, square, settings) == 120


def test_a_truncated_state_is_not_used(tmp_path, data, shift, square, settings):
    path = interrupted(tmp_path, data, shift, square, settings)
    path.write_bytes(path.read_bytes()[:-100])
    assert steps_done_from(tmp_path, "key", data, shift, square, settings) == 120


def test_a_whole_state_is_used(tmp_path, data, shift, square, settings):
    interrupted(tmp_path, data, shift, square, settings)
    assert steps_done_from(tmp_path, "key", data, shift, square, settings) == 40


def test_a_state_does_not_move_to_another_device(tmp_path, data, shift, square, settings):
    """The states of the generators of a CPU and of a GPU are not of one kind."""
    path = interrupted(tmp_path, data, shift, square, settings)
    assert path.stem.endswith("-cpu")


def test_states_are_written_when_due(tmp_path, data, shift, square, settings):
    """Between validations, and never more often than told; at the end always."""
    saves = []

    class Watching(Checkpoint):
        def save(self, part, tensors, state):
            saves.append((state["step"], state["done"]))
            super().save(part, tensors, state)

    for seconds, expected in [
        (1e6, [(120, True)]),
        (0.0, [(s, False) for s in (1, 20, 40, 60, 80, 100, 120)] + [(120, True)]),
    ]:
        saves.clear()
        train(
            shift, square, data[:1], settings(), SEEDS[:1], CPU,
            checkpoint=Watching(tmp_path / str(seconds), "key", seconds),
        )  # fmt: skip
        assert saves == expected


def test_going_on_is_said(tmp_path, data, shift, square, settings, capsys):
    interrupted(tmp_path, data, shift, square, settings)
    train(
        shift, square, data[:1], settings(), SEEDS[:1], CPU, label="toy",
        checkpoint=Checkpoint(tmp_path, "key", 0.0), verbose=True,
    )  # fmt: skip
    out, err = capsys.readouterr()
    assert out == "toy: resuming at step 80\n"
    assert "toy, seed 0: 120/120" in err
