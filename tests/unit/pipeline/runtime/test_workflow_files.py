"""The workflow of a checkout, and the presets by their names."""

import pytest

from repository import ROOT
from tailbench.exceptions import InputError
from tailbench.pipeline.runtime import workflow_files
from tailbench.pipeline.runtime.workflow_files import (
    complete_config,
    find_config,
    preset_line,
    presets,
    workflow_folder,
)


def test_a_checkout_has_its_workflow_at_the_top():
    assert workflow_folder() == ROOT


def test_a_package_without_a_workflow_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(workflow_files, "__file__", str(tmp_path / "a" / "b" / "c" / "d.py"))
    with pytest.raises(InputError, match="has no workflow"):
        workflow_folder()


def test_every_preset_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, path in presets().items():
        assert find_config(name) == path and path.is_file()
        assert len(preset_line(path)) > 20 and "$schema" not in preset_line(path)
    assert find_config("default") == ROOT / "config.yaml"


def test_a_file_comes_before_a_preset_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smoke").mkdir()
    assert find_config("smoke") == ROOT / "presets" / "smoke.yaml"
    (tmp_path / "returns").write_text("seeds: ['0']")
    assert str(find_config("returns")) == "returns"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("config.yaml", "there is no config.yaml here"),
        (
            "presets/smok.yaml",
            r"presets/smok.yaml does not exist \(did you mean the preset 'smoke'",
        ),
        ("mine.yaml", "mine.yaml does not exist .*tailbench list presets"),
    ],
)
def test_what_is_not_there_is_one_sentence(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        find_config(name)
    assert "\n" not in str(caught.value)


def test_completion_offers_presets_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("small.yaml", "some/mine.yaml", "sound.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert complete_config("s") == ["smoke", "starts", "small.yaml", "some/"]
    assert complete_config("some/") == ["some/mine.yaml"]
    assert complete_config("head") == ["headline", "headline-small"]
