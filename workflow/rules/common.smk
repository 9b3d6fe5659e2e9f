# Path look-ups; everything with a branch lives in the package, where it is tested.
import gc
import sys
from pathlib import Path
from snakemake.exceptions import WorkflowError
from tailbench.exceptions import InputError
from tailbench.pipeline.planning import snakemake_internals
from tailbench.pipeline.planning.snakemake_values import Directives, mem_mb, runtime
from tailbench.pipeline.config.preflight import check_data
from tailbench.pipeline.runtime.gpu_slots import gpus_of_run
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import JobResources
from tailbench.pipeline.reporting.incomplete import write_incomplete
from tailbench.pipeline.reporting.missing_cells import missing_cells
from tailbench.pipeline.results.failures import raise_failures, remove_failed
from tailbench.pipeline.results import layout
from tailbench.pipeline.results.deleted_files import deleted_files
from tailbench.pipeline.runtime import kept_models
from tailbench.pipeline.runtime.results_lock import lock_results_dir

# A large graph of jobs lives until the end; searching it for garbage again and again costs a tenth
# of the start.
gc.set_threshold(100_000)

CONFIG_SOURCE = str(workflow.configfiles[0])

try:
    PLAN = Plan.of(config, CONFIG_SOURCE)
except InputError as error:
    raise WorkflowError(str(error))

# Jobs hold no more GPUs at once than a profile or --resources gpu=4 says, or else than this machine
# has.
ON_CLUSTER = snakemake_internals.on_cluster(workflow)
GPU_LIMIT = snakemake_internals.gpu_limit(workflow)
RESOURCES = JobResources(PLAN, gpus_of_run(GPU_LIMIT), ON_CLUSTER)
GPUS = RESOURCES.gpus()
LAZY = Directives(PLAN)
if GPU_LIMIT is None:
    snakemake_internals.limit_gpus(workflow, max(RESOURCES.limit(), 1))
if ON_CLUSTER:
    snakemake_internals.limit_cores(workflow, max(PLAN.config.threads, 8))
else:
    snakemake_internals.set_tmpdir(workflow)

LAYOUT = PLAN.layout
DATA, MODEL, FEATURES = LAYOUT.data(), LAYOUT.model(), LAYOUT.features()
SAMPLES, METRICS = LAYOUT.samples(), LAYOUT.metrics()
FLOOR = LAYOUT.metrics(method="floor")
ENVIRONMENT = f"{workflow.basedir}/envs/{'gpu' if GPUS else 'cpu'}.yaml"

# The command `tailbench run` prints the summary itself, also where nothing was to be done.
SHOW_SUMMARY = (
    'test -n "${{TAILBENCH_RUN_OUTCOME:-}}" -o ! -f {LAYOUT.report:q}'
    " || tailbench show --results {LAYOUT.root:q}"
)


wildcard_constraints:
    dataset=r"[A-Za-z][A-Za-z0-9_.-]*",
    model=r"[A-Za-z][A-Za-z0-9_.@-]*",
    method=r"[A-Za-z][A-Za-z0-9_.-]*",
    block=r"\d+(-\d+)?",
    figure=r"[a-z][a-z0-9_]*",
    space=r"inception|classifier",
    experiment=r"[A-Za-z][A-Za-z0-9_.-]*",
    cell=r"[A-Za-z0-9_.=-]+",


def for_cells(pattern, cells):
    return [
        pattern.format(dataset=c.dataset, method=c.method, block=c.block) for c in cells
    ]


def for_trainings(pattern):
    return [pattern.format(dataset=d, model=m, block=b) for d, m, b in PLAN.trainings()]


def in_folder(folder, names):
    return [f"{folder}/{name}" for name in names]


def for_data(pattern):
    return [
        pattern.format(dataset=d, block=b)
        for d in PLAN.config.datasets
        for b in PLAN.blocks_on(d)
    ]


# What snakemake prints when a job starts, or would start: the job and what it asks for.
def with_resources(message, asks="{threads} CPU"):
    return f"{message} ({asks}, {{resources.mem_mb}} MB, {{resources.runtime}} min)"


def with_gpu(message):
    return with_resources(message, "{resources.gpu} GPU, {threads} CPU")
