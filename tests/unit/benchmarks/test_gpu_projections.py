"""The list of hours: operations and kernels counted, work of a configuration, arithmetic."""

import pytest
import torch
from benchmarks.gpu import measure
from benchmarks.gpu.cards import CARDS, KERNEL_SECONDS, PUBLISHED_TFLOPS, SHARE, card_seconds
from benchmarks.gpu.counting import counting
from benchmarks.gpu.estimates import estimated
from benchmarks.gpu.parts import PARTS, TITLES
from benchmarks.gpu.parts.projections import THEORY, TODO
from benchmarks.gpu.records import Records
from benchmarks.gpu.sample_size import cost_of_cell, seconds_of_cells
from benchmarks.gpu.summary import PROJECTION, write_readme
from benchmarks.gpu.work import Network, Work, work_of

from tailbench import registry
from tailbench.data import DataShape
from tailbench.theory.sample_size.experiment import SampleSizeSettings

CONFIG = {
    "seeds": ["0-1", "4"],
    "datasets": {
        "a": {"type": "student_mixture", "dim": 3, "n_train": 900, "n_test": 400},
        "b": {"type": "gmm", "dim": 3, "n_train": 900, "n_test": 50, "methods": ["heun", "mvt"]},
    },
    "models": {
        "sgm": {"train_steps": 70, "batch_size": 32},
        "flow": {"train_steps": 20},
        "mvt": {},
    },
    "methods": {
        "heun": {"type": "sgm", "sampler": "heun", "sampling_steps": [4, 8]},
        "flow_sgm": {"sampler": "dpmpp_2m", "sampling_steps": 5, "sigma_T": [1.0, 2.0]},
        "mvt": {},
    },
    "metrics": {"msle": {}},
}


def test_operations_and_kernels_are_counted():
    x, w = torch.randn(7, 5), torch.randn(5, 3)
    with counting() as counts:
        y = (x @ w).t().contiguous()[1:] + 1  # a product, a copy, a sum; two views
    assert counts.operations == 2 * 7 * 5 * 3 and counts.kernels == 3 and y.shape == (2, 7)
    images, kernel = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    with counting() as counts:
        torch.conv2d(images, kernel, padding=1)
    assert counts.operations == 2 * 2 * 64 * 4 * 3 * 9
    query = torch.randn(1, 2, 16, 4)
    with counting() as counts:
        torch.nn.functional.scaled_dot_product_attention(query, query, query)
    assert counts.operations == 2 * 2 * (2 * 16 * 16 * 4)


def test_the_work_of_a_configuration():
    sgm, flow = work_of(CONFIG)
    assert (sgm.network.type, flow.network.type) == ("sgm", "flow")
    assert sorted(sgm.trained) == [(70, 1), (70, 1), (70, 2), (70, 2)]  # two data sets, two blocks
    assert sorted(flow.trained) == [(20, 1), (20, 2)]
    assert sgm.steps == 70 * 6
    # Heun: two evaluations for each of 4 + 8 steps; from the flow, 5 steps at two levels
    assert sorted(sgm.drawn) == sorted(
        [(24.0, rows, seeds) for rows in (400, 50) for seeds in (1, 2)]
        + [(10.0, 400, seeds) for seeds in (1, 2)]
    )
    assert sorted(flow.drawn) == [(2.0, 400, 1), (2.0, 400, 2)]


def test_seconds_of_work():
    network = work_of(CONFIG)[0].network
    work = Work(network, [(100, 2), (10, 5)], [(4.0, 5000, 2)])
    cost = {
        "step_seconds": 0.5, "evaluation_ms": 2.0, "step_operations": 1e6,
        "evaluation_operations": 1e3, "step_kernels": 50, "evaluation_kernels": 7,
    }  # fmt: skip
    assert work.cpu_seconds(cost) == pytest.approx(250 * 0.5 + 40_000 * 2e-3)
    assert work.operations(cost) == pytest.approx(250e6 + 40_000e3)
    assert work.kernels(cost) == pytest.approx(110 * 50 + 4 * 2 * 7)  # 5,000 rows in two parts
    rate = SHARE * PUBLISHED_TFLOPS["A100"]["full float32"] * 1e12
    assert network.arithmetic == "full float32"
    assert card_seconds("A100", "full float32", 10 * rate, 1.0) == pytest.approx(10.0)
    assert card_seconds("A100", "full float32", 1.0, 10 / KERNEL_SECONDS) == pytest.approx(10.0)


def test_networks_of_the_same_cost_are_one():
    settings = registry.load("models", "dlpm").Settings

    def key(side=None, **changed):
        values = settings(**changed).model_dump(mode="json")
        return Network("dlpm", "dlpm", values, DataShape(10, 2), None).key

    assert key(alpha=1.7) == key(alpha=1.9, train_steps=7, learning_rate=0.1)
    assert len({key(), key(batch_size=7), key(width=9), key(median_of_means=5)}) == 4


def test_a_line_through_two_batches():
    assert measure.along([2, 6], [1.0, 3.0], 100) == pytest.approx(50.0)
    assert measure.along([2, 6], [1.0, 3.0], 6) == 3.0
    assert measure.along([2, 6], [3.0, 1.0], 100) == 1.0  # noise: no batch costs less than a part
    assert measure.along([64], [2.0], 64) == 2.0


def test_a_perceptron_costs_what_its_layers_do():
    """The operations of a step, within what embeddings of the noise and the optimiser add."""
    given = {"width": 256, "num_blocks": 2, "batch_size": 512, "optimizer": "adamw"}
    settings = registry.load("models", "dlpm").Settings(**given)
    network = Network("m", "dlpm", settings.model_dump(mode="json"), DataShape(1000, 4), None)
    cost = measure.cost_here(network)
    hidden = 3 * 2 * 512 * (2 * 2 * 256**2)  # forward, and backward to inputs and to weights
    assert hidden < cost["step_operations"] < 1.5 * hidden
    assert 0.5 < cost["model_operations"] / cost["step_operations"] < 2
    assert 0 < cost["evaluation_operations"] * 3 * 512 < 1.2 * cost["step_operations"]
    assert cost["measured"] == [512] and cost["step_seconds"] == cost["measured_seconds"][0] > 0
    assert cost["step_kernels"] > 100 and cost["evaluation_kernels"] > 10


def test_a_network_that_was_not_measured_is_estimated_from_others():
    settings = registry.load("models", "dlpm").Settings

    def network(**changed):
        values = settings(**changed).model_dump(mode="json")
        return Network("m", "dlpm", values, DataShape(1000, 4), None)

    small, large, medians = network(width=64), network(width=192), network(median_of_means=5)
    modelled = {
        key: 3.0 * net.batch * settings(**net.settings).cost(net.data).operations
        for key, net in (("small", small), ("large", large))
    }
    row = {
        "model_operations": modelled["small"], "step_operations": 0.5 * modelled["small"],
        "step_seconds": 2.0, "step_kernels": 70, "evaluation_kernels": 9,
    }  # fmt: skip
    found = estimated(large, {small.key: row})
    ratio = modelled["large"] / modelled["small"]
    assert ratio > 5 and found["step_seconds"] == pytest.approx(2.0 * ratio)
    assert found["step_operations"] == pytest.approx(0.5 * modelled["large"])
    assert found["evaluation_ms"] == pytest.approx(1e3 * 2.0 * ratio / (3 * large.batch))
    assert (found["step_kernels"], found["evaluation_kernels"]) == (70, 9)
    # five more passes without gradients
    assert estimated(medians, {small.key: row})["step_seconds"] == pytest.approx(2.0 * 8 / 3)
    assert estimated(large, {"unet 3x8x8 ab": row}) is None


def test_the_hours_of_sample_size():
    settings = SampleSizeSettings(dims=(2, 5), sizes=(10, 20, 30), seeds=2, width=8, batch_size=16)
    costs = {dim: cost_of_cell(settings, dim) for dim in settings.dims}
    for dim, cost in costs.items():
        products = 2 * 16 * 8 * (dim + 2) + 2 * 16 * 8 * dim  # into the neurons, and out of them
        # back to all weights, and to the neurons, whose inputs need no gradient
        assert cost["step_operations"] == 2 * products + 2 * 16 * 8 * dim
        assert cost["evaluation_operations"] > 2 * 8 * (2 * dim + 2)
    flat = {dim: dict.fromkeys(cost, 0.0) | {"step_seconds": 2.0} for dim, cost in costs.items()}
    assert seconds_of_cells(settings, flat) == 2 * 2 * 6 * settings.steps * 2.0
    assert seconds_of_cells(settings, flat, "H100") == 0.0
    drawn = {dim: cost | {"drawing_seconds": 1.0} for dim, cost in flat.items()}
    assert seconds_of_cells(settings, drawn, "H100") == 2 * 2 * 6 * settings.steps


def test_every_part_and_preset_has_its_hours():
    parts = {part for part, _ in TODO.values()} | {"theory"}
    # `contract` is measured in tests, `images` takes its minutes on any machine, and what
    # `rehearsal` tries is listed as the presets that it rehearses
    assert parts - {None} == set(PARTS) - {"contract", "images", "rehearsal"}
    named = " ".join([*TODO, THEORY])
    for preset in ("dlpm-2d-long", "theory-large", "headline", "images-mnist", "images-cifar10-lt"):
        assert preset in named
    assert "images-ffhq64" in named and "images-imagenet512" in named


def test_a_record_of_a_card_replaces_the_projection(tmp_path):
    hours = {f"hours_{card}": 2.0 for card in CARDS}
    records = Records(tmp_path / "projections.jsonl")
    machine = {"card": "no GPU", "torch": "2", "commit": "abc", "changed": False}
    records.add("start", toy=False, processor="a processor", threads=1, **machine)
    for name, part in (("`unet`", "unet"), ("`cifar`", "cifar"), ("presets/x.yaml", None)):
        records.add("row", what=PROJECTION, name=name, part=part, hours=70.0, by="7 steps", **hours)
    records.add("row", network="unet 3x8x8", step_seconds=1.5)
    records.add("end", status="finished", seconds=1.0)

    def text():
        write_readme(tmp_path, TITLES)
        return (tmp_path / "README.md").read_text()

    before = text()
    assert all(f"| {name} | 70 |" in before for name in ("`unet`", "`cifar`", "presets/x.yaml"))
    assert "a processor" in before and "projections, not measurements" in before
    unet = Records(tmp_path / "unet.jsonl")
    unet.add("start", **machine, toy=False)
    unet.add("end", status="finished", seconds=1.0)
    assert "| `unet` | 70 |" in text()  # it was run in full, on a CPU
    machine |= {"card": "a card", "driver": "1.2"}
    unet.clear()
    unet.add("start", **machine, toy=False)
    unet.add("end", status="stopped", seconds=1.0)
    assert "| `unet` | 70 |" in text()  # a part of it is to do
    unet.add("start", **machine, toy=False)
    unet.add("row", what=PROJECTION, name="presets/x.yaml", hours=3.0, by="a step of 2 s")
    unet.add("end", status="finished", seconds=1.0)
    after = text()
    assert "| `unet` | 70 |" not in after and "| `cifar` | 70 |" in after
    assert "| presets/x.yaml | 70 |" not in after and "| presets/x.yaml | 3 |" in after
