rule floor:
    input:
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
        features=lambda wildcards: PLAN.features.inputs(
            wildcards.dataset, wildcards.block
        ),
    output:
        "results/metrics/{dataset}/floor/{block}.csv",
    log:
        "results/logs/floor/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/floor/{dataset}/{block}.tsv"
    group:
        lambda wildcards: NEEDS.group("evaluate", wildcards.dataset)
    conda:
        ENVIRONMENT
    threads: lambda wildcards: PLAN.features.threads(wildcards.dataset)
    resources:
        gpu=lambda wildcards: NEEDS.gpus(PLAN.features.device(wildcards.dataset)),
        device=lambda wildcards: PLAN.features.device(wildcards.dataset),
        mem_mb=lambda wildcards, attempt: NEEDS.floor(*wildcards).mem_mb(attempt),
        runtime=lambda wildcards, attempt: NEEDS.floor(*wildcards).runtime(attempt),
    params:
        spec=lambda wildcards: PLAN.evaluate_spec(wildcards.dataset),
        code=lambda wildcards: PLAN.code("evaluate", wildcards.dataset),
        data=subpath(input.test, parent=True),
        features=FEATURES,
    message:
        with_gpu("floor: {wildcards.dataset}, seeds {wildcards.block}")
    shell:
        "python -m tailbench evaluate --dataset {wildcards.dataset:q} --method floor"
        " --seeds {wildcards.block} --spec {params.spec:q} --data {params.data:q}"
        " --features {params.features:q} --device {resources.device} --threads {threads}"
        " --output {output:q} > {log:q} 2>&1"


rule evaluate:
    input:
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
        features=lambda wildcards: PLAN.features.inputs(
            wildcards.dataset, wildcards.block
        ),
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
        lambda wildcards: NEEDS.group("evaluate", wildcards.dataset)
    conda:
        ENVIRONMENT
    threads:
        lambda wildcards: max(
            PLAN.features.threads(wildcards.dataset),
            PLAN.processes_for(wildcards.dataset, wildcards.method),
        )
    resources:
        gpu=lambda wildcards: NEEDS.gpus(PLAN.features.device(wildcards.dataset))
        * PLAN.processes_for(wildcards.dataset, wildcards.method),
        device=lambda wildcards: PLAN.features.device(wildcards.dataset),
        processes=lambda wildcards: PLAN.processes_for(
            wildcards.dataset, wildcards.method
        ),
        per_node=PLAN.config.processes_per_node,
        mem_mb=lambda wildcards, attempt: NEEDS.evaluate(*wildcards).mem_mb(attempt),
        runtime=lambda wildcards, attempt: NEEDS.evaluate(*wildcards).runtime(attempt),
    params:
        spec=lambda wildcards: PLAN.evaluate_spec(wildcards.dataset),
        code=lambda wildcards: PLAN.code("evaluate", wildcards.dataset),
        data=subpath(input.test, parent=True),
        features=FEATURES,
    message:
        with_gpu(
            "evaluate: {wildcards.method} on {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "python -m tailbench evaluate --dataset {wildcards.dataset:q} --method {wildcards.method:q}"
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
        "python -m tailbench collect --results results --config {params.config:q} > {log:q} 2>&1"
