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
    finish,


rule all:
    default_target: True
    input:
        LAYOUT.report,
        LAYOUT.finished,
        # Only asked for where this is the target: the rest may lack files that it has no use for.
        lambda wildcards: deleted_files(PLAN),


onstart:
    check_data(PLAN.config, CONFIG_SOURCE)
    lock_results_dir(LAYOUT.root)
    if not ON_CLUSTER:
        snakemake_internals.schedule_by_events(workflow)


onsuccess:
    raise_failures(Path(LAYOUT.root))
    kept_models.discard_preserved(LAYOUT.checkpoints)
    Path(LAYOUT.incomplete).unlink(missing_ok=True)
    shell(SHOW_SUMMARY)


onerror:
    print(missing_cells(PLAN, LAYOUT.root), file=sys.stderr)
    print(write_incomplete(PLAN), file=sys.stderr)
    remove_failed(Path(LAYOUT.root))  # the next run tries them again
