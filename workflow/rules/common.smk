# Path look-ups; everything with a branch lives in the package, where it is tested.
import gc
import sys
from snakemake.exceptions import WorkflowError
from tailbench.contracts import InputError
from tailbench.hooks import check_data, claim, missing
from tailbench.plan import Plan, gpus

# A large graph of jobs lives until the end; searching it for garbage again and again costs a tenth
# of the start.
gc.set_threshold(100_000)

CONFIG_SOURCE = str(workflow.configfiles[0])

try:
    PLAN = Plan.of(config, CONFIG_SOURCE)
except InputError as error:
    raise WorkflowError(str(error))

GPUS = gpus(PLAN.config.device)
DATA = "results/data/{dataset}/{block}"
MODEL = "results/models/{dataset}/{model}/{block}"
SAMPLES = "results/samples/{dataset}/{method}/{block}.safetensors"
FEATURES = "results/features/{dataset}/{block}"
METRICS = "results/metrics/{dataset}/{method}/{block}.csv"
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


def for_data(pattern):
    return [
        pattern.format(dataset=d, block=b)
        for d in PLAN.config.datasets
        for b in PLAN.blocks_on(d)
    ]
