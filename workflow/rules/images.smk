rule classifier:
    input:
        train=f"{DATA}/train.npy",
        test=f"{DATA}/test.npy",
        labels=[f"{DATA}/{part}_labels.npy" for part in ("train", "test")],
        meta=f"{DATA}/meta.json",
    output:
        in_folder(layout.classifier_folder(FEATURES), layout.CLASSIFIER_FILES),
    log:
        LAYOUT.log("classifier/{dataset}/{block}"),
    benchmark:
        LAYOUT.benchmark("classifier/{dataset}/{block}")
    priority: 60
    conda:
        ENVIRONMENT
    threads: PLAN.config.threads
    resources:
        gpu=GPUS,
        device=PLAN.config.device,
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        code=PLAN.code("classifier"),
        data=subpath(input.train, parent=True),
        folder=FEATURES,
    message:
        with_gpu("classifier: {wildcards.dataset}, seeds {wildcards.block}")
    shell:
        "tailbench job classifier --dataset {wildcards.dataset:q} --seeds {wildcards.block}"
        " --data {params.data:q} --folder {params.folder:q} --device {resources.device}"
        " --threads {threads} > {log:q} 2>&1"


rule features:
    input:
        test=f"{DATA}/test.npy",
        meta=f"{DATA}/meta.json",
        weights=lambda wildcards: PLAN.features.weights(
            wildcards.dataset, wildcards.block, wildcards.space
        ),
    output:
        in_folder(layout.space_folder(FEATURES), layout.FEATURE_FILES),
    log:
        LAYOUT.log("features/{dataset}/{space}/{block}"),
    benchmark:
        LAYOUT.benchmark("features/{dataset}/{space}/{block}")
    priority: 60
    conda:
        ENVIRONMENT
    threads: PLAN.config.threads
    resources:
        gpu=LAZY.constant_or_callable(RESOURCES.feature_gpus, "dataset"),
        device=LAZY.constant_or_callable(PLAN.features.device, "dataset"),
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        spec=lambda wildcards: PLAN.features.spec(wildcards.space),
        code=PLAN.code("features"),
        data=subpath(input.test, parent=True),
        folder=FEATURES,
    message:
        with_gpu(
            "features: {wildcards.space} of {wildcards.dataset}, seeds {wildcards.block}"
        )
    shell:
        "tailbench job features --dataset {wildcards.dataset:q} --seeds {wildcards.block}"
        " --space {wildcards.space} --spec {params.spec:q} --data {params.data:q}"
        " --folder {params.folder:q} --device {resources.device} --threads {threads}"
        " > {log:q} 2>&1"
