rule sample:
    input:
        meta=f"{DATA}/meta.json",
        files=LAZY.per_wildcards(PLAN.inputs.sample, "dataset", "method", "block"),
    output:
        *in_folder(SAMPLES, layout.SAMPLE_FILES[1:]),
        samples=f"{SAMPLES}/samples.npy",
    log:
        LAYOUT.log("sample/{dataset}/{method}/{block}"),
    benchmark:
        LAYOUT.benchmark("sample/{dataset}/{method}/{block}")
    conda:
        ENVIRONMENT
    threads:
        LAZY.constant_or_callable(
            lambda method: max(PLAN.config.threads, PLAN.processes_of(method)),
            "method",
        )
    resources:
        gpu=LAZY.constant_or_callable(
            lambda method: GPUS * PLAN.processes_of(method), "method"
        ),
        device=PLAN.config.device,
        processes=LAZY.constant_or_callable(PLAN.processes_of, "method"),
        per_node=PLAN.config.processes_per_node,
        nodes=LAZY.constant_or_callable(
            lambda method: RESOURCES.nodes(PLAN.processes_of(method)), "method"
        ),
        tasks=LAZY.constant_or_callable(
            lambda method: RESOURCES.tasks(PLAN.processes_of(method)), "method"
        ),
        mem_mb=mem_mb(RESOURCES.sample),
        runtime=runtime(RESOURCES.sample),
    params:
        spec=LAZY.per_wildcards(PLAN.specs.sample, "method", "dataset"),
        code=LAZY.per_wildcards(
            lambda dataset, method: PLAN.code("sample", method, dataset),
            "dataset",
            "method",
        ),
        models=LAYOUT.models(),
        data=subpath(input.meta, parent=True),
    message:
        with_gpu(
            "sample: {wildcards.method} on {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "tailbench job sample --dataset {wildcards.dataset:q} --method {wildcards.method:q}"
        " --seeds {wildcards.block} --spec {params.spec:q} --models {params.models:q}"
        " --data {params.data:q} --output {output.samples:q} --device {resources.device}"
        " --threads {threads} --processes {resources.processes} --per-node {resources.per_node}"
        " > {log:q} 2>&1"
