from snakemake.utils import min_version

min_version("9.25")


if not workflow.configfiles:

    configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/theory.smk"
include: "workflow/rules/figures.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        "results/report.html",


onstart:
    check_data(PLAN.config, CONFIG_SOURCE)
    lock_results_dir("results")


onsuccess:
    kept_models.forget("results/.checkpoints")
    shell("test ! -f results/report.html || tailbench summary --results results")


onerror:
    print(missing(PLAN, "results"), file=sys.stderr)
