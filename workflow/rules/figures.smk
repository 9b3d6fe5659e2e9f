# No group, as collect has none.
rule tables:
    input:
        PLAN.inputs.tables(),
    output:
        directory(LAYOUT.tables),
    log:
        LAYOUT.log("tables"),
    benchmark:
        LAYOUT.benchmark("tables")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        results=subpath(output[0], parent=True),
        code=PLAN.code("tables"),
    message:
        with_resources("tables")
    shell:
        "tailbench job tables --results {params.results:q} > {log:q} 2>&1"


# No group, as collect has none.
rule figure:
    input:
        lambda wildcards: PLAN.inputs.figure(wildcards.figure),
        plan=ancient(LAYOUT.plan),
    output:
        directory(LAYOUT.figure()),
    log:
        LAYOUT.log("figure/{figure}"),
    benchmark:
        LAYOUT.benchmark("figure/{figure}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        results=subpath(output[0], ancestor=2),
        code=lambda wildcards: PLAN.code("figure", wildcards.figure),
    message:
        with_resources("figure: {wildcards.figure}")
    shell:
        "tailbench job figure --results {params.results:q} --name {wildcards.figure} > {log:q} 2>&1"


rule report:
    input:
        PLAN.inputs.report(),
    output:
        LAYOUT.report,
    log:
        LAYOUT.log("report"),
    benchmark:
        LAYOUT.benchmark("report")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        results=subpath(output[0], parent=True),
        code=PLAN.code("report"),
    message:
        with_resources("report: {output}")
    shell:
        "tailbench job report --results {params.results:q} --output {output:q} > {log:q} 2>&1"


# Ends the run badly if a cell has failed, once there is a report that shows it.
rule finish:
    input:
        report=LAYOUT.report,
        plan=LAYOUT.plan,
    output:
        LAYOUT.finished,
    log:
        LAYOUT.log("finish"),
    retries: 0
    conda:
        ENVIRONMENT
    threads: 1
    params:
        results=subpath(output[0], parent=True),
        code=PLAN.code("finish"),
    message:
        "finish: are there results of all cells?"
    shell:
        "tailbench job finish --results {params.results:q} --output {output:q} > {log:q} 2>&1"
