localrules:
    fetch,


# What the file is, its checksum says: a change of the code does not make it another one.
rule fetch:
    output:
        LAYOUT.download(),
    log:
        LAYOUT.log("fetch/{dataset}/{file}"),
    benchmark:
        LAYOUT.benchmark("fetch/{dataset}/{file}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        spec=LAZY.per_wildcards(PLAN.specs.fetch, "dataset"),
    message:
        with_resources("fetch: {wildcards.file} of {wildcards.dataset}")
    shell:
        "tailbench job fetch --dataset {wildcards.dataset:q} --spec {params.spec:q}"
        " --output {output:q} > {log:q} 2>&1"


rule data:
    input:
        files=LAZY.per_wildcards(PLAN.inputs.files, "dataset"),
        # Its checksum says what it is: one that is fetched again is the same.
        fetched=ancient(LAZY.per_wildcards(PLAN.inputs.fetched, "dataset")),
    output:
        *in_folder(DATA, layout.DATA_FILES[1:]),
        train=f"{DATA}/train.npy",
    log:
        LAYOUT.log("data/{dataset}/{block}"),
    benchmark:
        LAYOUT.benchmark("data/{dataset}/{block}")
    priority: 100
    group:
        RESOURCES.group("data")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=mem_mb(RESOURCES.data),
        runtime=runtime(RESOURCES.data),
    params:
        spec=LAZY.per_wildcards(PLAN.specs.data, "dataset"),
        code=LAZY.per_wildcards(lambda dataset: PLAN.code("data", dataset), "dataset"),
        folder=subpath(output.train, parent=True),
        fetched=lambda wildcards, input: [f"--fetched={file}" for file in input.fetched],
    message:
        with_resources("data: {wildcards.dataset}, seeds {wildcards.block}")
    shell:
        "tailbench job data --dataset {wildcards.dataset:q} --seeds {wildcards.block}"
        " --spec {params.spec:q} --folder {params.folder:q} {params.fetched:q}"
        " > {log:q} 2>&1"
