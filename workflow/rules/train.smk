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
    threads:
        LAZY.constant_or_callable(
            lambda model: max(PLAN.config.threads, PLAN.processes(model)), "model"
        )
    resources:
        gpu=LAZY.constant_or_callable(
            lambda model: GPUS * PLAN.processes(model), "model"
        ),
        device=PLAN.config.device,
        processes=LAZY.constant_or_callable(PLAN.processes, "model"),
        per_node=PLAN.config.processes_per_node,
        nodes=LAZY.constant_or_callable(
            lambda model: RESOURCES.nodes(PLAN.processes(model)), "model"
        ),
        tasks=LAZY.constant_or_callable(
            lambda model: RESOURCES.tasks(PLAN.processes(model)), "model"
        ),
        mem_mb=mem_mb(RESOURCES.train),
        runtime=runtime(RESOURCES.train),
    params:
        spec=LAZY.per_wildcards(PLAN.train_spec, "model"),
        code=LAZY.per_wildcards(lambda model: PLAN.code("train", model), "model"),
        folder=subpath(output.model, parent=True),
        state="results/.checkpoints/{dataset}/{model}/{block}",
    message:
        with_gpu(
            "train: {wildcards.model} on {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "exec tailbench job train --dataset {wildcards.dataset:q} --model {wildcards.model:q}"
        " --seeds {wildcards.block} --spec {params.spec:q} --code {params.code} --data {input.train:q}"
        " --folder {params.folder:q} --state {params.state:q} --device {resources.device}"
        " --threads {threads} --processes {resources.processes} --per-node {resources.per_node}"
        " > {log:q} 2>&1"
