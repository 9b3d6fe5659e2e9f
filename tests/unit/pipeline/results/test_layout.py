"""Every path below results: one folder for each configuration, patterns for the rules."""

import pytest

from tailbench.exceptions import InputError
from tailbench.pipeline.results.layout import Layout, only_results


def test_every_path_is_in_the_folder_of_the_configuration():
    layout = Layout.of("mine")
    paths = [layout.log("x"), layout.benchmark("x")]
    for name in dir(Layout):
        if name.startswith("_") or name in ("of", "root", "log", "benchmark"):
            continue
        value = getattr(layout, name)
        paths.append(value() if callable(value) else value)
    assert len(paths) == len(set(paths))
    assert all(path.startswith("results/mine/") for path in paths)


def test_what_is_left_out_is_a_wildcard():
    layout = Layout("r")
    assert layout.data() == "r/data/{dataset}/{block}"
    assert layout.metrics(method="floor") == "r/metrics/{dataset}/floor/{block}"
    assert layout.samples("d", "m", "0-1") == layout.samples().format(
        dataset="d", method="m", block="0-1"
    )


def test_the_only_results_are_taken(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        only_results(tmp_path / "results")
    (tmp_path / "results" / ".hidden").mkdir(parents=True)
    (tmp_path / "results" / "README.md").write_text("")
    with pytest.raises(InputError, match="holds no results"):
        only_results(tmp_path / "results")
    (tmp_path / "results" / "smoke").mkdir()
    assert only_results(tmp_path / "results") == tmp_path / "results" / "smoke"
    (tmp_path / "results" / "default").mkdir()
    with pytest.raises(InputError, match=r"--results: .*results/default, .*results/smoke"):
        only_results(tmp_path / "results")
