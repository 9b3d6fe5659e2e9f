rule floor:
    input:
        test=f"{DATA}/test.npy",
        floor=f"{DATA}/floor.npy",
        meta=f"{DATA}/meta.json",
        features=LAZY.per_wildcards(PLAN.features.inputs, "dataset", "block"),
        train=LAZY.per_wildcards(PLAN.inputs.train_rows, "dataset", "block"),
    output:
        table=f"{FLOOR}/metrics.csv",
        sums=f"{FLOOR}/{layout.SUMS}",
    log:
        LAYOUT.log("floor/{dataset}/{block}"),
    benchmark:
        LAYOUT.benchmark("floor/{dataset}/{block}")
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
        spec=LAZY.per_wildcards(PLAN.specs.evaluate, "dataset"),
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
        " --output {output.table:q} > {log:q} 2>&1"


rule evaluate:
    input:
        test=f"{DATA}/test.npy",
        meta=f"{DATA}/meta.json",
        features=LAZY.per_wildcards(PLAN.features.inputs, "dataset", "block"),
        train=LAZY.per_wildcards(PLAN.inputs.train_rows, "dataset", "block"),
        samples=f"{SAMPLES}/samples.npy",
        # For the names of the variants; the rest of it, such as seconds, is nothing to metrics.
        record=ancient(f"{SAMPLES}/record.json"),
    output:
        table=f"{METRICS}/metrics.csv",
        sums=f"{METRICS}/{layout.SUMS}",
    log:
        LAYOUT.log("evaluate/{dataset}/{method}/{block}"),
    benchmark:
        LAYOUT.benchmark("evaluate/{dataset}/{method}/{block}")
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
        spec=LAZY.per_wildcards(PLAN.specs.evaluate, "dataset"),
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
        " --output {output.table:q} > {log:q} 2>&1"


ruleorder: floor > evaluate


# No group: Snakemake goes through all inputs of a group whenever one of them is made.
rule collect:
    input:
        for_cells(f"{METRICS}/metrics.csv", PLAN.cells()),
        for_cells(f"{SAMPLES}/record.json", PLAN.cells()),
        for_trainings(f"{MODEL}/spec.json"),
        for_data(f"{FLOOR}/metrics.csv"),
    output:
        metrics=report(LAYOUT.metrics_table, category="Tables"),
        plan=LAYOUT.plan,
        config=LAYOUT.config,
        sums=LAYOUT.sums,
    log:
        LAYOUT.log("collect"),
    benchmark:
        LAYOUT.benchmark("collect")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        # A function, since Snakemake takes braces in a text for wildcards.
        config=lambda wildcards: PLAN.config.text(),
        results=subpath(output.metrics, parent=True),
        code=PLAN.code("collect"),
    message:
        with_resources("collect: {output.metrics}")
    shell:
        "tailbench job collect --results {params.results:q} --config {params.config:q} > {log:q} 2>&1"
