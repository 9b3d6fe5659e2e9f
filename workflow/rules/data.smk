localrules:
    fetch,


# What the file is, its checksum says: a change of the code does not make it another one.
rule fetch:
    output:
        "results/downloads/{dataset}/{file}",
    log:
        "results/logs/fetch/{dataset}/{file}.log",
    benchmark:
        "results/benchmarks/fetch/{dataset}/{file}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        spec=lambda wildcards: PLAN.fetch_spec(wildcards.dataset),
    message:
        with_resources("fetch: {wildcards.file} of {wildcards.dataset}")
    shell:
        "python -m tailbench fetch --dataset {wildcards.dataset:q} --spec {params.spec:q}"
        " --output {output:q} > {log:q} 2>&1"


rule data:
    input:
        files=lambda wildcards: PLAN.files(wildcards.dataset),
        fetched=lambda wildcards: PLAN.fetched(wildcards.dataset),
    output:
        train=f"{DATA}/train.safetensors",
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
    log:
        "results/logs/data/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/data/{dataset}/{block}.tsv"
    priority: 100
    group:
        "data"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: NEEDS.data(*wildcards).mem_mb(attempt),
        runtime=lambda wildcards, attempt: NEEDS.data(*wildcards).runtime(attempt),
    params:
        spec=lambda wildcards: PLAN.data_spec(wildcards.dataset),
        code=lambda wildcards: PLAN.code("data", wildcards.dataset),
        folder=subpath(output.train, parent=True),
        fetched=lambda wildcards, input: [f"--fetched={file}" for file in input.fetched],
    message:
        with_resources("data: {wildcards.dataset}, seeds {wildcards.block}")
    shell:
        "python -m tailbench data --dataset {wildcards.dataset:q} --seeds {wildcards.block}"
        " --spec {params.spec:q} --folder {params.folder:q} {params.fetched:q}"
        " > {log:q} 2>&1"
