"""Which extra brings a package that is missing."""

import pytest

from tailbench.pipeline.runtime.extras import how_to_install


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("arch.data.sp500", "arch", "data"),
        ("sklearn.datasets", "sklearn", "data"),
        ("PIL", "PIL", "data"),
        ("pyarrow.parquet", "pyarrow", "data"),
        ("typer", "typer", "pipeline"),
        ("torch_fidelity", "torch_fidelity", "images"),
        ("pyvinecopulib", "pyvinecopulib", "vine"),
    ],
)
def test_the_extra_of_a_package(module, package, extra):
    said = how_to_install(ModuleNotFoundError(name=module))
    assert said == f"the package {package} is missing: pip install 'tailbench[{extra}]'"


@pytest.mark.parametrize("module", ["tailbench.nothing", "numpy", "pytest", "no_such", "", None])
def test_what_no_extra_for_users_brings(module):
    assert how_to_install(ModuleNotFoundError(name=module)) is None
