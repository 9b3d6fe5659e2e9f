"""Which data sets and seeds of a record keep the order of its methods, for ``rank --lite``.

Run as ``python benchmarks/lite.py docs/reproduction/leaderboard``; with ``--write`` the cheapest
part goes into ``record.json``. A table alone, ``FOLDER/metrics.csv``, can be looked at too.
docs/ranking.md says how a part is chosen and what its correlations mean.
"""

import argparse
from pathlib import Path

from tailbench.io.checksums import write_record
from tailbench.metrics.group_scores import scores
from tailbench.metrics.order_keeping import cheapest, order_keeping
from tailbench.pipeline.recording.record import FILE, TABLES, Lite, Record
from tailbench.pipeline.results.reader import read_metrics


def main():
    """Print the parts, choose one, and write it into the record if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("record", type=Path, help="folder of the record, or a table of metrics")
    parser.add_argument("--correlation", type=float, default=0.8, help="least one, held out")
    parser.add_argument("--apart", type=float, default=0.95, help="least share of such pairs")
    parser.add_argument("--least-seeds", type=int, default=1, help="least number of seeds")
    parser.add_argument("--write", action="store_true", help="write the part into record.json")
    options = parser.parse_args()
    folder = options.record
    table = next((folder / n for n in TABLES if (folder / n).is_file()), folder)
    metrics = read_metrics(table)
    parts = order_keeping(scores(metrics), metrics)
    print(_row(["seeds", "data sets", "share", *parts[0].agreement]))
    print(_row(["---"] * (3 + len(parts[0].agreement))))
    for part in parts:
        cells = [
            f"{of['kendall']:.2f}, {of['held_out']:.2f}, {of['apart']:.0%} ({of['moved']:.0f})"
            for of in part.agreement.values()
        ]
        print(_row([len(part.seeds), " ".join(part.datasets), f"{part.share:.0%}", *cells]))
    print(
        "\nIn each group: Kendall's correlation, that of methods held out, the share of the pairs"
    )
    print("told apart that stand in the same order, and the most places that a method moves.")
    chosen = cheapest(parts, options.correlation, options.apart, options.least_seeds)
    print(f"Chosen: {', '.join(chosen.datasets)}, seeds {chosen.seeds}, {chosen.share:.0%}")
    if options.write:
        _write(folder, chosen)


def _row(cells):
    return f"| {' | '.join(map(str, cells))} |"


def _write(folder, part):
    """Write a part into the record in a folder, its seeds as one block."""
    seeds = part.seeds
    block = f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    chosen = {"datasets": part.datasets, "share": part.share, "agreement": part.agreement}
    lite = Lite(seeds=(block,), **chosen)
    about = Record(folder).about.model_copy(update={"lite": lite})
    write_record(folder / FILE, about.model_dump(mode="json"))


if __name__ == "__main__":
    main()
