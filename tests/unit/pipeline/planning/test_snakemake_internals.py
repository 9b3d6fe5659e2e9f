"""The private interfaces of Snakemake are as they were when the code was written."""

import inspect
import subprocess
import sys
from importlib import metadata

import pytest

from tailbench.pipeline.planning import snakemake_internals

SNAKEFILE = """
import sys
from tailbench.pipeline.planning import snakemake_internals as internals

print("limit", internals.gpu_limit(workflow), file=sys.stderr)
print("cluster", internals.on_cluster(workflow), file=sys.stderr)
internals.limit_gpus(workflow, 2)
internals.limit_cores(workflow, 4)
internals.set_tmpdir(workflow)
cores = workflow.global_resources["_cores"].value
print("then", internals.gpu_limit(workflow), cores, file=sys.stderr)

rule all:
    output: "done"
    shell: "touch {output}"
"""


def test_the_installed_version_is_the_one_that_the_module_was_written_for():
    installed = ".".join(metadata.version("snakemake").split(".")[:2])
    assert installed == snakemake_internals.WRITTEN_FOR, "read snakemake_internals.py again"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], ["limit None", "cluster False", "then 2 4"]),
        (["--resources", "gpu=3"], ["limit 3", "cluster False", "then 2 4"]),
    ],
)
def test_a_workflow_has_them(tmp_path, options, lines):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line in lines] == lines


RUN = """
from tailbench.pipeline.planning import snakemake_internals as internals

rule all:
    output: "done"
    input: [f"{i}.part" for i in range(6)]
    shell: "touch {output}"

rule part:
    output: "{i}.part"
    shell: "touch {output}"

onstart:
    internals.schedule_by_events(workflow)
    looks = workflow.scheduler.job_selector
    def counted(jobs):
        print("a look")
        return looks(jobs)
    workflow.scheduler.job_selector = counted
"""


def test_a_run_looks_for_jobs_when_one_has_ended(tmp_path):
    """Not more often than jobs begin or end, though these take seconds together."""
    (tmp_path / "Snakefile").write_text(RUN.replace("touch", "sleep 0.5; touch"))
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 7 <= done.stdout.count("a look") <= 9


def test_a_signed_function_keeps_its_signature():
    signed = snakemake_internals.sign(lambda wildcards, attempt: 1)
    assert list(inspect.signature(signed).parameters) == ["wildcards", "attempt"]
    assert inspect.signature(signed) is inspect.signature(signed)
