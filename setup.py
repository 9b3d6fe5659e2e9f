"""Put the workflow and recorded results into the wheel; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("Snakefile", "config.yaml", "envs", "presets", "profiles", "workflow")
"""What `tailbench run` needs of a checkout."""

RECORDED = ("record.json", "metrics.csv", "metrics.csv.gz")
"""What `tailbench rank` needs of a folder of recorded results, where it has the first of them."""


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
        for record in Path("docs", "reproduction").glob(f"*/{RECORDED[0]}"):
            (target / record.parent).mkdir(parents=True)
            for file in filter(Path.is_file, map(record.with_name, RECORDED)):
                shutil.copy2(file, target / file)


setup(cmdclass={"build_py": BuildWithWorkflow})
