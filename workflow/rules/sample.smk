rule sample:
    input:
        train=f"{DATA}/train.safetensors",
        test=f"{DATA}/test.safetensors",
        meta=f"{DATA}/meta.json",
        models=lambda wildcards: expand(
            "results/models/{dataset}/{model}/{block}/{file}",
            dataset=wildcards.dataset,
            model=PLAN.models_of(wildcards.method),
            block=wildcards.block,
            file=["model.safetensors", "spec.json"],
        ),
    output:
        samples=SAMPLES,
        meta=SAMPLES.replace(".safetensors", ".json"),
    log:
        "results/logs/sample/{dataset}/{method}/{block}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{method}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: PLAN.config.threads
    resources:
        gpu=GPUS,
        device=PLAN.config.device,
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        spec=lambda wildcards: PLAN.sample_spec(wildcards.method),
        code=lambda wildcards: PLAN.code("sample", wildcards.method),
        models="results/models/{dataset}",
        data=subpath(input.test, parent=True),
    message:
        "sample: {wildcards.method} on {wildcards.dataset}, seeds {wildcards.block}"
    shell:
        "python -m tailbench sample --dataset {wildcards.dataset:q} --method {wildcards.method:q}"
        " --seeds {wildcards.block} --spec {params.spec:q} --models {params.models:q}"
        " --data {params.data:q} --output {output.samples:q} --device {resources.device}"
        " --threads {threads} > {log:q} 2>&1"
