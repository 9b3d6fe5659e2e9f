"""What jobs ask for."""

import re
import subprocess
import sys

import pytest

from repository import ROOT
from tailbench.data import DataShape
from tailbench.datasets.image_folder import ImageFolderSettings
from tailbench.io.checksums import seal, write_record
from tailbench.models.flow import FlowSettings
from tailbench.models.network_settings import NetworkSettings
from tailbench.models.sgm import SGMSampling, SGMSettings
from tailbench.pipeline.config.parse import load, parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import (
    JobResources,
    ResourceRequest,
    evaluating,
    preparing,
    sampling,
    training,
)

PRESETS = [ROOT / "config.yaml", *sorted((ROOT / "presets").glob("*.yaml"))]
DATA = DataShape(20_000, 10)
UNET = NetworkSettings(network="unet", width=64, num_blocks=2, train_steps=20, batch_size=64)
MEASURED = [  # settings, data, seeds, MB and seconds of trainings on two cores
    (
        NetworkSettings(width=64, num_blocks=5, batch_size=1024, epochs=20),
        2,
        10,
        294,
        55,
    ),
    (
        NetworkSettings(width=192, num_blocks=3, batch_size=512, train_steps=2000),
        40,
        3,
        403,
        120,
    ),
    (FlowSettings(width=96, batch_size=512), 20, 3, 540, 250),
    (FlowSettings(width=96, batch_size=512), 40, 3, 814, 510),
]


@pytest.mark.parametrize(("settings", "dim", "seeds", "mb", "seconds"), MEASURED)
def test_a_training_gets_what_it_was_measured_to_need(settings, dim, seeds, mb, seconds):
    need = training(settings, DataShape(20_000, dim), seeds)
    # beside the training run two Snakemakes of 140 MB
    assert mb + 280 < need.memory < 4 * mb + 1000
    assert 2 * seconds < 60 * need.minutes < 60 * seconds


def test_images_in_a_folder_ask_for_what_so_many_need(tmp_path):
    for i in range(28):
        (tmp_path / f"{i}.png").touch()

    few, unknown = (
        ImageFolderSettings(path=str(path), size=64).shape()
        for path in (tmp_path, tmp_path / "none")
    )
    assert training(UNET, few, 1) == training(UNET, DataShape(28, 3 * 64 * 64, 64), 1)
    assert training(UNET, few, 1).mem_mb() < training(UNET, unknown, 1).mem_mb() / 5
    assert evaluating(few, 1).mem_mb() < 2000 < evaluating(unknown, 1).mem_mb() / 100


def test_attempts_ask_for_more():
    need = training(UNET, DataShape(1000, 64, 8), 2)
    assert need.mem_mb() == need.memory and need.runtime() == need.minutes
    assert need.mem_mb(3) == 3 * need.memory and need.runtime(3) == 3 * need.minutes


def unet(**changes):
    return UNET.model_copy(update=changes)


@pytest.mark.parametrize(("gpu", "steps"), [(False, 20), (True, 5000)])
def test_more_work_asks_for_more(gpu, steps):
    data, own = DataShape(2000, 768, 16), unet(train_steps=steps)
    base = training(own, data, 2, gpu=gpu)
    assert training(unet(train_steps=10 * steps), data, 2, gpu=gpu).minutes > base.minutes
    assert training(unet(width=256, train_steps=steps), data, 2, gpu=gpu).minutes > base.minutes
    assert training(own, DataShape(500_000, 768, 16), 2, gpu=gpu).memory > base.memory
    assert training(own, data, 50, gpu=gpu).memory > base.memory
    drawn = sampling(SGMSampling(sampling_steps=2), [UNET], data, 2, gpu=gpu)
    assert (
        sampling(SGMSampling(sampling_steps=[2, 5000]), [UNET], data, 2, gpu=gpu).minutes
        > drawn.minutes
    )


def test_threads_and_gpus_shorten():
    data = DataShape(50_000, 768, 16)
    alone = training(UNET, data, 2)
    assert training(UNET, data, 2, threads=8).minutes < alone.minutes
    assert training(UNET, data, 2, gpu=True).minutes < alone.minutes


def test_no_job_asks_for_more_than_a_day_at_first():
    assert training(unet(train_steps=10**9), DataShape(10**6, 3072, 32), 1).minutes == 24 * 60


def test_a_job_of_almost_nothing_has_room_to_start():
    for need in (
        training(NetworkSettings(train_steps=1), DataShape(10, 1), 1),
        evaluating(DataShape(10, 1), 1),
    ):
        assert need.memory >= 900 and need.minutes >= 10
    assert preparing(DataShape(10, 1), 1).memory >= 500
    assert evaluating(DATA, 1, images=True).memory > evaluating(DATA, 1).memory


# A hundred thousand latents of 16,384 numbers, and a batch of 256 faces on a CPU, are that large.
LARGE = {"images-ffhq64": 400_000, "images-imagenet512": 600_000}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
@pytest.mark.parametrize("available", [0, 4])
def test_every_job_of_every_preset_asks_for_something_sensible(path, available):
    plan = Plan(load(path))
    needs = JobResources(plan, available)
    found: list[ResourceRequest] = [needs.train(*job) for job in plan.trainings()]
    for cell in plan.cells():
        axes = (cell.dataset, cell.method, cell.block)
        found += [needs.sample(*axes), needs.evaluate(*axes)]
        found += [needs.floor(cell.dataset, cell.block), needs.data(cell.dataset, cell.block)]
    most = LARGE.get(path.stem, 200_000)
    for need in found:
        assert 500 <= need.memory <= most and need.memory % 500 == 0
        assert 10 <= need.minutes <= 24 * 60


def test_a_frozen_model_asks_for_what_its_network_needs_and_not_for_a_training(tmp_path):
    network = {"network": "unet", "width": 128, "num_blocks": 2, "batch_size": 64, "epochs": 90}
    given = SGMSettings(**network).model_dump(mode="json")
    write_record(tmp_path / "spec.json", {"type": "sgm", "settings": given})
    seal(tmp_path, ["spec.json"])
    config = {
        "seeds": ["0"],
        "datasets": {"digits": {}},
        "methods": {"sgm": {}},
        "metrics": {"classifier": {}},
        "figures": [],
    }

    def needs(**model):
        found = JobResources(Plan(parse({**config, "models": {"sgm": model}})), 0)
        return found.train("digits", "sgm", "0"), found.sample("digits", "sgm", "0")

    train, sample = needs(**network)
    taken, drawn = needs(frozen=str(tmp_path))
    assert drawn == sample
    assert taken.minutes < train.minutes and 900 < taken.memory < train.memory
    assert needs(frozen=str(tmp_path / "nowhere"))[1].memory >= 500  # its job will say so


def test_bounds_and_atoms_of_columns_change_no_request(tmp_path):
    """They are said of the data, and are no settings of where these come from."""
    rows = "".join(f"{i % 7},{i * i % 11}\n" for i in range(60))
    (tmp_path / "own.csv").write_text("rain,wind\n" + rows)
    entry = {"type": "file", "path": str(tmp_path / "own.csv"), "split": "random"}
    said = {**entry, "support": {"rain": [0, "inf"]}, "atoms": "auto"}
    rest = {
        "seeds": ["0-1"],
        "models": {"mvt": {}},
        "methods": {"mvt": {}},
        "metrics": {"msle": {}},
    }
    plain, mapped = (
        JobResources(Plan(parse({"name": "run", "datasets": {"own": own}, **rest})))
        for own in (entry, said)
    )
    axes = ("own", "mvt", "0-1")
    for stage in ("train", "sample", "evaluate"):
        assert getattr(mapped, stage)(*axes) == getattr(plain, stage)(*axes)
    for stage in ("data", "floor"):
        assert getattr(mapped, stage)("own", "0-1") == getattr(plain, stage)("own", "0-1")


def test_only_what_computes_on_a_gpu_asks_for_one():
    plan = Plan(load(ROOT / "config.yaml"))
    assert JobResources(plan, 4).gpus() == 1 and JobResources(plan, 0).gpus() == 0
    assert JobResources(plan, 4).gpus("cpu") == 0
    assert JobResources(plan, 4).limit() == 4


def test_short_jobs_without_gpus_share_those_of_a_scheduler():
    plan = Plan(load(ROOT / "config.yaml"))
    for dataset in plan.config.datasets:
        assert JobResources(plan, 4, True).group("evaluate", dataset) == "evaluate"
        assert JobResources(plan, 4, False).group("evaluate", dataset) is None
    assert JobResources(plan, 4, True).group("data") == "data"
    assert JobResources(plan, 4, False).group("data") is None
    images = Plan(load(ROOT / "presets" / "images-cifar10-lt.yaml"))
    assert JobResources(images, 4, True).group("evaluate", "cifar10_lt") is None
    assert JobResources(images, 0, True).group("evaluate", "cifar10_lt") == "evaluate"


def test_no_job_that_waits_for_all_cells_is_in_a_group():
    """Of a job in a group Snakemake counts all inputs again whenever one of them is made."""
    text = "\n".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    grouped = {}
    for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
        grouped[rule.partition(":")[0]] = "\n    group:" in rule
    assert grouped["evaluate"] and grouped["data"]
    waiting = ("collect", "tables", "figure", "report", "finish")
    assert not [name for name in waiting if grouped[name]]


def test_a_gpu_by_its_number_is_held_by_one_job_at_a_time():
    plan = Plan(load(ROOT / "config.yaml"))
    named = Plan(plan.config.model_copy(update={"device": "cuda:1"}))
    assert JobResources(named, 4).limit() == 1 and JobResources(named, 4).gpus() == 1


def test_asking_imports_no_torch():
    code = "import sys, tailbench.pipeline.planning.resources; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nodes_and_tasks_of_jobs_that_processes_share():
    plan = Plan(load(ROOT / "presets" / "images-cifar10-lt.yaml"))
    assert [JobResources(plan, 0).nodes(count) for count in (1, 8, 9, 16)] == [1, 1, 2, 2]
    assert JobResources(plan, 0).tasks(16) == 2 and JobResources(plan, 4).tasks(16) == 0
