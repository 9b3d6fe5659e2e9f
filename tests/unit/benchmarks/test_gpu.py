"""The run of parts on a GPU: records, time limits, what is resumed, what fails."""

import shutil
import sys
import time

import pytest
from benchmarks.gpu import __main__ as command
from benchmarks.gpu.job import Job, Options
from benchmarks.gpu.machine import ROOT, WHEELS, check, describe, missing_wheels
from benchmarks.gpu.made import made_latents, made_pictures
from benchmarks.gpu.parts import ON_CPU, PARTS, TITLES, dlpm, headline, rehearsal
from benchmarks.gpu.parts.contract import parsed
from benchmarks.gpu.records import Records
from benchmarks.gpu.runner import limited, run_parts
from benchmarks.gpu.summary import PROJECTION, write_readme
from benchmarks.gpu.workflow import costs_by_rule, preset

from tailbench.data import ImageLayout
from tailbench.datasets.image_folder import ImageFolder
from tailbench.datasets.latents import Latents
from tailbench.exceptions import InputError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan

PART = """
import time


def run(job):
    for step in range(3):
        if job.has(step=step):
            continue
        job.add(step=step, value=0.1 * step)
        if step == 1 and not job.has(step=2):
            {then}
    return True
"""


@pytest.fixture
def options(tmp_path):
    return Options("cpu", True, tmp_path / "records", tmp_path / "work", minutes=0.5)


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Write a part of three steps that does something after its second, and give its module."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(then="pass"):
        (tmp_path / "made_part.py").write_text(PART.format(then=then))
        return {"made": "made_part"}

    return write


def kinds(options):
    return [line["kind"] for line in Records(options.output / "made.jsonl").lines]


def test_records_are_whole_after_every_line(tmp_path):
    path = tmp_path / "part.jsonl"
    records = Records(path)
    assert records.end == {} and records.start == {}
    records.add("start", card="a card", toy=True)
    assert Records(path).end == {"status": "killed"}
    records.add("row", model="sgm", value=0.5)
    again = Records(path)
    assert again.rows == [{"model": "sgm", "value": 0.5}] and again.start["card"] == "a card"
    assert again.has(model="sgm") and not again.has(model="flow")
    again.add("end", status="finished", seconds=2.0)
    again.add("start", card="another", toy=True)
    again.add("end", status="stopped", seconds=3.0)
    assert again.seconds == 5.0 and again.start["card"] == "another"
    again.drop_rows()
    assert again.rows == [] and again.seconds == 5.0
    assert [p.name for p in tmp_path.iterdir()] == ["part.jsonl"]
    path.write_text('{"kind": "row"}\n{"kind"')
    with pytest.raises(InputError, match=r"part\.jsonl is corrupt"):
        Records(path)


def test_a_finished_part_is_not_run_again(options, part):
    made = part()
    assert run_parts(made, options) == {"made": "finished"}
    assert kinds(options) == ["start", "row", "row", "row", "end"]
    assert run_parts(made, options) == {"made": "finished"}
    assert kinds(options) == ["start", "row", "row", "row", "end"]
    assert run_parts(made, options, again=True) == {"made": "finished"}
    assert kinds(options) == ["start", "row", "row", "row", "end"]


def test_a_failed_part_says_why_and_the_next_goes_on_where_it_was(options, part):
    made = part("raise ValueError('no such thing')") | {"other": "no_such_module"}
    seen = []
    found = run_parts(made, options, after=lambda: seen.append(1))
    assert found == {"made": "failed", "other": "failed"} and len(seen) == 2
    records = Records(options.output / "made.jsonl")
    assert records.end["reason"] == "ValueError: no such thing" and len(records.rows) == 2
    other = Records(options.output / "other.jsonl")
    assert "No module named 'no_such_module'" in other.end["reason"]
    assert run_parts(part(), options) == {"made": "finished"}
    assert [row["step"] for row in Records(options.output / "made.jsonl").rows] == [0, 1, 2]


def test_a_part_that_breaks_its_process_is_recorded(options, part):
    assert run_parts(part("import os; print('broken'); os._exit(7)"), options) == {"made": "failed"}
    assert Records(options.output / "made.jsonl").end["reason"] == "ended with status 7: broken"


def test_a_part_of_another_device_or_size_begins_anew(options, part):
    run_parts(part("raise ValueError"), options)
    path = options.output / "made.jsonl"
    path.write_text(path.read_text().replace(describe("cpu")["card"], "another card"))
    assert run_parts(part(), options) == {"made": "finished"}
    assert kinds(options) == ["start", "row", "row", "row", "end"]


def test_the_time_limit_keeps_what_is_recorded(tmp_path, part):
    options = Options("cpu", True, tmp_path / "records", tmp_path / "work", minutes=0.2)
    begin = time.monotonic()
    assert run_parts(part("time.sleep(600)"), options) == {"made": "stopped"}
    assert time.monotonic() - begin < 60
    assert kinds(options) == ["start", "row", "row", "end"]
    assert run_parts(part(), options) == {"made": "finished"}


def test_what_a_command_has_started_ends_with_it(tmp_path):
    """Also what does not listen to the request to end."""
    beats = tmp_path / "beats"
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"while True: open({str(beats)!r}, 'a').write('x'); time.sleep(0.05)"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {deaf!r}])"
    how = limited([sys.executable, "-c", code], 3.0, tmp_path / "log", grace=1.0)
    assert how == "stopped"
    written = beats.stat().st_size
    time.sleep(0.5)
    assert written > 0 and beats.stat().st_size == written


def test_options_come_through_as_text(tmp_path):
    options = Options("cuda:1", False, tmp_path, tmp_path / "w", 3.0, tmp_path / "d")
    assert Options.of(options.text()) == options
    assert Job("any", options).left() == pytest.approx(180.0, abs=5.0)


def test_the_readme_says_what_was_run_and_what_was_not(tmp_path):
    records = Records(tmp_path / "first.jsonl")
    machine = {"card": "a card", "driver": "1.2", "torch": "2", "commit": "abc", "changed": True}
    records.add("start", toy=False, **machine)
    records.add("row", model="sgm|x", seeds=5, steps_per_second=123.456, hidden=None)
    records.add("row", what=PROJECTION, name="FFHQ-64", hours=71.3, by="200e6 images")
    records.add("end", status="stopped", seconds=90.0)
    write_readme(tmp_path, {"first": "The first", "second": "The second"})
    text = (tmp_path / "README.md").read_text()
    assert "| `first` | stopped | 1.5 | a card | 1.2 | 2 | abc, changed | full |" in text
    assert "| sgm\\|x | 5 | 123 |" in text and "hidden" not in text
    assert "| FFHQ-64 | 71.3 | 200e6 images, a card |" in text
    assert "| `second` |  | has not been run |" in text
    assert "| the rest of `first` |  | unfinished: run `make gpu` again |" in text


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "tests/contract/test_models.py::test_shapes[sgm heavy] PASSED      [ 12%]",
            ("test_models.py", "test_shapes", "[sgm heavy]", "passed"),
        ),
        (
            "[gw3] [ 42%] FAILED tests/contract/test_device.py::test_x[a-b c] ",
            ("test_device.py", "test_x", "[a-b c]", "failed"),
        ),
        ("tests/contract/test_a.py::test_y SKIPPED (no)", ("test_a.py", "test_y", "", "skipped")),
        ("FAILED tests/contract/test_device.py::test_x - assert False", None),
    ],
)
def test_lines_of_pytest(line, found):
    assert parsed(line) == found


def test_the_device_is_checked(monkeypatch, tmp_path):
    check("cpu")
    assert describe("cpu")["card"].startswith("no GPU") and missing_wheels() == []
    wheels = tmp_path / "wheels.txt"
    wheels.write_text("# one\nnumpy==2.0\nno-such-package==1.0  # here\n")
    assert missing_wheels(wheels) == ["no-such-package==1.0"]
    monkeypatch.setattr("benchmarks.gpu.machine.missing_wheels", lambda: ["zuko==1.6.0"])
    with pytest.raises(InputError, match=r"packages are missing .*zuko==1\.6\.0"):
        check("cpu")


def test_without_the_device_nothing_is_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert command.main(["--output", str(tmp_path / "r"), "--workspace", str(tmp_path / "w")]) == 1
    assert "CUDA is not available" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_wheels_are_those_of_the_lock():
    lock = dict(
        line.split("==")
        for line in (ROOT / "requirements.lock").read_text().split()
        if "==" in line
    )
    lock = {name.lower(): version for name, version in lock.items()}
    lines = [line for line in WHEELS.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert {name: lock[name] for name in (line.partition("==")[0] for line in lines)} == dict(
        line.split("==") for line in lines
    )


def test_every_part_has_a_module():
    assert not set(PARTS) & set(ON_CPU) and set(TITLES) == {*PARTS, *ON_CPU}
    for name, part in (PARTS | ON_CPU).items():
        assert (ROOT / (part.module.replace(".", "/") + ".py")).is_file()
        assert part.title[0].isupper() and name in part.module


def test_the_readme_that_is_there_is_that_of_the_records(tmp_path):
    folder = ROOT / "docs" / "reproduction" / "gpu"
    for path in folder.glob("*.jsonl"):
        assert not Records(path).start["toy"]
        shutil.copy(path, tmp_path)
    write_readme(tmp_path, TITLES)
    assert (tmp_path / "README.md").read_text() == (folder / "README.md").read_text()


def test_toys_do_not_take_the_place_of_records(monkeypatch, tmp_path):
    """Neither do they write among them, nor go on with what a run in full has kept."""
    given = []
    monkeypatch.setattr(
        command, "run_parts", lambda parts, options, *_: given.append(options) or {}
    )
    monkeypatch.setattr(command, "check", lambda device: None)
    command.main(["--toy", "--device", "cpu"])
    command.main([])
    toy, full = given
    assert toy.output == toy.workspace == ROOT / "results" / "gpu-toy"
    assert full.output == ROOT / "docs" / "reproduction" / "gpu"
    assert full.workspace == ROOT / "results" / "gpu"


def test_what_a_part_has_kept_is_forgotten_with_its_record(options, part):
    kept = options.workspace / "made" / "kept"
    kept.parent.mkdir(parents=True)
    made = part("raise ValueError")
    for again, stays in ((True, False), (False, True), (True, False)):
        run_parts(made, options, again)
        assert kept.exists() is stays
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("of before")


def test_parts_for_a_cpu_need_no_gpu(monkeypatch, tmp_path):
    """And run only when they are named."""
    given = {}

    def run(parts, options, *_):
        given[options.device] = list(parts)
        return dict.fromkeys(parts, "failed")

    monkeypatch.setattr(command, "run_parts", run)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert command.main(["--parts", "projections"]) == 1
    assert given == {"cpu": ["projections"]}
    assert command.main(["--parts", "unet", "projections"]) == 1  # the check of the device
    monkeypatch.setattr(command, "check", lambda device: None)
    given.clear()
    command.main([])
    assert given == {"cuda": list(PARTS)}


@pytest.mark.parametrize("config", [dlpm.configuration(), headline.configuration()])
def test_the_configurations_in_full_are_valid(config):
    """At toy size the parts run others."""
    plan = Plan(parse(config))
    assert plan.cells()
    if "gaussian_grid" in config["datasets"]:
        blocks = {name: plan.blocks_on(name) for name in config["datasets"]}
        assert blocks == {"alpha_stable": ("0-19",), "gaussian_grid": ("0-19", "20-29")}
        assert {"dlpm_1.7", "dlim", "lim_ode", "flow_sgm"} <= set(plan.methods_on("gaussian_grid"))
    else:
        own = preset("presets/headline.yaml")["models"]
        steps = {name: model["train_steps"] for name, model in config["models"].items()}
        assert steps == {name: 10 * model["train_steps"] for name, model in own.items()}
        assert set(config["datasets"]) == {"student_100", "gmm_100"}


HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def test_what_the_jobs_of_a_rule_took(tmp_path):
    """As Snakemake writes it: some jobs are over before their memory is looked at."""
    jobs = {
        "train/faces/sgm/0": "90.5\t0:01:30\t2500.25\t1\t1\t1\t0\t0\t97.0\t88.5",
        "train/faces/tarflow/0": "10.0\t0:00:10\t4000.0\t1\t1\t1\t0\t0\t97.0\t9.5",
        "data/faces/0": "0.3\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA",
        "collect": "2.0\t0:00:02\t120.5\t1\t1\t1\t0\t0\t50.0\t1.0",
    }
    for job, line in jobs.items():
        path = tmp_path / "benchmarks" / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEADER}{line}\n")
    assert costs_by_rule(tmp_path) == {
        "train": {"jobs": 2, "seconds": 100.5, "cpu_seconds": 98.0, "memory_mb": 4000.0},
        "data": {"jobs": 1, "seconds": 0.3},
        "collect": {"jobs": 1, "seconds": 2.0, "cpu_seconds": 1.0, "memory_mb": 120.5},
    }


def test_made_files_are_read_as_the_real_ones(tmp_path):
    made_pictures(tmp_path / "faces", ImageLayout((3, 8, 8)), 6)
    train, test = ImageFolder(path=str(tmp_path / "faces"), size=8).read()
    assert (len(train), len(test)) == (4, 2) and train.values[:4].std() > 10
    labels = [3, 3, 5, 9]
    made_latents(tmp_path / "latents", ImageLayout((4, 8, 8), pixels=False), labels)
    train, test = Latents(path=str(tmp_path / "latents"), side=8, classes=(3, 9)).read()
    assert sorted([*train.labels, *test.labels]) == [0, 0, 1]
    assert train.values[:2].shape == (2, 4, 8, 8) and 0.5 < train.values[:2].std() < 2


@pytest.mark.parametrize("name", rehearsal.RUNS)
def test_the_rehearsal_changes_no_network(name, tmp_path):
    """But that which is frozen, of which a folder says what it is."""
    job = Job("rehearsal", Options("cpu", False, tmp_path / "r", tmp_path / "w"))
    own, config = preset(rehearsal.RUNS[name][0]), rehearsal.configuration(job, name)
    assert config["figures"] == own["figures"] and config["methods"].keys() == own["methods"].keys()
    few = {"train_steps", "batch_size", "validate_every"}
    for model, given in config["models"].items():
        if "frozen" in given:
            assert name == "frozen" and model == "sgm"
            assert given["frozen"] == "results/gpu-rehearsal-ffhq64/models/ffhq/sgm/0"
            continue
        changed = {key for key in given if given[key] != own["models"][model][key]}
        assert changed == few and given.keys() == own["models"][model].keys()
    plan = Plan(parse(config))
    assert {model for _, model, _ in plan.trainings()} == {"sgm", "tarflow"}
    assert plan.methods_on(next(iter(config["datasets"]))) == ("sgm", "flow", "flow_sgm")


def test_settings_are_merged_into_nested_ones():
    base = {"a": {"b": 1, "c": {"d": 2}}, "e": {}, "f": [1, 2]}
    changes = {"a": {"c": {"g": 3}}, "e": {"h": 4}, "f": [5]}
    assert rehearsal.merged(base, changes) == {
        "a": {"b": 1, "c": {"d": 2, "g": 3}}, "e": {"h": 4}, "f": [5],
    }  # fmt: skip
    assert base == {"a": {"b": 1, "c": {"d": 2}}, "e": {}, "f": [1, 2]}
