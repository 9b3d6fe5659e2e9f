"""pyproject.toml, the lock and the conda environments name what is imported, and agree."""

import ast
import importlib.util
import re
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {
    extra: [Requirement(text) for text in texts]
    for extra, texts in PROJECT["optional-dependencies"].items()
}
UNLOCKED = {"docs", "kubernetes", "vine"}
LOCKED = [*CORE, *(each for extra in EXTRAS if extra not in UNLOCKED for each in EXTRAS[extra])]
RUNTIME = CORE + EXTRAS["pipeline"] + EXTRAS["images"] + EXTRAS["data"]
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ot": "POT",
    "pydantic_core": "pydantic",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Packages whose name in an import is not the one that pip knows."""
LIBRARY = ROOT / "src" / "tailbench"
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def _tool():
    spec = importlib.util.spec_from_file_location("lock", ROOT / "tools" / "lock.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()
LOCK = tool.read_lock()


def packages(path):
    """The packages of a conda environment by the name that pip knows, with their versions."""
    pairs = (item.partition("=") for item in yaml.safe_load(path.read_text())["dependencies"])
    return {tool.canonical(tool.CONDA_NAMES.get(name, name)): version for name, _, version in pairs}


def test_the_lock_has_exact_versions_and_nothing_else():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    odd = [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.!]+", line)]
    assert not odd, "no options, build tags, paths or ranges in requirements.lock"


def test_the_tool_locks_all_extras_but_three():
    assert set(tool.EXTRAS.split(",")) == set(EXTRAS) - UNLOCKED


@pytest.mark.parametrize("requirement", sorted(set(LOCKED), key=str), ids=str)
def test_every_dependency_is_locked_in_its_range(requirement):
    assert LOCK[tool.canonical(requirement.name)] in requirement.specifier


def test_what_is_not_locked_is_pinned():
    for requirement in (each for extra in UNLOCKED for each in EXTRAS[extra]):
        (pinned,) = requirement.specifier
        assert pinned.operator == "==" and tool.canonical(requirement.name) not in LOCK


def test_the_lock_builds_the_package():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for requirement in map(Requirement, build):
        assert LOCK[requirement.name] in requirement.specifier


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_the_locked_versions(path):
    found = packages(path)
    assert found.pop("python") in SpecifierSet(PROJECT["requires-python"])
    del found["pip"]
    assert found == {name: LOCK[name] for name in found}, "`make lock` brings them in line"


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_what_a_job_needs(path):
    needed = {tool.canonical(requirement.name) for requirement in RUNTIME}
    needed = {name for name in needed if not name.startswith("snakemake")}  # it runs outside
    script = path.with_suffix(".post-deploy.sh").read_text()
    by_pip = set(re.findall(r"grep '\^([\w-]+)==' requirements.lock", script))
    assert by_pip == {"torch-fidelity"} and by_pip <= set(LOCK)
    assert needed == set(packages(path)) - {"python", "pip", "setuptools"} | by_pip
    assert "--editable ." in script, "nothing installs tailbench itself"


def test_environments_differ_in_the_build_of_torch_only():
    cpu, gpu = ROOT / "envs" / "cpu.yaml", ROOT / "envs" / "gpu.yaml"
    assert packages(cpu) == packages(gpu)
    scripts = [path.with_suffix(".post-deploy.sh").read_text() for path in (cpu, gpu)]
    assert scripts[0] == scripts[1]


def test_pinning_takes_versions_from_the_lock():
    text = "# numpy=0\n- pytorch-cpu=0\n- numpy=0.1rc1\n- stranger=3\n- pip\n"
    pinned = tool.pin(text, {"torch": "2.13.0", "numpy": "2.4.6"})
    assert pinned == "# numpy=0\n- pytorch-cpu=2.13.0\n- numpy=2.4.6\n- stranger=3\n- pip\n"


def imported(path):
    """The distributions that a module imports: on its own import, and later in its functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(function, ast.If) and ast.unparse(function.test) == "TYPE_CHECKING")
        for node in ast.walk(function)
    }
    found = {True: set(), False: set()}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                modules = [name.name for name in names]
            case ast.ImportFrom(module=module, level=0):
                modules = [module]
            case _:
                continue
        roots = {module.partition(".")[0] for module in modules}
        roots -= {"tailbench", *sys.stdlib_module_names}
        found[id(node) not in inner] |= {
            tool.canonical(DISTRIBUTIONS.get(root, root)) for root in roots
        }
    return found[True], found[False]


def named(requirements):
    return {tool.canonical(requirement.name) for requirement in requirements}


@pytest.mark.parametrize(
    "path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY))
)
def test_what_is_imported_is_declared(path):
    at_once, later = imported(path)
    in_pipeline = path.relative_to(LIBRARY).parts[0] in ("pipeline", "__main__.py")
    assert at_once <= named(RUNTIME if in_pipeline else CORE)
    assert later <= named(RUNTIME + EXTRAS["vine"])


def test_imports_are_seen_where_they_are(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import os, PIL.Image\nfrom tailbench import Flow\nfrom . import near\n"
        "if TYPE_CHECKING:\n    import rich\n"
        "class A:\n    import numpy as np\n    def f(self):\n        from yaml import load\n"
    )
    assert imported(path) == ({"pillow", "numpy"}, {"rich", "pyyaml"})
