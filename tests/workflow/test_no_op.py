"""A run of 500 cells that finds nothing to be done; ``benchmarks/no_op.py`` takes its time."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def no_op():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "no_op.py"
    spec = importlib.util.spec_from_file_location("no_op", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_is_to_be_done_for_500_cells(fresh, no_op):
    no_op.finish(fresh.run, 500, fresh.repo, fresh.environment())
    cells = set((fresh.results / "metrics").glob("*/*/*/metrics.csv"))
    floors = set((fresh.results / "metrics").glob("*/floor/*/metrics.csv"))
    assert len(cells - floors) == 500
    fresh.configure(no_op.configuration(500))
    assert "Nothing to be done" in fresh.snakemake()
