rule sample:
    input:
        meta=f"{DATA}/meta.json",
        files=TELL.per(PLAN.sample_inputs, "dataset", "method", "block"),
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
        TELL.agreed(
            lambda method: max(PLAN.config.threads, PLAN.processes_of(method)),
            "method",
        )
    resources:
        gpu=TELL.agreed(lambda method: GPUS * PLAN.processes_of(method), "method"),
        device=PLAN.config.device,
        processes=TELL.agreed(PLAN.processes_of, "method"),
        per_node=PLAN.config.processes_per_node,
        nodes=TELL.agreed(
            lambda method: NEEDS.nodes(PLAN.processes_of(method)), "method"
        ),
        tasks=TELL.agreed(
            lambda method: NEEDS.tasks(PLAN.processes_of(method)), "method"
        ),
        mem_mb=mem_mb(NEEDS.sample),
        runtime=runtime(NEEDS.sample),
    params:
        spec=TELL.per(PLAN.sample_spec, "method"),
        code=TELL.per(lambda method: PLAN.code("sample", method), "method"),
        models=LAYOUT.models(),
        data=subpath(input.meta, parent=True),
    message:
        with_gpu(
            "sample: {wildcards.method} on {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "python -m tailbench sample --dataset {wildcards.dataset:q} --method {wildcards.method:q}"
        " --seeds {wildcards.block} --spec {params.spec:q} --models {params.models:q}"
        " --data {params.data:q} --output {output.samples:q} --device {resources.device}"
        " --threads {threads} --processes {resources.processes} --per-node {resources.per_node}"
        " > {log:q} 2>&1"
