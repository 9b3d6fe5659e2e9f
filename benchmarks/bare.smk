# The files of the cells of scale.py's configuration, and nothing else: what Snakemake takes to plan
# and print them, whatever the rules say.
import gc

gc.set_threshold(100_000)

DATA = "results/default/data/{dataset}/{block}"
MODEL = "results/default/models/{dataset}/{model}/{block}"
SAMPLES = "results/default/samples/{dataset}/{method}/{block}"
FLOOR = "results/default/metrics/{dataset}/floor/{block}"
METRICS = "results/default/metrics/{dataset}/{method}/{block}"
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
        expand(f"{METRICS}/metrics.csv", **CELLS),
        expand(f"{SAMPLES}/record.json", **CELLS),
        expand(f"{FLOOR}/metrics.csv", **CELLS),


rule data:
    output:
        multiext(
            f"{DATA}/",
            "train.npy",
            "test.npy",
            "floor.npy",
            "train_labels.npy",
            "test_labels.npy",
            "floor_labels.npy",
            "meta.json",
            "SHA256SUMS",
        ),
    log:
        "results/default/logs/data/{dataset}/{block}.log",
    benchmark:
        "results/default/benchmarks/data/{dataset}/{block}.tsv"
    shell:
        "true"


rule train:
    input:
        multiext(f"{DATA}/", "train.npy", "meta.json"),
    output:
        multiext(
            f"{MODEL}/", "model.safetensors", "spec.json", "history.csv", "SHA256SUMS"
        ),
    log:
        "results/default/logs/train/{dataset}/{model}/{block}.log",
    benchmark:
        "results/default/benchmarks/train/{dataset}/{model}/{block}.tsv"
    shell:
        "true"


rule sample:
    input:
        f"{DATA}/meta.json",
        lambda wildcards: [
            f"results/default/models/{wildcards.dataset}/{model}/{wildcards.block}/{file}"
            for model in models_of(wildcards.method)
            for file in ("model.safetensors", "spec.json")
        ],
    output:
        multiext(f"{SAMPLES}/", "samples.npy", "record.json", "SHA256SUMS"),
    log:
        "results/default/logs/sample/{dataset}/{method}/{block}.log",
    benchmark:
        "results/default/benchmarks/sample/{dataset}/{method}/{block}.tsv"
    shell:
        "true"


rule floor:
    input:
        multiext(f"{DATA}/", "test.npy", "floor.npy", "meta.json"),
    output:
        multiext(f"{FLOOR}/", "metrics.csv", "SHA256SUMS"),
    log:
        "results/default/logs/floor/{dataset}/{block}.log",
    benchmark:
        "results/default/benchmarks/floor/{dataset}/{block}.tsv"
    shell:
        "true"


rule evaluate:
    input:
        multiext(f"{DATA}/", "test.npy", "meta.json"),
        multiext(f"{SAMPLES}/", "samples.npy", "record.json"),
    output:
        multiext(f"{METRICS}/", "metrics.csv", "SHA256SUMS"),
    log:
        "results/default/logs/evaluate/{dataset}/{method}/{block}.log",
    benchmark:
        "results/default/benchmarks/evaluate/{dataset}/{method}/{block}.tsv"
    shell:
        "true"
