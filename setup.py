"""Put the workflow into the wheel; all else that a build needs is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("Snakefile", "config.yaml", "envs", "presets", "profiles", "workflow")
"""What `tailbench run` needs of a checkout."""


class BuildWithWorkflow(build_py):
    """Copy the workflow below the package, unless the package stays in its checkout."""

    def run(self) -> None:
        """Build, then copy the files."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "tailbench", "pipeline", "workflow_files")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in SHIPPED:
            if Path(name).is_dir():
                shutil.copytree(name, target / name)
            else:
                shutil.copy2(name, target / name)


setup(cmdclass={"build_py": BuildWithWorkflow})
