rule sample:
    input:
        train=f"{DATA}/train.safetensors",
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
        models=lambda wildcards: PLAN.sample_inputs(**wildcards),
    output:
        samples=SAMPLES,
        meta=SAMPLES.replace(".safetensors", ".json"),
    log:
        "results/logs/sample/{dataset}/{method}/{block}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{method}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: lambda wildcards: max(PLAN.config.threads, PLAN.processes_of(wildcards.method))
    resources:
        gpu=lambda wildcards: GPUS * PLAN.processes_of(wildcards.method),
        device=PLAN.config.device,
        processes=lambda wildcards: PLAN.processes_of(wildcards.method),
        per_node=PLAN.config.processes_per_node,
        nodes=lambda wildcards: NEEDS.nodes(PLAN.processes_of(wildcards.method)),
        tasks=lambda wildcards: NEEDS.tasks(PLAN.processes_of(wildcards.method)),
        mem_mb=lambda wildcards, attempt: NEEDS.sample(*wildcards).mem_mb(attempt),
        runtime=lambda wildcards, attempt: NEEDS.sample(*wildcards).runtime(attempt),
    params:
        spec=lambda wildcards: PLAN.sample_spec(wildcards.method),
        code=lambda wildcards: PLAN.code("sample", wildcards.method),
        models="results/models/{dataset}",
        data=subpath(input.test, parent=True),
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
