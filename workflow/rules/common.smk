# Path look-ups; everything with a branch lives in the package, where it is tested.
import gc
import sys
import tempfile
from snakemake.exceptions import WorkflowError
from tailbench.exceptions import InputError
from tailbench.pipeline.planning.snakemake_values import Directives, mem_mb, runtime
from tailbench.pipeline.config.preflight import check_data
from tailbench.pipeline.runtime.gpu_slots import gpus_of_run
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import JobResources
from tailbench.pipeline.reporting.missing_cells import missing
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

# Jobs hold no more GPUs at once than the run was told of, by a profile or --resources gpu=4, or
# else than this machine has.
NAMED = workflow.global_resources.get("gpu").value
ELSEWHERE = workflow.global_resources["_nodes"].value is not None
NEEDS = JobResources(PLAN, gpus_of_run(NAMED), ELSEWHERE)
GPUS = NEEDS.gpus()
TELL = Directives(PLAN)
if NAMED is None:
    workflow.register_resource("gpu", max(NEEDS.limit(), 1))
# profiles/default says "all cores of this machine", which do not count where jobs go elsewhere:
# there, this is the most that jobs in a group ask for together.
if ELSEWHERE:
    workflow.register_resource("_cores", max(PLAN.config.threads, 8))
# Here, all jobs have the same folder for temporary files, and Snakemake's default is an expression
# that it would evaluate for each.
elif workflow.resource_settings.default_resources is None:
    workflow.resource_settings.default_resources = {"tmpdir": tempfile.gettempdir()}

LAYOUT = PLAN.layout
DATA, MODEL, FEATURES = LAYOUT.data(), LAYOUT.model(), LAYOUT.features()
SAMPLES, METRICS = LAYOUT.samples(), LAYOUT.metrics()
FLOOR = LAYOUT.metrics(method="floor")
ENVIRONMENT = f"{workflow.basedir}/envs/{'gpu' if GPUS else 'cpu'}.yaml"


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
