"""Parts from folders and from other installed packages, beside those of this package."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.planning.code_digest import closure, digest

METRIC = '''
"""The absolute difference of the medians of the first column."""

import numpy as np

from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings
{imports}

@register
class MedianError(BaseMetric):
    """Error of the median of the first column."""

    Settings = Settings
    outputs = {{"median_error": MetricOutput("error of the median")}}

    def compare(self, samples, reference, truth, rng):
        return {{"median_error": float(abs(np.median(samples[:, 0]) - np.median(reference[:, 0])))}}
'''


@pytest.fixture
def folder(tmp_path):
    """A folder for plug-ins; afterwards there are none, as before."""
    yield tmp_path
    registry.use_plugins([])
    os.environ.pop(registry.ENVIRONMENT, None)
    sys.modules.pop(registry.PLUGINS, None)


def write(folder, name, imports="", text=METRIC):
    (folder / f"{name}.py").write_text(text.format(imports=imports))


def test_a_file_adds_a_metric(folder):
    write(folder, "median_error")
    registry.use_plugins([folder])
    assert "median_error" in registry.names("metrics")
    metric = registry.load("metrics", "median_error")
    assert metric.name == "median_error"
    samples, reference = np.array([[1.0], [2.0], [3.0]]), np.ones((3, 1))
    values = metric()(samples, reference, None, np.random.default_rng(0))
    assert values == {"median_error": 1.0}
    assert registry.module_of("metrics", "median_error") == "tailbench_plugins.median_error"


def test_without_its_folder_it_is_gone(folder):
    write(folder, "median_error")
    registry.use_plugins([folder])
    registry.use_plugins([])
    assert "median_error" not in registry.names("metrics")
    with pytest.raises(InputError, match="there is no metric 'median_error'"):
        registry.load("metrics", "median_error")


def test_processes_that_are_started_use_the_same_folders(folder):
    write(folder, "median_error")
    registry.use_plugins([folder])
    code = "from tailbench import registry; print(registry.load('metrics', 'median_error').name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "median_error", done.stderr


def test_an_edit_of_a_plugin_or_its_helper_changes_the_digest(folder):
    write(folder, "median_error", "from tailbench_plugins.helper import SCALE\n")
    (folder / "helper.py").write_text("SCALE = 1\n")
    registry.use_plugins([folder])
    module = registry.module_of("metrics", "median_error")
    assert {"tailbench_plugins.helper", "tailbench.metrics.base"} <= closure(module)

    def fresh():
        from tailbench.pipeline.planning import code_digest

        for function in vars(code_digest).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
        return digest([module])

    before = fresh()
    (folder / "helper.py").write_text("SCALE = 1  # as it was\n")
    assert fresh() == before
    (folder / "helper.py").write_text("SCALE = 2\n")
    assert fresh() != before


def test_a_folder_that_does_not_exist(folder):
    with pytest.raises(InputError, match=r"the plugin folder .*nowhere does not exist"):
        registry.use_plugins([folder / "nowhere"])


def test_a_file_that_cannot_be_imported_is_named(folder):
    write(folder, "broken", "import no_such_package\n")
    with pytest.raises(InputError, match=r"broken\.py cannot be imported: No module named"):
        registry.use_plugins([folder])


def test_a_part_cannot_have_the_name_of_another(folder):
    write(folder, "msle")
    with pytest.raises(InputError, match=r"msle\.py .*(name of another part|named like another)"):
        registry.use_plugins([folder])
    assert registry.load("metrics", "msle").__module__ == "tailbench.metrics.msle"


def test_a_class_without_a_base_of_parts_is_refused(folder):
    text = "from tailbench.registry import register\n\n@register\nclass Lost:\n    pass\n"
    (folder / "lost.py").write_text(text)
    with pytest.raises(InputError, match="none of the base classes of parts"):
        registry.use_plugins([folder])


def test_an_installed_package_adds_a_metric_by_an_entry_point(folder, monkeypatch):
    package = folder / "other_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    write(package, "metrics", "from . import helper\n")
    (package / "helper.py").write_text("x = 1\n")
    info = folder / "other_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[tailbench.metrics]\nmedian = other_package.metrics:MedianError\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    registry.use_plugins([])
    try:
        assert "median" in registry.names("metrics")
        assert registry.load("metrics", "median").name == "median"
        assert registry.module_of("metrics", "median") == "other_package.metrics"
        assert "other_package.helper" in closure("other_package.metrics")
    finally:
        monkeypatch.undo()
        for name in [m for m in sys.modules if m.startswith("other_package")]:
            del sys.modules[name]
