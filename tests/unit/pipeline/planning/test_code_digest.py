"""The digest of code: it sees what a job runs, and nothing else."""

import ast
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import tailbench
from tailbench import registry
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning import code_digest
from tailbench.pipeline.planning.code_digest import closure, digest
from tailbench.pipeline.planning.plan import Plan

SOURCE = Path(tailbench.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
CACHED = [
    part
    for part in vars(code_digest).values()
    if hasattr(part, "cache_clear") and part is not code_digest.numerics  # is by content
]


def forget():
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of that name elsewhere; ``write(module, text)`` adds or changes a module."""
    root = tmp_path / "tailbench"
    root.mkdir()

    def write(module, text):
        file = root.joinpath(*module.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        forget()

    write.root = root
    here = SimpleNamespace(submodule_search_locations=[str(root)])
    finder = SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: here))
    monkeypatch.setattr(code_digest, "importlib", finder)
    forget()
    yield write
    forget()


# What is followed


@pytest.mark.parametrize(
    "statement",
    [
        "import tailbench.b",
        "import tailbench.b as other",
        "import os, tailbench.b",
        "from tailbench import b",
        "from tailbench import b as other",
        "from tailbench.b import thing",
        "from tailbench.b import *",
        "def f():\n    import tailbench.b",
        "def f():\n    def g():\n        from tailbench.b import thing",
        "class A:\n    def f(self):\n        from tailbench import b",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from tailbench.b import Thing",
        "try:\n    import tailbench.b\nexcept ImportError:\n    pass",
        "async def f():\n    import tailbench.b",
    ],
)
def test_imports_are_followed(package, statement):
    package("b", "x = 1")
    package("a", statement)
    assert closure("tailbench.a") == {"tailbench.a", "tailbench.b"}
    before = digest(["tailbench.a"])
    package("b", "x = 2")
    assert digest(["tailbench.a"]) != before


@pytest.mark.parametrize(
    "statement",
    [
        "import importlib\nimportlib.import_module('tailbench.b')",
        "__import__('tailbench.b')",
        "name = 'tailbench.b'",
        "# import tailbench.b",
        "'''import tailbench.b'''",
        "import other.b",
        "from other import b",
        "import tailbench_b",
        "if TYPE_CHECKING:\n    from tailbench.b import Thing",
        "def f():\n    if TYPE_CHECKING:\n        import tailbench.b",
    ],
)
def test_what_is_no_import_is_not_followed(package, statement):
    package("b", "x = 1")
    package("a", statement)
    assert closure("tailbench.a") == {"tailbench.a"}
    before = digest(["tailbench.a"])
    package("b", "x = 2")
    assert digest(["tailbench.a"]) == before


def test_imports_are_followed_on_and_on_and_round(package):
    package("a", "import tailbench.b")
    package("b", "import tailbench.c")
    package("c", "import tailbench.a\nx = 1")
    package("d", "y = 1")
    assert closure("tailbench.a") == {"tailbench.a", "tailbench.b", "tailbench.c"}
    before = digest(["tailbench.a"])
    package("c", "import tailbench.a\nx = 2")
    after = digest(["tailbench.a"])
    assert after != before
    package("d", "y = 2")
    assert digest(["tailbench.a"]) == after


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("from tailbench.p import q", {"p.q"}),
        ("from tailbench.p import q, thing", {"p.q", "p"}),
        ("from tailbench.p import thing", {"p"}),
        ("import tailbench.p", {"p"}),
        ("import tailbench.p.q", {"p.q"}),
        ("from tailbench import p", {"p"}),
    ],
)
def test_packages(package, statement, found):
    """Of a package, what is named; not the file that says what there is."""
    package("p.__init__", "x = 1")
    package("p.q", "y = 1")
    package("a", statement)
    assert closure("tailbench.a") == {"tailbench.a", *(f"tailbench.{name}" for name in found)}


@pytest.mark.parametrize("initial", [True, False])
def test_tables_belong_to_their_package(package, initial):
    """Files beside a package's modules that are no modules, with or without ``__init__.py``."""
    if initial:
        package("p.__init__", "x = 1")
    package("p.q", "y = 1")
    (package.root / "p" / "table.csv").write_text("1")
    package("a", "from tailbench import p")
    package("b", "from tailbench.p import q")
    before = {module: digest([f"tailbench.{module}"]) for module in "ab"}
    (package.root / "p" / "table.csv").write_text("2")
    forget()
    after = {module: digest([f"tailbench.{module}"]) for module in "ab"}
    assert after["a"] != before["a"] and after["b"] == before["b"]
    (package.root / "p" / ".hidden").write_text("2")
    forget()
    assert digest(["tailbench.a"]) == after["a"]


def test_a_module_that_is_not_there(package):
    with pytest.raises(ModuleNotFoundError, match=r"there is no module tailbench\.nowhere"):
        digest(["tailbench.nowhere"])


# What counts


BASE = '''"""What it is."""
X = 1  # one
"""What X is."""


class A:
    """A class."""

    y: int = 2
    """What y is."""

    z: int = Field(3, ge=1, description="What z is.")

    def f(self, x):
        """Double."""
        return 2 * x + len("text")
'''
SAME = {
    "a comment": BASE.replace("# one", "# the number one"),
    "no comment": BASE.replace("  # one", ""),
    "the module's docstring": BASE.replace("What it is", "Something else"),
    "a class's docstring": BASE.replace("A class.", "The class A."),
    "a function's docstring": BASE.replace(
        '"""Double."""', '"""Double, and more.\n\n        More."""'
    ),
    "no docstring": BASE.replace('        """Double."""\n', ""),
    "an attribute's docstring": BASE.replace("What y is", "The second"),
    "a constant's docstring": BASE.replace("What X is", "The first"),
    "a setting's description": BASE.replace("What z is.", "The third."),
    "blank lines": BASE.replace("\n\n", "\n\n\n"),
    "brackets": BASE.replace("2 * x + len", "(2 * x) + len"),
    "quotes": BASE.replace('"text"', "'text'"),
}
OTHER = {
    "a number": BASE.replace("X = 1", "X = 1.5"),
    "a setting's default": BASE.replace("Field(3", "Field(4"),
    "a setting's bound": BASE.replace("ge=1", "ge=2"),
    "a text": BASE.replace('"text"', '"texts"'),
    "a name": BASE.replace("X = 1", "Z = 1"),
    "an operator": BASE.replace("2 * x", "2 + x"),
    "an argument": BASE.replace("(self, x)", "(self, x=0)"),
    "a statement": BASE + "\nB = A()\n",
    "an order": BASE.replace("2 * x", "x * 2"),
    "a decorator": BASE.replace("    def f", "    @staticmethod\n    def f"),
}


@pytest.mark.parametrize("edit", SAME)
def test_edits_that_change_nothing(package, edit):
    package("a", BASE)
    before = digest(["tailbench.a"])
    assert SAME[edit] != BASE
    package("a", SAME[edit])
    assert digest(["tailbench.a"]) == before


@pytest.mark.parametrize("edit", OTHER)
def test_edits_that_change_something(package, edit):
    package("a", BASE)
    before = digest(["tailbench.a"])
    package("a", OTHER[edit])
    assert digest(["tailbench.a"]) != before


def test_a_function_of_a_docstring_alone(package):
    package("a", 'def f():\n    """Nothing."""\n')
    assert len(digest(["tailbench.a"])) == 16


def test_the_digest_is_short_and_does_not_depend_on_the_order(package):
    package("a", "x = 1")
    package("b", "y = 1")
    both = digest(["tailbench.a", "tailbench.b"])
    assert both == digest(["tailbench.b", "tailbench.a", "tailbench.b"])
    assert len(both) == 16 and int(both, 16) >= 0
    assert len({both, digest(["tailbench.a"]), digest(["tailbench.b"])}) == 3


def test_modules_that_swap_their_code_are_seen(package):
    package("a", "x = 1")
    package("b", "x = 2")
    before = digest(["tailbench.a", "tailbench.b"])
    package("a", "x = 2")
    package("b", "x = 1")
    assert digest(["tailbench.a", "tailbench.b"]) != before


# The package itself


@pytest.fixture
def copy(package):
    """A copy of the package's own source; ``edit(module)`` changes the code of a module."""
    shutil.copytree(SOURCE, package.root, dirs_exist_ok=True)
    forget()

    def edit(module):
        file = package.root.joinpath(*module.split(".")).with_suffix(".py")
        file.write_text(file.read_text() + "\nADDED = 1\n")
        forget()

    return edit


FIGURES = ("survival", "training")
JOBS = [
    ("data", "stable"), ("data", "returns"), ("train", "sgm"), ("train", "flow"), ("train", "dlpm"),
    ("sample", "sgm"), ("sample", "flow"), ("sample", "flow_sgm"), ("sample", "dlpm"),
    ("evaluate", "stable"), ("evaluate", "returns"),
    ("collect", None), ("tables", None), ("figure", "survival"), ("figure", "training"),
    ("report", None),
]  # fmt: skip
EVALUATIONS = {("evaluate", "stable"), ("evaluate", "returns")}
TRAININGS = {("train", "sgm"), ("train", "flow"), ("train", "dlpm")}
SAMPLINGS = {("sample", name) for name in ("sgm", "flow", "flow_sgm", "dlpm")}
LEVY = {("train", "dlpm"), ("sample", "dlpm")}
FLOW = {("train", "flow"), ("sample", "flow"), ("sample", "flow_sgm")}
SGM = {("train", "sgm"), ("sample", "sgm"), ("sample", "flow_sgm")}
STABLE = {("data", "stable"), ("evaluate", "stable")}
LABELS = {("tables", None), ("report", None), *(("figure", name) for name in FIGURES)}
SHOWN = LABELS | {("collect", None)}


def digests():
    plan = Plan(
        parse(
            {
                "datasets": {"stable": {"type": "alpha_stable"}, "returns": {}},
                "models": {"sgm": {}, "flow": {}, "dlpm": {}},
                "methods": {"sgm": {}, "flow": {}, "flow_sgm": {}, "dlpm": {}},
                "metrics": {"msle": {}},
                "figures": list(FIGURES),
            }
        )
    )
    return {job: plan.code(*job) for job in JOBS}


@pytest.fixture(scope="module")
def original():
    """The digests of the package as it is."""
    forget()
    return digests()


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("plots.survival", {("figure", "survival"), ("report", None)}),
        ("models.sgm", SGM),
        ("models.flow", FLOW),
        ("models.flow_sgm", {("sample", "flow_sgm")}),
        ("diffusion.samplers", SGM),
        ("flows.spline", FLOW),
        ("margins.tail_transform", TRAININGS | SAMPLINGS),
        ("training.optimizer", TRAININGS | SAMPLINGS),
        ("levy.schedules", LEVY),
        ("levy.samplers", LEVY),
        ("training.trainer", TRAININGS | SAMPLINGS),
        ("targets.alpha_stable", STABLE),
        ("targets.gmm", set()),
        ("stats.positive_stable", STABLE | LEVY),
        ("datasets.returns", {("data", "returns"), ("evaluate", "returns")}),
        ("metrics.msle", EVALUATIONS | LABELS),
        ("metrics.tail_ks", set()),
        ("stats.sliced_transport", {("sample", "flow_sgm")}),
        ("pipeline.stages.collect", {("collect", None)}),
        ("pipeline.config.parse", {("collect", None)}),
    ],
)
def test_which_jobs_an_edit_reaches(original, copy, module, jobs):
    copy(module)
    edited = digests()
    assert {job for job in JOBS if original[job] != edited[job]} == jobs


@pytest.mark.parametrize(
    "module",
    [
        "compute.devices",
        "compute.distributed",
        "io.arrays",
        "io.atomic",
        "io.checksums",
        "pipeline.cli",
        "pipeline.planning.plan",
        "pipeline.reporting.tables",
        "pipeline.runtime.gpu_slots",
        "pipeline.runtime.locks",
        "pipeline.stages.evaluate",
        "pipeline.stages.sample",
        "pipeline.stages.train",
        "registry",
        "settings",
        "training.checkpoint",
        "training.preemption",
        "training.progress",
    ],
)
def test_code_that_cannot_change_a_number_reruns_no_computation(original, copy, module):
    copy(module)
    edited = digests()
    assert {job for job in JOBS if original[job] != edited[job]} <= SHOWN


def test_a_field_of_metric_outputs_reruns_no_computation(original, copy, package):
    file = package.root / "interfaces.py"
    text = file.read_text()
    edited = text.replace(
        'better: Literal["lower", "higher"] = "lower"', "better: str = 'lower'\n    unit: str = ''"
    )
    assert edited != text
    file.write_text(edited)
    forget()
    assert {job for job, code in digests().items() if code != original[job]} <= SHOWN


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("raise ValueError('too small')", "raise ValueError('must be larger')"),
        ("raise ValueError(f'{1} too small')", "raise ValueError(f'{1} is too small') from None"),
        ("print('training')", "print('training the model', flush=True)"),
    ],
)
def test_messages_are_not_in_the_digest(package, before, after):
    package("a", f"def f(x):\n    {before}\n    return 2 * x\n")
    first = digest(["tailbench.a"])
    package("a", f"def f(x):\n    {after}\n    return 2 * x\n")
    assert digest(["tailbench.a"]) == first
    package("a", f"def f(x):\n    {after}\n    return 3 * x\n")
    assert digest(["tailbench.a"]) != first


def test_which_exception_is_raised_is_in_the_digest(package):
    package("a", "def f(x):\n    raise ValueError('no')\n")
    first = digest(["tailbench.a"])
    package("a", "def f(x):\n    raise TypeError('no')\n")
    assert digest(["tailbench.a"]) != first


@pytest.mark.parametrize("stage", ["data", "train", "sample", "evaluate", "report"])
def test_a_raised_format_reruns_what_writes_it(original, monkeypatch, stage):
    monkeypatch.setitem(code_digest.FORMATS, stage, code_digest.FORMATS[stage] + 1)
    edited = digests()
    assert {job for job in JOBS if original[job] != edited[job]} == {
        j for j in JOBS if j[0] == stage
    }


def test_imports_of_a_room_that_is_left_out_are_not_followed(package):
    package("a", "import tailbench.io.b\nimport tailbench.c")
    package("io.b", "import tailbench.d")
    package("c", "x = 1")
    package("d", "x = 1")
    assert closure("tailbench.a") == {"tailbench.a", "tailbench.c"}
    assert "tailbench.d" in closure("tailbench.a", ())


def test_relative_imports_of_other_packages_are_followed(package):
    """Plug-ins and installed packages may import their own modules relatively."""
    package("p.__init__", "")
    package("p.q", "from . import helper\nfrom .other import thing\nfrom ..top import x")
    for name in ("p.helper", "p.other", "top"):
        package(name, "x = 1")
    found = closure("tailbench.p.q")
    assert found == {f"tailbench.{n}" for n in ("p.q", "p.helper", "p.other", "top")}


def test_a_comment_reaches_no_job(original, copy, package):
    for file in package.root.rglob("*.py"):
        file.write_text(file.read_text() + "\n# A comment.\n")
    forget()
    assert digests() == original


def test_nothing_is_imported_that_the_digest_does_not_see():
    """No relative imports here; and what has code in a package's ``__init__`` is known."""
    with_code = set()
    for path in MODULES:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
        if path.name == "__init__.py" and len(tree.body) > 1:
            with_code.add(path.parent.relative_to(SOURCE).as_posix())
    assert with_code <= {".", "pipeline/reporting/published", "plots"}


def test_every_module_can_be_digested():
    for path in MODULES:
        name = ".".join(["tailbench", *path.relative_to(SOURCE).with_suffix("").parts])
        name = name.removesuffix(".__init__")
        assert name in closure(name, ())
    for kind in registry.KINDS:
        for name in registry.names(kind):
            assert len(digest([registry.module_of(kind, name)])) == 16
