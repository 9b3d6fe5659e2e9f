"""The stages of a configuration one after the other in this process, in the place of Snakemake."""

from pathlib import Path

from tailbench.pipeline.config.parse import load
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import describe
from tailbench.pipeline.runtime.snakemake_run import Ended
from tailbench.pipeline.stages import collect, data, evaluate, sample, train

__all__ = ["finish", "make_targets"]


def make_targets(config, cores, options, datasets=(), targets=()):
    """Make files of metrics that are missing, as ``run_snakemake`` does."""
    plan = Plan(load(config))
    for target in targets:
        if not Path(target).is_file():
            dataset, method, block = Path(target).parts[-4:-1]
            _metrics(plan, dataset, method, block)
    return Ended(0, Path(plan.layout.root), True)


def finish(config):
    """Run a configuration up to ``metrics.csv``; give the folder of its results."""
    plan = Plan(load(config))
    for cell in plan.cells():
        for method in ("floor", cell.method):
            if not Path(plan.layout.metrics(cell.dataset, method, cell.block)).exists():
                _metrics(plan, cell.dataset, method, cell.block)
    results = Path(plan.layout.root)
    collect.gather(results, plan.config.raw(), {**describe(plan), "failures": []})
    return results


def _metrics(plan, dataset, method, block):
    layout = plan.layout
    rows = Path(layout.data(dataset, block))
    if not rows.exists():
        data.run(dataset, block, plan.specs.data(dataset), rows)
    output = Path(layout.metrics(dataset, method, block), "metrics.csv")
    spec = plan.specs.evaluate(dataset)
    if method == "floor":
        evaluate.run(dataset, method, block, spec, rows, output)
        return
    for model in plan.models_of(method):
        folder = Path(layout.model(dataset, model, block))
        if not folder.exists():
            own = plan.specs.train(model, dataset)
            state = Path(layout.checkpoint(dataset, model, block))
            train.run(dataset, model, block, own, "code", rows / "train.npy", folder, state, "cpu")
    samples = Path(layout.samples(dataset, method, block), "samples.npy")
    models = Path(layout.models(dataset))
    drawn = plan.specs.sample(method, dataset)
    sample.run(dataset, method, block, drawn, models, rows, samples, "cpu")
    evaluate.run(dataset, method, block, spec, rows, output, samples)
