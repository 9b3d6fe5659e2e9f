rule train:
    input:
        train=f"{DATA}/train.safetensors",
        meta=f"{DATA}/meta.json",
    output:
        model=f"{MODEL}/model.safetensors",
        spec=f"{MODEL}/spec.json",
        history=f"{MODEL}/history.csv",
    log:
        "results/logs/train/{dataset}/{model}/{block}.log",
    benchmark:
        "results/benchmarks/train/{dataset}/{model}/{block}.tsv"
    priority: 50
    conda:
        ENVIRONMENT
    threads: lambda wildcards: max(PLAN.config.threads, PLAN.processes(wildcards.model))
    resources:
        gpu=lambda wildcards: GPUS * PLAN.processes(wildcards.model),
        device=PLAN.config.device,
        processes=lambda wildcards: PLAN.processes(wildcards.model),
        per_node=PLAN.config.processes_per_node,
        nodes=lambda wildcards: NEEDS.nodes(PLAN.processes(wildcards.model)),
        tasks=lambda wildcards: NEEDS.tasks(PLAN.processes(wildcards.model)),
        mem_mb=lambda wildcards, attempt: NEEDS.train(*wildcards).mem_mb(attempt),
        runtime=lambda wildcards, attempt: NEEDS.train(*wildcards).runtime(attempt),
    params:
        spec=lambda wildcards: PLAN.train_spec(wildcards.model),
        code=lambda wildcards: PLAN.code("train", wildcards.model),
        folder=subpath(output.model, parent=True),
        state="results/.checkpoints/{dataset}/{model}/{block}",
    message:
        with_gpu(
            "train: {wildcards.model} on {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "exec python -m tailbench train --dataset {wildcards.dataset:q} --model {wildcards.model:q}"
        " --seeds {wildcards.block} --spec {params.spec:q} --code {params.code} --data {input.train:q}"
        " --folder {params.folder:q} --state {params.state:q} --device {resources.device}"
        " --threads {threads} --processes {resources.processes} --per-node {resources.per_node}"
        " > {log:q} 2>&1"
