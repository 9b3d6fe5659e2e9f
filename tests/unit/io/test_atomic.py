"""Files appear whole or not at all."""

import os

import pytest

from tailbench.io.atomic import atomic_write, replacing


def test_writes_text_and_bytes_and_makes_parents(tmp_path):
    atomic_write(tmp_path / "a" / "b.txt", "é\n")
    atomic_write(tmp_path / "a" / "c.bin", b"\x00\xff")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "é\n".encode()
    assert (tmp_path / "a" / "c.bin").read_bytes() == b"\x00\xff"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["b.txt", "c.bin"]


def test_overwrites_in_one_step(tmp_path):
    path = tmp_path / "x.csv"
    atomic_write(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
        assert temporary.suffix == ".csv"
        assert temporary.name.startswith(".")
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "x"
    atomic_write(path, "old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_replaces_a_folder_as_a_whole(tmp_path):
    path = tmp_path / "figures"
    path.mkdir()
    (path / "stale").write_text("")
    with replacing(path) as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "deep" / "new").write_text("1")
    assert [p.relative_to(path).as_posix() for p in path.rglob("*")] == ["deep", "deep/new"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_the_old_folder(tmp_path):
    path = tmp_path / "figures"
    path.mkdir()
    (path / "old").write_text("")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "half").write_text("")
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_rename_puts_the_old_folder_back(tmp_path, monkeypatch):
    path = tmp_path / "figures"
    path.mkdir()
    (path / "old").write_text("")
    rename = type(path).rename

    def failing(self, target):
        if self.name.startswith(".") and (self / "new").exists():
            raise OSError("no room")
        return rename(self, target)

    monkeypatch.setattr(type(path), "rename", failing)
    with pytest.raises(OSError, match="no room"), replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("")
    assert [p.name for p in path.iterdir()] == ["old"]


def test_file_and_folder_replace_each_other(tmp_path):
    path = tmp_path / "x"
    path.mkdir()
    (path / "inside").write_text("")
    atomic_write(path, "file")
    assert path.read_text() == "file"
    with replacing(path) as temporary:
        temporary.mkdir()
    assert path.is_dir()


def test_a_link_to_a_folder_is_replaced_not_followed(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "kept").write_text("")
    link = tmp_path / "link"
    link.symlink_to(real)
    with replacing(link) as temporary:
        temporary.mkdir()
    assert not link.is_symlink()
    assert (real / "kept").exists()


def test_writing_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "x"):
        pass


def test_permissions_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        atomic_write(tmp_path / "x", "")
    finally:
        os.umask(old)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640
