"""How often a tail is called heavy, by law and number of rows: the rule, and others.

Run as ``python benchmarks/tail_decision.py``; ``--candidates 1000`` compares other rules at so many
rows. The upper side of a column counts, by its distances from the median, as margins have it. Of
``--repeats`` columns each, 300 give a share with a standard error of 3 points at most, and of 2
below 15 % and above 85 %.
"""

import argparse

import numpy as np

from tailbench.stats.tail_decision import fit_excesses
from tailbench.stats.tail_index import estimate_side

ROWS = (200, 500, 1000, 5000, 20_000)
LAWS = {
    **{
        f"Student t({nu:g})": (1 / nu, lambda rng, n, nu=nu: rng.standard_t(nu, n))
        for nu in (1.0, 1.7, 2.5, 4.0, 8.0)
    },
    **{
        f"Pareto({a:g})": (1 / a, lambda rng, n, a=a: rng.random(n) ** (-1 / a)) for a in (1.2, 3.0)
    },
    **{
        f"GPD({xi:g})": (
            max(xi, 0.0),
            lambda rng, n, xi=xi: np.expm1(xi * exponential(rng, n)) / xi,
        )
        for xi in (0.5, 0.2, -0.2)
    },
    "exponential": (0.0, lambda rng, n: exponential(rng, n)),
    "Gumbel": (0.0, lambda rng, n: rng.gumbel(size=n)),
    "normal": (0.0, lambda rng, n: rng.standard_normal(n)),
    "lognormal(1)": (0.0, lambda rng, n: np.exp(rng.standard_normal(n))),
    "uniform": (0.0, lambda rng, n: rng.random(n)),
    "beta(2, 5)": (0.0, lambda rng, n: rng.beta(2, 5, n)),
    "9 N(0, 1) + 1 N(0, 9)": (
        0.0,
        lambda rng, n: rng.standard_normal(n) * np.where(rng.random(n) < 0.1, 3, 1),
    ),
    "19 N(0, 1) + 1 N(6, 1)": (
        0.0,
        lambda rng, n: rng.standard_normal(n) + np.where(rng.random(n) < 0.05, 6, 0),
    ),
}
"""Index, 0 where it is not heavy, and draws of each law."""


def exponential(rng, n):
    """Draw from the exponential law."""
    return rng.standard_exponential(n)


def sides(law, rows, repeats, rng):
    """Yield the distances from the median on the upper side of columns of one law."""
    for _ in range(repeats):
        x = LAWS[law][1](rng, rows)
        x -= np.median(x)
        yield x[x > 0]


def judged(law, rows, repeats, seed=0):
    """Return which columns are heavy by two standard errors and by the rule, and the indices."""
    rng = np.random.default_rng([seed, rows, list(LAWS).index(law)])
    tails = [estimate_side(y) for y in sides(law, rows, repeats, rng)]
    before = np.array([tail.xi > max(0.05, 2 * tail.xi_se) for tail in tails])
    after = np.array([tail.tail == "heavy" for tail in tails])
    indices = np.array([[tail.xi, tail.heavy_xi] for tail in tails])
    return before, after, indices


def table(rows, repeats):
    """Yield the lines of the table of shares, before and after, and of the error of the index."""
    said = f"error of the index at {rows[-1]:,}"
    yield "| Law | " + " | ".join(f"{n:,}" for n in rows) + f" | {said} |"
    yield "| --- |" + " ---: |" * (len(rows) + 1)
    for law, (index, _) in LAWS.items():
        cells = []
        for n in rows:
            before, after, indices = judged(law, n, repeats)
            cells.append(f"{100 * before.mean():.0f} → {100 * after.mean():.0f}")
        error = " → ".join(
            f"{np.sqrt(np.mean((found[heavy] - index) ** 2)):.2f}" if heavy.any() else "-"
            for found, heavy in zip(indices.T, (before, after), strict=True)
        )
        yield f"| {law} | {' | '.join(cells)} | {error} |"


def _ratio(count):
    """Return the likelihood ratio's root of the ``count`` largest excesses."""
    return lambda top: np.array([fit_excesses(y).root for y in excesses(top, count)])


def _linear_skewness(top, count):
    """Return the ratio of the third to the second linear moment of excesses."""
    y = excesses(top, count)
    p = np.arange(count) / (count - 1)
    q = p * (np.arange(count) - 1) / (count - 2)
    first, second, third = (np.mean(y * w, axis=1) for w in (np.ones(count), p, q))
    return (6 * third - 6 * second + first) / (2 * second - first)


def _jackson(top, count):
    """Return how near Jackson's statistic of the logarithms is to 2, which a Pareto law has."""
    y = np.log(top[:, -count:] / top[:, -count - 1, None])
    weights = np.cumsum(1.0 / np.arange(count, 0, -1))
    return -np.abs((weights * y).sum(axis=1) / y.sum(axis=1) - 2)


CANDIDATES = {
    **{f"likelihood ratio, {share:.0%}": (share, _ratio) for share in (0.1, 0.3, 0.5)},
    "max to sum, 30 %": (
        0.3,
        lambda k: lambda top: excesses(top, k).max(1) / excesses(top, k).sum(1),
    ),
    "Hasofer and Wang, 30 %": (
        0.3,
        lambda k: lambda top: excesses(top, k).std(1) / excesses(top, k).mean(1),
    ),
    "L-skewness, 30 %": (0.3, lambda k: lambda top: _linear_skewness(top, k)),
    "Jackson, 6 %": (0.06, lambda k: lambda top: _jackson(top, k)),
    "Jackson, 30 %": (0.3, lambda k: lambda top: _jackson(top, k)),
}
"""Share of the side, and the statistic of sorted largest values: large where a tail is heavy."""


def excesses(top, count):
    """Return the excesses of the largest values of each row over the next, in rising order."""
    return top[:, -count:] - top[:, -count - 1, None]


def compared(rows, repeats, seed=1):
    """Yield the lines of the table of candidates, each at 5 % for an exponential tail.

    Jackson's statistic refuses Pareto tails, 5 % of them; what it does not refuse counts as heavy.
    """
    half = rows // 2
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.standard_exponential((3 * repeats, half)), axis=1)
    rules = {}
    for name, (share, statistic) in CANDIDATES.items():
        found = statistic(int(share * half))
        null = np.exp(drawn) if name.startswith("Jackson") else drawn
        level = 0.05 if name.startswith("Jackson") else 0.95
        rules[name] = found, np.quantile(found(null), level)
    yield "| Law | " + " | ".join(rules) + " |"
    yield "| --- |" + " ---: |" * len(rules)
    for law in LAWS:
        tops = np.sort(list(sides(law, rows, repeats, rng)), axis=1)
        shares = [100 * np.mean(found(tops) > limit) for found, limit in rules.values()]
        yield f"| {law} | " + " | ".join(f"{share:.0f}" for share in shares) + " |"


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--candidates", type=int, metavar="ROWS", help="compare rules at so many")
    chosen = parser.parse_args()
    lines = (
        compared(chosen.candidates, chosen.repeats)
        if chosen.candidates
        else table(chosen.rows, chosen.repeats)
    )
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
