rule floor:
    input:
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
        features=LAZY.per_wildcards(PLAN.features.inputs, "dataset", "block"),
    output:
        "results/metrics/{dataset}/floor/{block}.csv",
    log:
        "results/logs/floor/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/floor/{dataset}/{block}.tsv"
    group:
        LAZY.constant_or_callable(
            lambda dataset: RESOURCES.group("evaluate", dataset), "dataset"
        )
    conda:
        ENVIRONMENT
    threads: LAZY.constant_or_callable(PLAN.features.threads, "dataset")
    resources:
        gpu=LAZY.constant_or_callable(RESOURCES.feature_gpus, "dataset"),
        device=LAZY.constant_or_callable(PLAN.features.device, "dataset"),
        mem_mb=mem_mb(RESOURCES.floor),
        runtime=runtime(RESOURCES.floor),
    params:
        spec=LAZY.per_wildcards(PLAN.evaluate_spec, "dataset"),
        code=LAZY.per_wildcards(
            lambda dataset: PLAN.code("evaluate", dataset), "dataset"
        ),
        data=subpath(input.test, parent=True),
        features=FEATURES,
    message:
        with_gpu("floor: {wildcards.dataset}, seeds {wildcards.block}")
    shell:
        "tailbench job evaluate --dataset {wildcards.dataset:q} --method floor"
        " --seeds {wildcards.block} --spec {params.spec:q} --data {params.data:q}"
        " --features {params.features:q} --device {resources.device} --threads {threads}"
        " --output {output:q} > {log:q} 2>&1"


rule evaluate:
    input:
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
        features=LAZY.per_wildcards(PLAN.features.inputs, "dataset", "block"),
        samples=SAMPLES,
        # For the checksum; the rest of it, such as seconds, is nothing to metrics.
        record=ancient(SAMPLES.replace(".safetensors", ".json")),
    output:
        METRICS,
    log:
        "results/logs/evaluate/{dataset}/{method}/{block}.log",
    benchmark:
        "results/benchmarks/evaluate/{dataset}/{method}/{block}.tsv"
    group:
        LAZY.constant_or_callable(
            lambda dataset: RESOURCES.group("evaluate", dataset), "dataset"
        )
    conda:
        ENVIRONMENT
    threads:
        LAZY.constant_or_callable(
            lambda dataset, method: max(
                PLAN.features.threads(dataset), PLAN.processes_for(dataset, method)
            ),
            "dataset",
            "method",
        )
    resources:
        gpu=LAZY.constant_or_callable(
            lambda dataset, method: RESOURCES.feature_gpus(dataset)
            * PLAN.processes_for(dataset, method),
            "dataset",
            "method",
        ),
        device=LAZY.constant_or_callable(PLAN.features.device, "dataset"),
        processes=LAZY.constant_or_callable(PLAN.processes_for, "dataset", "method"),
        per_node=PLAN.config.processes_per_node,
        mem_mb=mem_mb(RESOURCES.evaluate),
        runtime=runtime(RESOURCES.evaluate),
    params:
        spec=LAZY.per_wildcards(PLAN.evaluate_spec, "dataset"),
        code=LAZY.per_wildcards(
            lambda dataset: PLAN.code("evaluate", dataset), "dataset"
        ),
        data=subpath(input.test, parent=True),
        features=FEATURES,
    message:
        with_gpu(
            "evaluate: {wildcards.method} on {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "tailbench job evaluate --dataset {wildcards.dataset:q} --method {wildcards.method:q}"
        " --seeds {wildcards.block} --spec {params.spec:q} --data {params.data:q}"
        " --samples {input.samples:q} --features {params.features:q} --device {resources.device}"
        " --threads {threads} --processes {resources.processes} --per-node {resources.per_node}"
        " --output {output:q} > {log:q} 2>&1"


ruleorder: floor > evaluate


# No group: Snakemake goes through all inputs of a group whenever one of them is made.
rule collect:
    input:
        for_cells(METRICS, PLAN.cells()),
        for_cells(SAMPLES.replace(".safetensors", ".json"), PLAN.cells()),
        for_trainings(f"{MODEL}/spec.json"),
        for_data("results/metrics/{dataset}/floor/{block}.csv"),
    output:
        metrics=report("results/metrics.csv", category="Tables"),
        plan="results/plan.json",
        config="results/config.json",
    log:
        "results/logs/collect.log",
    benchmark:
        "results/benchmarks/collect.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        # A function, since Snakemake takes braces in a text for wildcards.
        config=lambda wildcards: PLAN.config.text(),
        code=PLAN.code("collect"),
    message:
        with_resources("collect: {output.metrics}")
    shell:
        "tailbench job collect --results results --config {params.config:q} > {log:q} 2>&1"
