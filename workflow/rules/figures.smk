rule tables:
    input:
        "results/metrics.csv",
        "results/config.json",
        "results/plan.json",
    output:
        directory("results/tables"),
    log:
        "results/logs/tables.log",
    benchmark:
        "results/benchmarks/tables.tsv"
    group:
        "report"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=PLAN.code("tables"),
    message:
        with_resources("tables")
    shell:
        "tailbench job tables --results results > {log:q} 2>&1"


# No group, as collect has none.
rule figure:
    input:
        lambda wildcards: PLAN.figure_inputs(wildcards.figure),
        plan=ancient("results/plan.json"),
    output:
        directory("results/figures/{figure}"),
    log:
        "results/logs/figure/{figure}.log",
    benchmark:
        "results/benchmarks/figure/{figure}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=lambda wildcards: PLAN.code("figure", wildcards.figure),
    message:
        with_resources("figure: {wildcards.figure}")
    shell:
        "tailbench job figure --results results --name {wildcards.figure} > {log:q} 2>&1"


rule report:
    input:
        PLAN.report_inputs(),
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    group:
        "report"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=PLAN.code("report"),
    message:
        with_resources("report: {output}")
    shell:
        "tailbench job report --results results --output {output:q} > {log:q} 2>&1"
