"""Which metric notices which defect: corrupted real data against the metrics of tables.

Run as ``python benchmarks/metric_power.py --rows 10000 --dim 5 --repeats 5``, with ``--write
docs/metrics.md`` to replace the rows of that page; set ``OMP_NUM_THREADS=1`` for one thread. With
``--metrics`` the rows of some are found, the same as among all. Data are a mixture of three
multivariate Student-t laws of 3 degrees of freedom, metrics have their defaults. Each corruption is
applied to a fresh sample, and the table has the metric's distance from its best value, in multiples
of that of the sample before (medians over repeats). What is at least 3 is bold.
"""

import argparse
from pathlib import Path

import numpy as np

from tailbench import registry
from tailbench.stats.sliced_tails import quartile_units

NU, CORRELATION, GAP = 3.0, 0.5, 12.0
WEIGHTS, OTHER_WEIGHTS = (0.5, 0.3, 0.2), (0.4, 0.3, 0.3)
BEST = {"c2st_auc": 0.5, "copied_ratio": 1.0}
BEST |= {f"{what}_too_{side}": 1.0 for what in ("tails", "norm") for side in ("light", "heavy")}
"""Values for equal laws, where these are neither 0 nor, of what is better higher, 1."""


def draw(rows, dim, rng, weights=WEIGHTS, copula="student"):
    """Draw the mixture; a Gaussian copula of each component keeps its margins."""
    z = np.sqrt(1 - CORRELATION) * rng.standard_normal((rows, dim))
    z += np.sqrt(CORRELATION) * rng.standard_normal((rows, 1))
    if copula == "student":
        z /= np.sqrt(rng.chisquare(NU, (rows, 1)) / NU)
    else:
        from scipy.special import ndtr, stdtrit

        lower = -np.abs(z)  # tail probabilities keep their digits on the lower side
        z = -np.sign(z) * stdtrit(NU, ndtr(lower))
    z[:, 0] += GAP * rng.choice(len(weights), rows, p=weights)
    return z


def _far_rows(x, share):
    """Return which rows have the largest distances from the median, in quartile ranges."""
    norms = np.linalg.norm(quartile_units(x, x), axis=1)
    return norms > np.quantile(norms, 1 - share)


def _doubled(x, train, rng):
    middle = np.median(x, axis=0)
    return np.where(_far_rows(x, 0.01)[:, None], middle + 2 * (x - middle), x)


def _dropped(x, train, rng):
    return x[~_far_rows(x, 0.01)]


def _shuffled(x, train, rng):
    return rng.permuted(x, axis=0)


def _shuffled_far(x, train, rng):
    out = x.copy()
    for column in out.T:
        far = np.abs(column - np.median(column))
        beyond = far > np.quantile(far, 0.95)
        column[beyond] = rng.permutation(column[beyond])
    return out


def _gaussian_copula(x, train, rng):
    return draw(*x.shape, rng, copula="gaussian")


def _resampled(x, train, rng):
    return train[rng.integers(len(train), size=len(x))]


def _reweighted(x, train, rng):
    return draw(*x.shape, rng, OTHER_WEIGHTS)


def _noisy(x, train, rng):
    low, high = np.quantile(x, [0.25, 0.75], axis=0)
    return x + 0.1 * (high - low) * rng.standard_normal(x.shape)


CORRUPTIONS = {
    "top 1 % doubled": _doubled,
    "top 1 % dropped": _dropped,
    "columns shuffled": _shuffled,
    "shuffled in the top 5 %": _shuffled_far,
    "Gaussian copula": _gaussian_copula,
    "training rows resampled": _resampled,
    "modes reweighted": _reweighted,
    "noise added": _noisy,
}


def judged_metrics():
    """Return the names of the metrics of the table, without those that only search another way."""
    return [name for name in table_metrics() if name != "sliced_wasserstein_published"]


def table_metrics():
    """Return the names of the metrics of tables that need no exact law."""
    parts = {name: registry.load("metrics", name) for name in registry.names("metrics")}
    return [name for name, part in parts.items() if part.space is None and part().applies(None)]


def _distances(metrics, samples, reference, train, seed):
    """Compute how far every output is from its best value."""
    found = {}
    for metric in metrics.values():
        given = {"train": train} if metric.needs_train else {}
        values = metric(samples, reference, None, np.random.default_rng(seed), **given)
        for key, value in values.items():
            higher = metric.outputs[key].better == "higher"
            found[key] = abs(value - BEST.get(key, 1.0 if higher else 0.0))
    return found


def power(rows, dim, repeats, names=None, seed=0):
    """Return ``{corruption: {output: multiple}}``, medians over repeats."""
    metrics = {name: registry.load("metrics", name)() for name in names or judged_metrics()}
    plain, spoilt = [], {name: [] for name in CORRUPTIONS}
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        samples, reference, train = (draw(rows, dim, rng) for _ in range(3))
        plain.append(_distances(metrics, samples, reference, train, repeat))
        for name, corrupt in CORRUPTIONS.items():
            made = corrupt(samples, train, rng)
            spoilt[name].append(_distances(metrics, made, reference, train, repeat))
    floor = {key: np.median([values[key] for values in plain]) for key in plain[0]}
    return {
        name: {
            key: float(np.median([values[key] for values in found]) / floor[key])
            if floor[key] > 0
            else float("nan")
            for key in floor
        }
        for name, found in spoilt.items()
    }


def markdown(found):
    """Return the multiples as a table, outputs by corruptions."""
    return "\n".join([*_head(found), *_rows(found).values()])


def rows_of(text):
    """Return the rows of the table of a page by output, and where its lines begin and end.

    Raises:
        ValueError: If the page has no table of these corruptions.
    """
    lines, head = text.splitlines(), _head(CORRUPTIONS)
    if head[0] not in lines:
        raise ValueError("the page has no table of these corruptions: write its first line")
    start = end = lines.index(head[0]) + len(head)
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return {line.split("`")[1]: line for line in lines[start:end]}, start, end


def rewritten(text, found):
    """Return a page with the rows of the outputs that were found, in the order of the metrics."""
    rows, start, end = rows_of(text)
    rows |= _rows(found)
    parts = (registry.load("metrics", name) for name in judged_metrics())
    order = [key for part in parts for key in part.outputs if key in rows]
    lines = text.splitlines()
    return "\n".join([*lines[:start], *(rows[key] for key in order), *lines[end:]]) + "\n"


def _head(names):
    return ["| Output | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]


def _rows(found):
    return {
        key: f"| `{key}` | " + " | ".join(_cell(values[key]) for values in found.values()) + " |"
        for key in next(iter(found.values()))
    }


def _cell(multiple):
    if np.isnan(multiple):
        return ""
    text = f"{multiple:.1f}" if multiple < 9.95 else f"{multiple:.0f}"
    return f"**{text}**" if multiple >= 3 else text


def main():
    """Print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--metrics", nargs="+", help="names of metrics; all of tables if left out")
    parser.add_argument("--write", type=Path, help="page whose rows are replaced")
    chosen = parser.parse_args()
    found = power(chosen.rows, chosen.dim, chosen.repeats, chosen.metrics)
    print(markdown(found))
    if chosen.write:
        text = chosen.write.read_text(encoding="utf-8")
        chosen.write.write_text(rewritten(text, found), encoding="utf-8")


if __name__ == "__main__":
    main()
