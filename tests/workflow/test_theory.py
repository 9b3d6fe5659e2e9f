"""A configuration of experiments alone, from nothing to the report."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

TINY = {"targets": ["gaussian"], "steps": [8, 16, 32], "dims": [1, 2, 4], "dim_steps": 8}


@pytest.fixture
def tiny(fresh):
    fresh.configure({"theory": {"rate": {"type": "w2_rate", **TINY}}})
    return fresh


def test_experiments_alone_give_a_report_and_rerun_what_a_change_touches(tiny):
    printed = tiny.snakemake()
    assert "rate" in printed and "slopes on double logarithms" in printed
    folder = tiny.results / "theory" / "rate"
    slopes = pd.read_csv(folder / "slopes.csv")
    assert set(slopes["verdict"]) <= {"agrees", "within the bound", "outside"}
    assert (folder / "figure.png").stat().st_size > 10_000
    html = (tiny.results / "report.html").read_text()
    assert 'id="t-rate"' in html and "What would refute it" in html
    assert 'id="leaderboard"' not in html
    assert tiny.pending() == set()

    tiny.configure(lambda c: c["theory"]["rate"].update(targets=["gaussian", "uniform"]))
    again = {path for path, (_, pending) in tiny.outputs().items() if pending}
    cells = {path for path in again if "/cells/" in path}
    assert cells == {
        f"results/default/theory/rate/cells/uniform/{name}" for name in ("points.csv", "SHA256SUMS")
    }

    tiny.configure(lambda c: c["theory"]["rate"].update(targets=["gaussian"]))
    claims = tiny.repo / "src/tailbench/theory/w2_rate/claims.py"
    claims.write_text(claims.read_text().replace("DECADE = 10.5", "DECADE = 10.6"))
    again = {path for path, (_, pending) in tiny.outputs().items() if pending}
    assert "results/default/theory/rate/slopes.csv" in again
    assert not [path for path in again if "/cells/" in path]
