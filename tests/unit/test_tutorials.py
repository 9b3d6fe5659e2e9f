"""The tutorials run as they are written, and their notebooks are in step with them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT
from tools_of import tool

tutorials = tool("tutorials")
CHECKOUT = ("Snakefile", "config.yaml", "workflow", "profiles", "presets", "envs", "src")
"""What a tutorial that is started in a checkout finds in the current folder."""
MISSING = "Run: python tools/tutorials.py notebooks"


def run(page, folder, **environment):
    """Run a page in a folder, as its reader would."""
    installed = folder / "installed"
    installed.mkdir()
    for name in CHECKOUT:
        (folder / name).symlink_to(ROOT / name)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(installed)]),
        # What a page installs goes into the folder, from what is on the machine.
        "PIP_TARGET": str(installed),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "MPLBACKEND": "agg",
    }
    command = [sys.executable, str(ROOT / "tools" / "tutorials.py"), "run", str(page)]
    return subprocess.run(
        command, cwd=folder, env=kept | own, capture_output=True, text=True, timeout=900
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", tutorials.PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs_as_it_is_written(page, tmp_path):
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_a_mistake_in_a_page_ends_it(tmp_path):
    for number, code in enumerate(("```python\n1 / 0\n```\n", "```sh\nfalse\ntrue\n```\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "page.md").write_text(f"# Page\n\n{code}")
        assert run(folder / "page.md", folder).returncode != 0


@pytest.mark.parametrize("page", tutorials.PAGES, ids=lambda page: page.stem)
def test_the_notebook_is_in_step(page):
    notebook = page.with_suffix(".ipynb")
    assert notebook.is_file() and notebook.read_text() == tutorials.notebook_text(page), MISSING
    assert f"]({notebook.name})" in page.read_text(), "the page does not name its notebook"


def test_no_notebook_is_left_over():
    pages = {page.stem for page in tutorials.PAGES}
    assert {path.stem for path in tutorials.PAGES[0].parent.glob("*.ipynb")} == pages
    assert len(pages) >= 5


def test_a_page_becomes_cells():
    page = (
        "# Title\n\n```python\nx = 1\n```\n\nWords\n\n```yaml\n# a/b.yaml\nkey: 1\n```\n"
        "```text\noutput\n```\n```sh\none\ntwo\n```\n"
    )
    made = json.loads(json.dumps(tutorials.notebook(page)))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]]
    assert cells == [
        ("markdown", "# Title"),
        ("code", "x = 1"),
        ("markdown", "Words"),
        ("code", "%%writefile a/b.yaml\nkey: 1"),
        ("markdown", "```text\noutput\n```"),
        ("code", "!one\n!two"),
    ]
    assert all((cell["cell_type"] == "code") == ("outputs" in cell) for cell in made["cells"])
    assert len({cell["id"] for cell in made["cells"]}) == len(cells)


def test_files_and_names_last_from_block_to_block(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tutorials.run(
        "```toml\n# deep/data.toml\nkey = 1\n```\n```python\nx = 2\n```\n"
        "```bash\nexit 1\n```\n```sh\ncat deep/data.toml\n```\n```python\nprint(x + 1)\n```\n"
    )
    assert capfd.readouterr().out == "key = 1\n3\n"
