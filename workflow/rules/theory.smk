rule theory:
    output:
        table=f"{LAYOUT.cell()}/points.csv",
        sums=f"{LAYOUT.cell()}/{layout.SUMS}",
    log:
        LAYOUT.log("theory/{experiment}/{cell}"),
    benchmark:
        LAYOUT.benchmark("theory/{experiment}/{cell}")
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
        " --output {output.table:q} > {log:q} 2>&1"


rule claims:
    input:
        lambda wildcards: PLAN.experiments.files(wildcards.experiment),
    output:
        points=f"{LAYOUT.theory()}/points.csv",
        slopes=f"{LAYOUT.theory()}/slopes.csv",
        png=f"{LAYOUT.theory()}/figure.png",
        pdf=f"{LAYOUT.theory()}/figure.pdf",
    log:
        LAYOUT.log("claims/{experiment}"),
    benchmark:
        LAYOUT.benchmark("claims/{experiment}")
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
