# The files of the cells of scale.py's configuration, and nothing else: what Snakemake takes to plan
# and print them, whatever the rules say.
import gc

gc.set_threshold(100_000)

DATA = "results/data/{dataset}/{block}"
MODEL = "results/models/{dataset}/{model}/{block}"
SAMPLES = "results/samples/{dataset}/{method}/{block}"
FLOOR = "results/metrics/{dataset}/floor/{block}.csv"
METRICS = "results/metrics/{dataset}/{method}/{block}.csv"
MODELS = {"flow_sgm": ["flow", "sgm"], "flow_sgm_two": ["flow", "sgm"]}
MODELS |= {
    "dlim": ["dlpm"],
    "dlim_few": ["dlpm"],
    "lim_ode": ["lim"],
    "sgm_few": ["sgm"],
}
METHODS = ["sgm", "flow", "dlpm", "lim", *MODELS]
DATASETS = [f"stable_{i}" for i in range(config["datasets"])]
BLOCKS = [f"{10 * block}-{10 * block + 9}" for block in range(10)]


wildcard_constraints:
    dataset=r"[A-Za-z][A-Za-z0-9_.-]*",
    model=r"[A-Za-z][A-Za-z0-9_.@-]*",
    method=r"[A-Za-z][A-Za-z0-9_.-]*",
    block=r"\d+(-\d+)?",


ruleorder: floor > evaluate


rule all:
    default_target: True
    input:
        expand(METRICS, dataset=DATASETS, method=METHODS, block=BLOCKS),
        expand(f"{SAMPLES}.json", dataset=DATASETS, method=METHODS, block=BLOCKS),
        expand(FLOOR, dataset=DATASETS, block=BLOCKS),


rule data:
    output:
        multiext(f"{DATA}/", "train.safetensors", "test.safetensors", "meta.json"),
    log:
        "results/logs/data/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/data/{dataset}/{block}.tsv"
    shell:
        "true"


rule train:
    input:
        multiext(f"{DATA}/", "train.safetensors", "meta.json"),
    output:
        multiext(f"{MODEL}/", "model.safetensors", "spec.json", "history.csv"),
    log:
        "results/logs/train/{dataset}/{model}/{block}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{model}/{block}.tsv"
    shell:
        "true"


rule sample:
    input:
        f"{DATA}/meta.json",
        lambda wildcards: [
            f"results/models/{wildcards.dataset}/{model}/{wildcards.block}/{file}"
            for model in MODELS.get(wildcards.method, [wildcards.method])
            for file in ("model.safetensors", "spec.json")
        ],
    output:
        multiext(SAMPLES, ".safetensors", ".json"),
    log:
        "results/logs/sample/{dataset}/{method}/{block}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{method}/{block}.tsv"
    shell:
        "true"


rule floor:
    input:
        multiext(f"{DATA}/", "test.safetensors", "meta.json"),
    output:
        FLOOR,
    log:
        "results/logs/floor/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/floor/{dataset}/{block}.tsv"
    shell:
        "true"


rule evaluate:
    input:
        multiext(f"{DATA}/", "test.safetensors", "meta.json"),
        multiext(SAMPLES, ".safetensors", ".json"),
    output:
        METRICS,
    log:
        "results/logs/evaluate/{dataset}/{method}/{block}.log",
    benchmark:
        "results/benchmarks/evaluate/{dataset}/{method}/{block}.tsv"
    shell:
        "true"
