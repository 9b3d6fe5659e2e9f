"""A failure that another attempt cannot mend is a result; all others are errors."""

import pytest

from tailbench.exceptions import DiskFull, InputError, TrainingDiverged
from tailbench.pipeline.results.failures import (
    Failure,
    Job,
    raise_failures,
    read_failure,
    recorded,
    remove_failed,
)


def fails(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    "error", [TrainingDiverged("the loss is nan"), FloatingPointError("inf"), InputError("column")]
)
def test_a_failure_that_is_final_is_recorded(tmp_path, error):
    outputs = [tmp_path / "job" / name for name in ("model.safetensors", "spec.json")]
    failure = recorded(Job("train sgm", outputs, []), fails(error))
    assert failure == Failure("train sgm", str(error))
    assert read_failure(tmp_path / "job") == failure
    assert [path.read_bytes() for path in outputs] == [b"", b""]


@pytest.mark.parametrize("error", [MemoryError(), DiskFull("full"), OSError("gone"), SystemExit(1)])
def test_a_failure_that_may_be_mended_is_an_error(tmp_path, error):
    with pytest.raises(type(error)):
        recorded(Job("train sgm", [tmp_path / "job" / "spec.json"], []), fails(error))
    assert read_failure(tmp_path / "job") is None
    assert not (tmp_path / "job" / "spec.json").exists()


def test_jobs_after_a_failure_are_skipped_and_name_the_first_one(tmp_path):
    recorded(Job("train sgm", [tmp_path / "a" / "x"], []), fails(TrainingDiverged("nan")))
    ran = []
    recorded(Job("sample sgm", [tmp_path / "b" / "x"], [tmp_path / "a"]), lambda: ran.append(1))
    failure = recorded(
        Job("evaluate sgm", [tmp_path / "c" / "x"], [tmp_path / "b"]), lambda: ran.append(1)
    )
    assert not ran
    assert failure == Failure("train sgm", "nan", skipped=True)


def test_a_later_success_removes_the_failure(tmp_path):
    output = tmp_path / "job" / "x"
    recorded(Job("train", [output], []), fails(TrainingDiverged("nan")))
    assert recorded(Job("train", [output], []), lambda: output.write_text("1") and None) is None
    assert read_failure(tmp_path / "job") is None
    assert output.read_text() == "1"


def test_processes_that_do_not_write_leave_nothing(tmp_path):
    output = tmp_path / "job" / "x"
    failure = recorded(Job("train", [output], []), fails(TrainingDiverged("nan")), writes=False)
    assert failure is not None
    assert not (tmp_path / "job").exists()


def test_failed_jobs_are_removed_and_others_are_not(tmp_path):
    recorded(Job("train", [tmp_path / "a" / "x"], []), fails(TrainingDiverged("nan")))
    good = tmp_path / "b" / "x"
    good.parent.mkdir()
    good.write_text("1")
    assert remove_failed(tmp_path) == 1
    assert not list((tmp_path / "a").iterdir())
    assert good.read_text() == "1"


def test_a_run_without_the_report_ends_badly_too_and_names_the_failure_once(tmp_path):
    raise_failures(tmp_path)  # nothing has failed
    recorded(Job("train", [tmp_path / "a" / "x"], []), fails(TrainingDiverged("nan")))
    recorded(Job("sample", [tmp_path / "b" / "x"], [tmp_path / "a"]), lambda: None)
    (tmp_path / "metrics.csv").write_text("without the cell")
    (tmp_path / "plan.json").write_text('{"failures": [{}]}')
    with pytest.raises(InputError, match=r"^train failed: nan$"):
        raise_failures(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_corrupt_record_is_refused(tmp_path):
    (tmp_path / "failure.json").write_text("{")
    with pytest.raises(InputError, match=r"failure\.json is corrupt"):
        read_failure(tmp_path)
