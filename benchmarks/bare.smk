# The files of the cells of scale.py's configuration, and nothing else: what Snakemake takes to plan
# and print them, whatever the rules say.
import gc

gc.set_threshold(100_000)

DATA = "results/data/{dataset}/{block}"
MODEL = "results/models/{dataset}/{model}/{block}"
SAMPLES = "results/samples/{dataset}/{method}/{block}"
FLOOR = "results/metrics/{dataset}/floor/{block}.csv"
METRICS = "results/metrics/{dataset}/{method}/{block}.csv"
TYPES = {name: entry.get("type", name) for name, entry in config["methods"].items()}
MODELS = {"flow_sgm": ["flow", "sgm"], "dlim": ["dlpm"], "lim_ode": ["lim"]}
CELLS = {"dataset": config["datasets"], "method": TYPES, "block": config["seeds"]}


def models_of(method):
    return MODELS.get(TYPES[method], [TYPES[method]])


wildcard_constraints:
    dataset=r"[A-Za-z][A-Za-z0-9_.-]*",
    model=r"[A-Za-z][A-Za-z0-9_.@-]*",
    method=r"[A-Za-z][A-Za-z0-9_.-]*",
    block=r"\d+(-\d+)?",


ruleorder: floor > evaluate


rule all:
    default_target: True
    input:
        expand(METRICS, **CELLS),
        expand(f"{SAMPLES}.json", **CELLS),
        expand(FLOOR, **CELLS),


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
            for model in models_of(wildcards.method)
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
