"""Figures and tables for a paper, from metrics alone, measured."""

import gzip
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image
from typer.testing import CliRunner

from repository import ROOT
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.cli import app
from tailbench.pipeline.reporting.latex_layout import Column, escape, tables
from tailbench.pipeline.reporting.metrics_figures import MetricsAlone, draw_figures, drawable
from tailbench.pipeline.reporting.paper_tables import paper_tables
from tailbench.pipeline.results.reader import read_metrics
from tailbench.plots import style
from tailbench.plots.base import ALL
from tailbench.plots.paper import COLUMN, LETTERS, PAGE, Form, form, of_form, save_exact

METRICS = ["max_sw1", "sw1", "energy", "msle", "es99_error", "tail_index_error_hill"]
METRICS += ["coverage_error_upper", "coverage_error_lower", "chi95_error", "msle_norm", "tail_ks"]
RECORDED = Path(ROOT, "docs/reproduction/rivals/metrics.csv.gz")


def board(methods=24, datasets=14, seeds=5):
    """A leaderboard of methods with names as long as the longest that there are."""
    rng = np.random.default_rng(0)
    sides = ["tails_too_light", "tails_too_heavy", "norm_too_light", "norm_too_heavy"]
    shape = (datasets, methods, seeds, len(METRICS) + len(sides))
    index = np.stack([i.ravel() for i in np.indices(shape)])
    worse = np.exp(0.15 * index[1] + 0.3 * rng.standard_normal(index.shape[1]))
    names = np.array([*METRICS, *sides])
    return pd.DataFrame(
        {
            "dataset": [f"student_mixture_{k}" for k in index[0]],
            "method": [f"copula_gaussian_{k}" for k in index[1]],
            "variant": "",
            "seed": index[2],
            "metric": names[index[3]],
            "value": 0.01 * worse,
            "floor": 0.01,
            "nfe": np.where(index[1] % 3, 32, 1),
            "train_seconds": 0.01 * np.exp(0.4 * index[1]),
            "sample_seconds": 0.1,
            "settings": "{}",
            "sigma_T": np.where(index[1] == 2, 0.5 * index[2], np.nan),
        }
    )


@pytest.fixture(scope="module")
def large():
    return board()


@pytest.fixture(scope="module")
def small():
    return board(methods=3, datasets=1, seeds=2)


def texts(figure):
    """The texts of a figure that are seen."""
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text.get_window_extent().width > 0
    ]


def tick_labels(figure):
    """The labels of the ticks within the limits, one list for each axis."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = axis.get_major_ticks()
            shown = [t.label1 for t in ticks if low <= t.get_loc() <= high]
            yield [label for label in shown if label.get_visible() and label.get_text()]


def check(figure, path, inches):
    """Width of the file, size of all letters, nothing cut off, no label on another one."""
    save_exact(figure, path, 300)
    with Image.open(path) as image:
        assert image.width == round(300 * inches)
    assert figure.get_figheight() <= 9.2
    found = texts(figure)
    assert found
    for text in found:
        assert LETTERS[0] <= text.get_fontsize() <= LETTERS[1], text
    width, height = figure.dpi * figure.get_size_inches()
    drawn = [label for labels in tick_labels(figure) for label in labels]
    free = [t for t in found if t not in drawn and not is_tick(t, figure)]
    for text in [*drawn, *free]:
        box = text.get_window_extent()
        assert box.x0 > -1 and box.y0 > -1, text
        assert box.x1 < width + 1 and box.y1 < height + 1, text
    for labels in tick_labels(figure):
        for a, b in combinations([label.get_window_extent() for label in labels], 2):
            assert not a.overlaps(b), [label.get_text() for label in labels]


def is_tick(text, figure):
    ticks = [t for a in figure.axes for x in (a.xaxis, a.yaxis) for t in x.get_major_ticks()]
    return any(text in (t.label1, t.label2) for t in ticks)


@pytest.mark.slow
@pytest.mark.parametrize("inches", [COLUMN, PAGE])
@pytest.mark.parametrize("name", ["ranking", "pareto", "profiles", "verdict_map"])
def test_figures_of_all_datasets_fit_on_paper(name, inches, large, tmp_path):
    with of_form(Form(inches)), style.theme():
        parts = registry.load("figures", name)().draw_parts(MetricsAlone(large), ALL)
        assert parts
        for part, figure in parts.items():
            check(figure, tmp_path / f"{name}_{part}.png", inches)


@pytest.mark.slow
@pytest.mark.parametrize("inches", [COLUMN, PAGE])
@pytest.mark.parametrize("name", ["comparison", "cost", "nfe"])
def test_figures_of_a_dataset_fit_on_paper(name, inches, large, tmp_path):
    one = large[large["dataset"] == "student_mixture_0"]
    with of_form(Form(inches)), style.theme():
        parts = registry.load("figures", name)().draw_parts(MetricsAlone(one), "student_mixture_0")
        assert parts
        for part, figure in parts.items():
            check(figure, tmp_path / f"{name}_{part}.png", inches)


@pytest.mark.slow
def test_one_command_draws_all_and_writes_tables(small, tmp_path):
    packed = tmp_path / "metrics.csv.gz"
    with gzip.open(packed, "wt") as stream:
        small.to_csv(stream, index=False)
    out = tmp_path / "paper"
    command = ["figures", str(packed), "--output", str(out), "--width", "column"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    names = {path.stem for path in out.glob("*.pdf")}
    assert any(name.startswith("comparison_student_mixture_0_joint") for name in names)
    groups = ("bulk", "margins", "joint")
    assert {f"{name}_{g}" for name in ("ranking", "pareto", "profiles") for g in groups} <= names
    assert {"cost_student_mixture_0", "nfe_student_mixture_0", "verdict_map_tails"} <= names
    for path in out.glob("*.pdf"):
        box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", path.read_bytes())
        assert float(box[1]) == pytest.approx(72 * COLUMN, abs=0.01)
    written = {path.stem for path in (out / "tables").glob("*.tex")}
    assert {"overview_bulk", "ranking_joint", "verdicts", "summary", "pairwise"} <= written
    assert "dataset_student_mixture_0_margins" in written


def test_only_some_figures_in_some_formats(small, tmp_path):
    small.to_csv(tmp_path / "m.csv", index=False)
    command = ["figures", str(tmp_path / "m.csv"), "-o", str(tmp_path / "out"), "--width", "5.5"]
    command += ["--only", "ranking", "--format", "png", "--format", "svg", "--dpi", "60", "--dark"]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"ranking.png", "ranking.svg"}
    with Image.open(tmp_path / "out/ranking.png") as image:
        assert image.width == 330
        assert image.convert("RGB").getpixel((0, 0)) == (0x0D, 0x11, 0x17)
    assert form() == Form()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width", "wide"], "--width 'wide' is neither column, page nor 2.5 to 15 inches"),
        (["--width", "1"], "--width '1' is neither"),
        (["--only", "survival"], "figure 'survival' is not drawn from metrics alone"),
        (["--only", "rnking"], "figure 'rnking' is not drawn from metrics alone"),
    ],
)
def test_bad_input_is_refused(arguments, message, small, tmp_path):
    small.to_csv(tmp_path / "m.csv", index=False)
    command = ["figures", str(tmp_path / "m.csv"), "-o", str(tmp_path / "out"), *arguments]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_figures_drawn_from_metrics_alone():
    assert {"ranking", "pareto", "profiles", "verdict_map", "comparison"} <= set(drawable())
    assert not {"survival", "training", "samples"} & set(drawable())
    with pytest.raises(InputError, match="asks for samples, which is not in the metrics"):
        MetricsAlone(pd.DataFrame()).samples("returns")


def test_a_chosen_noise_level_is_no_sweep(small):
    """Without the configuration: one variant has several levels, one for each seed."""
    assert MetricsAlone(small).chosen_methods() == {"copula_gaussian_2"}
    assert draw_figures(small, Path("unused"), Form(COLUMN), names=["sigma_t"]) == []


# LaTeX


def test_columns_are_parted_by_the_width():
    keys = [Column("method", ["a", "bb"])]
    rest = [Column(f"m{k}", ["1.23", "4.56"], number=True) for k in range(10)]
    widths = [sum(c.natural + 6 for c in [*keys, *rest[:k]]) for k in (5, 10)]
    whole, halved = (tables(keys, rest, width) for width in widths[::-1])
    assert [text.count(r"\begin{tabular}") for text in (whole, halved)] == [1, 2]
    assert whole.count("bb &") == 1 and halved.count("bb &") == 2
    for k in range(10):
        assert halved.count(f"m{k}") == 1
    many = Column("m", ["1"] * 60, number=True)
    long = tables([Column("method", list("ab" * 30))], [many], 300)
    assert long.count(r"\begin{longtable}") == 1 and r"\endhead" in long


def test_mathematics_of_a_name_cannot_run_commands():
    assert escape("max $W_1$") == "max $W_1$"
    assert escape(r"error of $\bar\chi(0.95)$") == r"error of $\bar\chi(0.95)$"
    assert r"\input" not in escape(r"$\input{/etc/passwd}$")
    assert escape("a_b & 5 % ± 1") == r"a\_b \& 5 \% $\pm$ 1"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("inches", [COLUMN, 4.77, PAGE])
def test_tables_of_the_recorded_leaderboard_fit_with_a_real_latex(inches, tmp_path):
    found = paper_tables(read_metrics(RECORDED), 72.27 * inches)
    assert {"summary", "verdicts", "dataset_losses_margins"} <= set(found)
    parts = [f"\\typeout{{TABLE {name}}}\n{text}\n\\clearpage" for name, text in found.items()]
    packages = rf"""\documentclass{{article}}\usepackage{{array,booktabs,longtable}}
        \usepackage[textwidth={inches}in,textheight=9in]{{geometry}}\parindent0pt
        \begin{{document}}"""
    (tmp_path / "all.tex").write_text("\n".join([packages, *parts, r"\end{document}"]))
    for _ in range(2):  # a longtable finds its widths in the second run
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        log = (tmp_path / "all.log").read_text(errors="replace")
        assert ran.returncode == 0, log[-2000:]
    assert log.count("TABLE ") == len(found)
    wide = re.findall(r"TABLE \w+|Overfull \\[hv]box \(([\d.]+)pt", log)
    assert [size for size in wide if size] == [], re.findall(r"(?:TABLE|Overfull).*", log)
