"""What rules that choose sigma_T lose against the best level, by a finished run.

Run as ``python benchmarks/sigma_regret.py results/starts/metrics.csv``, with ``--chosen auto dip
--sweep noised`` for the methods that choose and the one that has each level as a variant,
``--metrics max_sw1 msle`` for the metrics and ``--output table.csv`` to record the numbers.

The regret of a seed is ``log(chosen) - log(best)``, of a metric's value at the chosen level and at
the best one of that seed; 0.1 is ten per cent, and it is 0 at best. Beside it stands what the best
single level for all seeds would lose, and what a level at random would: a rule that loses more than
these has chosen nothing. The best level of a seed is known only from its test data, so that
even a perfect rule cannot be without regret where the values scatter. A rule that may take a level
which is not in the sweep can have a regret below 0.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd


def regrets(table, chosen, sweep, metric):
    """Compute the regret of each seed of a dataset, one row for each.

    Raises:
        SystemExit: If the run lacks one of the methods.
    """
    rows = table[(table["metric"] == metric) & (table["value"] > 0)]
    own, levels = rows[rows["method"] == chosen], rows[rows["method"] == sweep]
    if own.empty or levels.empty:
        raise SystemExit(f"the table has no {metric} of both {chosen} and {sweep}")
    found = []
    for (dataset, seed), row in own.groupby(["dataset", "seed"]):
        values = levels[(levels["dataset"] == dataset) & (levels["seed"] == seed)]
        if values.empty:
            continue
        logs = np.log(values.set_index("sigma_T")["value"].sort_index())
        found.append(
            {
                "rule": chosen,
                "dataset": dataset,
                "seed": seed,
                "metric": metric,
                "sigma_T": float(row["sigma_T"].iloc[0]),
                "best sigma_T": float(logs.idxmin()),
                "regret": float(np.log(row["value"].iloc[0]) - logs.min()),
                "at random": float(logs.mean() - logs.min()),
            }
            | {f"level {level:g}": value for level, value in (logs - logs.min()).items()}
        )
    return pd.DataFrame(found)


def summary(table):
    """Compute the means over seeds: of each rule, of the best level for all, and at random."""
    rows = []
    for (dataset, metric, rule), part in table.groupby(["dataset", "metric", "rule"], sort=False):
        levels = part.filter(like="level ").mean()
        rows.append(
            {
                "dataset": dataset,
                "metric": metric,
                "rule": rule,
                "seeds": len(part),
                "median sigma_T": part["sigma_T"].median(),
                "regret": part["regret"].mean(),
                "one level": levels.min(),
                "which": levels.idxmin().removeprefix("level "),
                "at random": part["at random"].mean(),
            }
        )
    return pd.DataFrame(rows)


def main():
    """Print the means over seeds, and write the numbers of each seed where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics_csv", type=Path, help="metrics.csv of a finished run")
    parser.add_argument(
        "--chosen", nargs="+", default=["auto", "dip"], help="methods that choose their level"
    )
    parser.add_argument("--sweep", default="noised", help="method with every level as a variant")
    parser.add_argument("--metrics", nargs="+", default=["max_sw1", "msle"], help="metrics")
    parser.add_argument("--output", type=Path, help="CSV file for the numbers of each seed")
    options = parser.parse_args()
    table = pd.read_csv(options.metrics_csv)
    parts = [
        regrets(table, rule, options.sweep, name)
        for name in options.metrics
        for rule in options.chosen
    ]
    found = pd.concat(parts, ignore_index=True)
    if options.output:
        found.to_csv(options.output, index=False, lineterminator="\n")
    print(summary(found).to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
