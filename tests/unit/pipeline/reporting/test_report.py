"""The report and the tables on disk: complete, self-contained, and true to the data."""

import base64
import csv
import json
import re
import shutil
import subprocess
import sys
from html import escape

import numpy as np
import pandas as pd
import pytest
import yaml

from fabricate import seal
from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.metrics.group_scores import scores
from tailbench.metrics.ranking import ranking
from tailbench.metrics.verdicts import judgements, verdicts
from tailbench.pipeline.reporting import (
    decomposition,
    embedded_images,
    latex,
    run_info,
    tables,
)
from tailbench.pipeline.reporting.identical import identical
from tailbench.pipeline.reporting.labels import label_html, label_text
from tailbench.pipeline.reporting.number_format import clock
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.pipeline.stages import report
from tailbench.pipeline.stages import tables as tables_stage


@pytest.fixture(scope="module")
def html(fabricated, tmp_path_factory):
    output = tmp_path_factory.mktemp("report") / "report.html"
    report.run(fabricated, output)
    return output.read_text()


@pytest.fixture(scope="module")
def folder(fabricated):
    tables_stage.run(fabricated)
    return fabricated / "tables"


def urls_of(html):
    return re.findall(r"""(?:src|href|url\()=?["'(]?([^"')\s>]+)""", html)


def test_loads_nothing_from_elsewhere(html):
    urls = urls_of(html)
    assert urls
    assert all(url.startswith(("#", "data:")) for url in urls)
    assert "https://" not in html
    assert html.count("<script>") == html.count("</script>") == 1


def test_links_lead_to_files_beside_the_page_alone(fabricated):
    page = fabricated / "report.html"
    report.run(fabricated, page)
    html = page.read_text()
    page.unlink()
    links = [url for url in urls_of(html) if not url.startswith(("#", "data:"))]
    assert {"metrics.csv", "config.json", "models/", "samples/"} <= set(links)
    assert all((fabricated / link).exists() for link in links)
    assert not re.search(r'src="(?!data:)', html)


def section(html, name):
    found = re.search(rf'<section id="{name}"[^>]*>(.*?)</section>', html, re.DOTALL)
    return found[1] if found else ""


def test_the_leaderboard_comes_first_and_names_nobody_best_with_few_seeds(html, fabricated):
    first = re.search(r"<section id=.*?</section>", html, re.DOTALL)[0]
    assert first.startswith('<section id="leaderboard">')
    found = verdicts(judgements(metrics := ResultsReader(fabricated).metrics, scores(metrics)))
    assert len(found) == 3
    for sentence in found["sentence"]:
        assert escape(sentence, quote=True).replace("&#x27;", "&#39;") in first
    assert first.count("not enough seeds to rank") == 3  # the drawings of three groups
    assert first.count("<table") == 4
    assert "range over seeds" in first and "95 % interval" not in first
    assert "Runner-up" not in html and "winner" not in html
    assert "returns (seeds 0, 1, 2): <code>lim_ode</code>" in first


def test_with_enough_seeds_methods_have_ranks_and_letters(fabricated, tmp_path):
    metrics = ResultsReader(fabricated).metrics
    more = [metrics.assign(seed=metrics["seed"] + 3 * k) for k in range(2)]
    more[1]["value"] *= 1.01
    metrics = pd.concat(more)
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    report.run(tmp_path, tmp_path / "report.html")
    text = section((tmp_path / "report.html").read_text(), "leaderboard")
    assert "not enough seeds" not in text
    assert (
        text.count("cannot be told apart, by Student&#39;s test of differences within seeds") == 4
    )
    ranks = ranking(scores(metrics))
    first = ranks[ranks["group"] == "joint"].iloc[0]
    table = text.partition('aria-label="Ranking by joint tails"')[2].partition("</table>")[0]
    row = re.search(r"<tr><td.*?</tr>", table, re.DOTALL)[0]
    assert f"<code>{first['name']}</code>" in row
    assert f"<td>{first['cliques']}</td>" in row
    assert f"{100 * first['won']:.0f} %" in row


def test_without_floors_there_is_nothing_to_rank(fabricated, tmp_path):
    metrics = ResultsReader(fabricated).metrics.assign(floor=0.0, ratio=np.nan)
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    report.run(tmp_path, tmp_path / "report.html")
    text = section((tmp_path / "report.html").read_text(), "leaderboard")
    assert "there is nothing to rank" in text


def test_distances_of_images_have_a_floor_and_are_not_ranked(fabricated, tmp_path):
    """The page does not say that they have none."""
    metrics = ResultsReader(fabricated).metrics
    first = metrics[metrics["metric"] == metrics["metric"].iloc[0]]
    one = first.assign(metric="fid_inception", floor=1.0, ratio=first["value"])
    one.to_csv(tmp_path / "metrics.csv", index=False)
    report.run(tmp_path, tmp_path / "report.html")
    text = section((tmp_path / "report.html").read_text(), "leaderboard")
    assert "No metric of bulk or tails has a floor above zero" in text
    assert "Distances of images and shares of copies are not ranked" in text


def test_figures_of_all_datasets_are_in_the_leaderboard(fabricated, tmp_path):
    from PIL import Image

    for file in ("config.json", "plan.json", "metrics.csv"):
        (tmp_path / file).symlink_to(fabricated / file)
    for place in ("ranking/all", "grown/all", "cost/stable"):
        (tmp_path / "figures" / place).parent.mkdir(parents=True)
        Image.new("L", (40, 30)).save(tmp_path / "figures" / f"{place}.png")
    report.run(tmp_path, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    # the page draws the ranks itself; a figure that it does not know is under "More figures"
    assert section(text, "leaderboard").count("<img") == 0
    assert section(text, "leaderboard").count("<svg") == 3
    assert section(text, "d-stable").count("<img") == 1
    assert section(text, "more").count("<img") == 1


def test_says_what_is_missing_and_what_the_floor_is(html):
    assert "2 of 42 cells have no result" in html
    assert "not run" in html
    assert re.search(r"On real data \(returns\)", html)


def test_configuration_is_written_as_a_user_would(html):
    text = re.search(r'<pre id="yaml"[^>]*><code>(.*?)</code>', html, re.DOTALL)[1]
    config = yaml.safe_load(text.replace("&#39;", "'").replace("&#34;", '"'))
    assert config["datasets"]["stable"] == {
        "type": "alpha_stable",
        "dim": 2,
        "alpha": 1.7,
        "scale": 0.05,
    }
    assert config["seeds"] == ["0-1", "2"]


def test_names_are_escaped(fabricated, tmp_path):
    metrics = ResultsReader(fabricated).metrics.query("dataset == 'stable'")
    metrics["method"] = metrics["method"].replace("sgm", "<script>alert(1)</script>")
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    report.run(tmp_path, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_metrics_alone_are_enough(fabricated, tmp_path):
    metrics = ResultsReader(fabricated).metrics
    metrics.query("seed == 0").to_csv(tmp_path / "metrics.csv", index=False)
    report.run(tmp_path, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "No timings were recorded" in text
    assert "not enough seeds to rank" in text
    with pytest.raises(InputError, match=r"metrics\.csv do not exist"):
        report.run(tmp_path / "nowhere", tmp_path / "report.html")


def test_stages_load_no_torch(fabricated, tmp_path):
    code = (
        "import sys; from tailbench.pipeline.stages import figure, report, tables;"
        f"report.run({str(fabricated)!r}, {str(tmp_path / 'r.html')!r});"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_timings_add_up(fabricated):
    times = run_info.timings(fabricated)
    assert len(times["jobs"]) == 115
    assert sum(row["seconds"] for row in times["rules"]) == pytest.approx(times["total"])
    assert sum(row["share"] for row in times["shares"]) == pytest.approx(1)
    assert {row["rule"] for row in times["rules"]} == {
        "data",
        "train",
        "sample",
        "evaluate",
        "collect",
    }
    assert run_info.timings(fabricated / "nowhere")["jobs"] == []


def test_tails_are_averaged_over_seeds(fabricated):
    (found,) = run_info.tails(ResultsReader(fabricated), "student")
    assert (found["model"], found["seeds"], len(found["rows"])) == ("flow", 3, 20)
    assert found["rows"][0]["index"] == pytest.approx(2.5)
    assert found["rows"][0]["column"] == "x1"
    assert [row["heavy"] for row in found["rows"]] == [3] * 12 + [0] * 8


def test_models_are_shared_by_methods(fabricated):
    shared = run_info.sharing(ResultsReader(fabricated))
    assert shared["dlpm"] == ["dlpm", "dlim"]
    assert shared["flow"] == ["flow", "flow_sgm"]


def test_pictures_are_webp_within_the_budget_and_smaller_beyond_it(tmp_path):
    import io

    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path in paths:
        Image.fromarray(noise).save(path)
    saved = embedded_images.embed(paths, 10_000_000)
    kind, _, encoded = saved[paths[0]].source.partition(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        assert image.size == (saved[paths[0]].width, saved[paths[0]].height) == (400, 300)
        assert abs(np.asarray(image.convert("RGB")).mean() - noise.mean()) < 2
    small = embedded_images.embed(paths, 50_000)
    assert 50 < small[paths[0]].width < 400
    assert sum(len(p.source) for p in small.values()) < 50_000 * 1.4
    assert embedded_images.embed(paths, 10_000_000, widest=200)[paths[0]].height == 150


def test_identical_results_are_called_identical(fabricated, tmp_path):
    metrics = ResultsReader(fabricated).metrics
    flow = metrics[metrics["method"] == "flow"]
    same = pd.concat([metrics, flow.assign(method="flow_at_zero")])
    assert identical(metrics) == []
    found = identical(same)
    assert found == [(name, ["flow", "flow_at_zero"]) for name in ("stable", "student", "returns")]
    same.to_csv(tmp_path / "metrics.csv", index=False)
    report.run(tmp_path, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert section(text, "leaderboard").count("identical results, to the last bit") == 3
    assert '"identical","–","–"' in text


def test_distances_are_marked_where_the_index_is_too_small_for_their_order(html):
    stable = section(html, "d-stable")
    (marked,) = re.findall("unfit here</span> (.*?): with", stable)
    assert marked.count("max-sliced") == 1 and marked.count("sliced") == 2  # not those of order 1
    assert stable.count("(unfit)") == 2
    assert "unfit here" not in section(html, "d-student")
    glossary = section(html, "floor")
    for order in (1, 2):
        said = rf"<code>(\w+)</code>.*where the tail index is at most {order}<"
        rows = re.findall(said, glossary)
        assert rows == [f"sw{order}", f"max_sw{order}"]


def test_distances_of_order_one_are_unfit_where_not_even_a_mean_exists(fabricated, tmp_path):
    shutil.copytree(fabricated, tmp_path / "heavier")
    for meta in (tmp_path / "heavier" / "data" / "stable").rglob("meta.json"):
        record = json.loads(meta.read_text())
        record["tail_index"] = [0.9 for _ in record["tail_index"]]
        seal(meta, sorted(meta.parent.glob("*.npy")), record)
    report.run(tmp_path / "heavier", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert section(text, "d-stable").count("(unfit)") == 4
    assert "unfit here" not in section(text, "d-student")


def test_metrics_have_one_name(html):
    """Where readers meet a metric it is by its label; the files' name is in one table alone."""
    packed = json.loads(re.search(r"const packed = (.*);\n", html)[1])
    assert "max-sliced W1 ↓" in packed["metrics"] and "precision (F1/8) ↑" in packed["metrics"]
    without = html.replace(section(html, "floor"), "").partition('<section id="config"')[0]
    words = re.sub(r'title="[^"]*"', "", without)
    assert not re.search(r"max_sw1|tail_index_error_hill|es99_error", words)


def test_says_commit_command_and_rows(html, fabricated, tmp_path, monkeypatch):
    assert re.fullmatch(r"([0-9a-f]{12}(, with changes)?)?", run_info.commit())
    assert "tailbench run" in section(html, "how")
    meta = ResultsReader(fabricated).meta
    rows = {"rows": {"train": 1234, "test": 567}, "dates": {"test": ["2015-01-02", "2018-12-31"]}}
    monkeypatch.setattr(ResultsReader, "meta", lambda self, name: {**meta(name), **rows})
    report.run(fabricated, tmp_path / "report.html")
    text = section((tmp_path / "report.html").read_text(), "d-stable")
    assert "training rows: <strong>1,234</strong>" in text
    assert "567 (2015-01-02 to 2018-12-31)" in text
    assert "rows behind ES 99 %: <strong>5.67</strong>" in text


def test_clock():
    assert [clock(s) for s in (0.25, 12.4, 200, 7500, float("nan"))] == [
        "0.25 s",
        "12 s",
        "3 min 20 s",
        "2 h 05 min",
        "–",
    ]


def test_labels_become_html():
    assert str(label_html("max $W_1$ < 2")) == "max <i>W<sub>1</sub></i> &lt; 2"
    assert str(label_html("$F_{1/8}^{pr}$")) == "<i>F<sub>1/8</sub><sup>pr</sup></i>"
    assert label_text("error of $\\chi(0.95)$ & more") == "error of χ(0.95) & more"


def test_tables_are_written_as_csv_and_latex(folder):
    names = {path.name for path in folder.iterdir()}
    for name in (
        "summary",
        "ranking",
        "scores",
        "pairwise",
        "paired",
        "published",
        "risks",
        "missing",
    ):
        assert {f"{name}.csv", f"{name}.tex"} <= names
        with (folder / f"{name}.csv").open() as stream:
            assert len(list(csv.reader(stream))) > 1
    assert {"dataset_stable.tex", "dataset_stable_all.tex"} <= names
    # nothing to split without an oracle
    assert len((folder / "decomposition.csv").read_text().splitlines()) == 1
    assert "decomposition.tex" in names


def test_the_split_of_distances_is_shown_with_what_it_lacks(
    fabricated, tmp_path, monkeypatch, html
):
    row = dict.fromkeys(decomposition.decomposition(pd.DataFrame({"metric": []}), {}).columns, "")
    row |= {"dataset": "stable", "metric": "max_sw1", "name": "sgm, x = 1", "n": 3, "floor": 0.2}
    row |= {"distance": 0.5, "start": np.nan, "discretisation": 0.125, "learning": np.nan}
    row |= {f"{part}_ratio": np.nan for part in ("start", "learning", "distance")}
    row |= {"discretisation_ratio": 0.625, "missing_start": "oracle, start: data"}
    monkeypatch.setattr(decomposition, "decomposition", lambda *_: pd.DataFrame([row]))
    report.run(fabricated, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert 'href="#decomposition"' in text and 'href="#decomposition"' not in html
    split = section(text, "decomposition")
    assert "needs oracle, start: data" in split and "sgm, x = 1" in split
    assert "max-sliced W1" in split
    assert re.search(r"0\.125\s+<span class=\"ratio\">0\.62 ×", split)
    assert "Distances are not additive" in split


def test_latex_is_balanced_and_escaped(folder):
    for path in folder.glob("*.tex"):
        text = path.read_text()
        bare = re.sub(r"\\[\\&%$#_{}]", "", text)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0
        parts = re.split(r"begin\{(?:tabular|longtable)\}", text)[1:]
        assert parts
        for part in parts:
            spec = re.sub(r">\{\\raggedright\\arraybackslash\}p\{\d+pt\}", "p", part.split("\n")[0])
            assert re.fullmatch(r"\{[lrp]+\}", spec)
            rows = [line for line in part.splitlines() if line.endswith(r"\\")]
            assert all(len(re.findall(r"(?<!\\)&", row)) == len(spec) - 3 for row in rows)
        assert text.isascii()


def test_latex_marks_the_best_and_the_incomplete():
    rows = [("d", "a_b", "", s, "max_sw1", 0.1 + s / 100, 0.05) for s in (0, 1)]
    rows += [("d", "c", "", s, "max_sw1", v, 0.05) for s, v in ((0, 0.01), (1, np.nan))]
    metrics = pd.DataFrame(rows, columns=list(tables.COLUMNS))
    outputs = {"max_sw1": MetricOutput("max-sliced $W_1$")}
    text = latex.dataset_table(tables.summary(metrics, outputs), "d", ["max_sw1"], outputs)
    assert r"a\_b & \textbf{0.105 $\pm$ 0.007} \\" in text
    assert r"c & 0.0100 (1/2) \\" in text
    assert r"\shortstack[r]{max-sliced\\ $W_1$ $\downarrow$}" in text
    assert "floor & 0.0500" in text


def test_latex_escapes_texts_and_keeps_mathematics():
    table = pd.DataFrame({"a_b": ["50 % of a_b $W_1$ & ±"], "n": [0.12345]})
    text = latex.plain_table(table)
    assert r"50 \% of a\_b $W_1$ \& $\pm$ & 0.123 \\" in text
    assert r"\toprule" in text and "booktabs" in text
