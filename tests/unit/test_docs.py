"""What README.md and docs/ say can be done: links lead somewhere, commands exist, code runs."""

import re
import shlex

import numpy as np
import pytest
import yaml
from typer.main import get_command

from repository import ROOT
from tailbench import registry
from tailbench.pipeline.cli import app
from tailbench.pipeline.config.json_schema import config_schema
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.reference import config_markdown

DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
"""Run as a whole by test_tutorials.py."""
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "results" / "README.md",
    *sorted({*DOCS.rglob("*.md")} - {*TUTORIALS}),
]
RUN_ELSEWHERE = [*TUTORIALS, DOCS / "gallery.md"]
WRITTEN = {
    name for page in TUTORIALS for name in re.findall(r"^# ([\w-]+\.yaml)$", page.read_text(), re.M)
}
"""Configurations that tutorials write."""
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PART = re.compile(r"# src/tailbench/(\w+)/(\w+)\.py\n")
BASE = """
datasets: {gmm: {}}
models: {sgm: {}, flow: {}}
methods: {sgm: {}, flow: {}, flow_sgm: {}}
"""


def where(page):
    return str(page.relative_to(ROOT))


def blocks(language, pages=None):
    """The code blocks of a language, each with the page and the number of its first line."""
    found = []
    for page in pages or [page for page in PAGES if page not in RUN_ELSEWHERE]:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match[1] == language:
                line = text[: match.start()].count("\n") + 2
                found.append(pytest.param(match[2], id=f"{where(page)}:{line}"))
    return found


def prose(page):
    """A page without its code blocks."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=where)
def test_links_lead_somewhere(page):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    assert not wrong


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=where)
def test_files_that_are_named_exist(page):
    named = re.findall(
        r"`((?:src|docs|presets|profiles|envs|workflow|tests)/[\w./-]*|[\w-]+\.yaml)`", prose(page)
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def make(arguments):
    makefile = (ROOT / "Makefile").read_text()
    for argument in arguments:
        name, is_variable, value = argument.partition("=")
        if is_variable:
            assert re.search(rf"^{name} *\??=", makefile, re.MULTILINE), argument
            preset = ROOT / "presets" / f"{value}.yaml"
            assert name != "CONFIG" or (ROOT / value).is_file() or preset.is_file(), argument
            if name == "ARGS":
                snakemake(shlex.split(value))
        else:
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), argument


def tailbench(arguments):
    name, *rest = arguments
    command = get_command(app).commands[name]
    command.make_context(name, list(rest))
    for argument in rest:
        if "/" in argument and not argument.startswith("results/"):  # which a run makes
            assert (ROOT / argument).is_file(), argument


def snakemake(arguments):
    from snakemake.cli import get_argument_parser

    parsed = get_argument_parser([]).parse_args(arguments)
    for path in parsed.configfile or []:
        assert (ROOT / path).is_file() or str(path) in WRITTEN, path


@pytest.mark.parametrize("text", [*blocks("sh"), *blocks("bash", TUTORIALS)])
def test_commands_exist(text):
    for line in text.splitlines():
        match shlex.split(line):
            case ["make", *arguments]:
                make(arguments)
            case ["tailbench", *arguments] | ["python", "-m", "tailbench", *arguments]:
                tailbench(arguments)
            case ["snakemake", *arguments]:
                snakemake(arguments)
            case ["python", script, *_] if script.startswith("tools/"):
                assert (ROOT / script).is_file(), script
            case ["git", "clone", *_] | ["cd", "tailbench"] | ["source", ".venv/bin/activate"]:
                pass
            case _:
                pytest.fail(f"not a command that is known here: {line}")


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=where)
def test_commands_in_the_text_exist(page):
    text = prose(page)
    for target in re.findall(r"`make ([\w-]+)", text):
        make([target])
    for name in re.findall(r"`(?:python -m )?tailbench ([a-z][a-z-]*)", text):
        assert name in get_command(app).commands
    for option in re.findall(r"`snakemake (--[^`]+)`", text):
        snakemake(shlex.split(option))


@pytest.fixture
def extended(tmp_path):
    """Put the parts that the pages show in a folder of plug-ins; give their kinds and names."""
    parts = []
    for parameter in blocks("python"):
        if found := PART.match(parameter.values[0]):
            kind, name = found.groups()
            assert name not in registry.names(kind), f"there is a {name} by now"
            (tmp_path / f"{name}.py").write_text(parameter.values[0], encoding="utf-8")
            parts.append((kind, name))
    registry.use_plugins([tmp_path])
    yield parts
    registry.use_plugins([])


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_is_part_of_a_configuration(text, extended):
    parse(yaml.safe_load(BASE) | yaml.safe_load(text))


SHORTER = {
    '{"train_steps": 200}': '{"train_steps": 5}',
    "train_steps=20": "train_steps=2",
    "(4000, 2)": "(400, 2)",
    "draw(4000)": "draw(400)",
}
"""What makes an example quick and changes nothing of what it shows."""


@pytest.mark.parametrize("text", [b for b in blocks("python") if not PART.match(b.values[0])])
def test_code_runs_as_it_is_written(text, tmp_path, monkeypatch, capsys):
    if "results/default/models" in text:  # the files of a finished run
        from tailbench import Flow

        x = np.random.default_rng(0).standard_t(2.5, size=(2, 100, 2))
        flow = Flow(train_steps=2, layers=1, width=8).fit(x, verbose=False)
        flow.save(tmp_path / "results" / "default" / "models" / "any" / "flow" / "0-1")
    monkeypatch.chdir(tmp_path)
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    exec(compile(text, "example", "exec"), {"__name__": "example"})
    assert "print" not in text or capsys.readouterr().out


def test_the_parts_that_the_pages_show_are_found_and_documented(extended):
    assert {kind for kind, _ in extended} == {"metrics", "models", "targets"}
    for kind, name in extended:
        assert name in registry.names(kind)
        assert registry.first_line(registry.load(kind, name))
        section = "datasets" if kind == "targets" else kind
        assert f"{section}.{name}" in config_schema()["$defs"]
        assert f"type `{name}`" in config_markdown()


def test_the_target_that_the_pages_show_is_right(extended):
    ((_, name),) = (part for part in extended if part[0] == "targets")
    target = registry.load("targets", name)(index=3.0, dim=2, n_train=50, n_test=50)
    x = target.sample(200_000, np.random.default_rng(0))
    assert x.shape == (200_000, 2)
    p = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
    exact = target.quantile(p)
    assert exact.shape == (2, 5)
    np.testing.assert_allclose(np.mean(x[..., None] <= exact, axis=0), [p, p], atol=4e-3)
    np.testing.assert_array_equal(target.quantile([0.0, 1.0])[0], [-np.inf, np.inf])
    splits = target.splits("any", 0)
    assert splits.train.shape == splits.floor.shape == (50, 2)


def test_the_metric_that_the_pages_show_is_right(extended):
    ((_, name),) = (part for part in extended if part[0] == "metrics")
    metric = registry.load("metrics", name)(level=0.9)
    rng = np.random.default_rng(0)
    x = rng.standard_t(2.5, size=(1000, 3))
    assert metric(x, x, None, rng) == {"far_quantile_error": 0.0}
    middle = np.median(x, axis=0)
    twice = metric(middle + 2 * (x - middle), x, None, rng)["far_quantile_error"]
    assert twice == pytest.approx(np.log(2))
    assert set(metric.outputs) == {"far_quantile_error"}


def test_the_model_that_the_pages_show_is_right(extended, tmp_path):
    ((_, name),) = (part for part in extended if part[0] == "models")
    model = registry.load("models", name)
    root = np.array([[2.0, 0.0], [1.0, 0.5]])
    x = np.random.default_rng(0).standard_normal((50_000, 2)) @ root.T + [3.0, -1.0]
    fitted = model().fit(x)
    samples = fitted.sample(50_000)
    np.testing.assert_allclose(samples.mean(axis=0), [3.0, -1.0], atol=0.05)
    np.testing.assert_allclose(np.cov(samples.T), root @ root.T, atol=0.1)
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(model.load(tmp_path / "model").sample(9), samples[:9])


@pytest.mark.parametrize("kind", ["metrics", "models"])
def test_the_pages_name_every_part(kind):
    text = (ROOT / "docs" / f"{kind}.md").read_text(encoding="utf-8")
    for name in registry.names(kind):
        assert f"`{name}`" in text
        for output in getattr(registry.load(kind, name), "outputs", {}):
            short = f"`_{output.rpartition('_')[2]}`"
            assert f"`{output}`" in text or short in text, output
