rule data:
    input:
        lambda wildcards: PLAN.files(wildcards.dataset),
    output:
        train=f"{DATA}/train.safetensors",
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
    log:
        "results/logs/data/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/data/{dataset}/{block}.tsv"
    priority: 100
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        spec=lambda wildcards: PLAN.data_spec(wildcards.dataset),
        code=lambda wildcards: PLAN.code("data", wildcards.dataset),
        folder=subpath(output.train, parent=True),
    message:
        "data: {wildcards.dataset}, seeds {wildcards.block}"
    shell:
        "python -m tailbench data --dataset {wildcards.dataset:q} --seeds {wildcards.block}"
        " --spec {params.spec:q} --folder {params.folder:q} > {log:q} 2>&1"
