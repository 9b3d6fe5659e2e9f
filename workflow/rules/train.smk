rule train:
    input:
        train=f"{DATA}/train.npy",
        meta=f"{DATA}/meta.json",
        frozen=LAZY.per_wildcards(PLAN.inputs.frozen, "model"),
    output:
        *in_folder(MODEL, layout.MODEL_FILES[1:]),
        model=f"{MODEL}/model.safetensors",
    log:
        LAYOUT.log("train/{dataset}/{model}/{block}"),
    benchmark:
        LAYOUT.benchmark("train/{dataset}/{model}/{block}")
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
        spec=LAZY.per_wildcards(PLAN.specs.train, "model", "dataset"),
        code=LAZY.per_wildcards(
            lambda model, dataset: PLAN.code("train", model, dataset),
            "model",
            "dataset",
        ),
        folder=subpath(output.model, parent=True),
        state=LAYOUT.checkpoint(),
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
