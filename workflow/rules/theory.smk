rule theory:
    output:
        "results/theory/{experiment}/cells/{cell}.csv",
    log:
        "results/logs/theory/{experiment}/{cell}.log",
    benchmark:
        "results/benchmarks/theory/{experiment}/{cell}.tsv"
    conda:
        ENVIRONMENT
    threads: PLAN.config.threads
    resources:
        gpu=lambda wildcards: RESOURCES.gpus(
            PLAN.experiments.device(wildcards.experiment)
        ),
        device=lambda wildcards: PLAN.experiments.device(wildcards.experiment),
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        spec=lambda wildcards: PLAN.experiments.spec(
            wildcards.experiment, wildcards.cell
        ),
        code=lambda wildcards: PLAN.code("theory", wildcards.experiment),
    message:
        with_resources("theory: {wildcards.experiment}, {wildcards.cell}")
    shell:
        "tailbench job theory --experiment {wildcards.experiment} --cell {wildcards.cell}"
        " --spec {params.spec:q} --device {resources.device} --threads {threads}"
        " --output {output:q} > {log:q} 2>&1"


rule claims:
    input:
        lambda wildcards: PLAN.experiments.files(wildcards.experiment),
    output:
        points="results/theory/{experiment}/points.csv",
        slopes="results/theory/{experiment}/slopes.csv",
        png="results/theory/{experiment}/figure.png",
        pdf="results/theory/{experiment}/figure.pdf",
    log:
        "results/logs/claims/{experiment}.log",
    benchmark:
        "results/benchmarks/claims/{experiment}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        type=lambda wildcards: PLAN.config.theory[wildcards.experiment].type,
        code=lambda wildcards: PLAN.code("claims", wildcards.experiment),
        folder=subpath(output.slopes, parent=True),
    message:
        with_resources("claims: {wildcards.experiment}")
    shell:
        "tailbench job claims --experiment {wildcards.experiment} --type {params.type}"
        " --folder {params.folder:q} {input:q} > {log:q} 2>&1"
