"""The Mann-Whitney test against scipy."""
from peers import Task


def arrays(rng):
    return {"a": rng.normal(10, 2, 1_000_000), "b": rng.normal(10.005, 2, 1_000_000)}


def scipy_mann_whitney(x):
    from scipy import stats
    found = stats.mannwhitneyu(x["a"], x["b"])
    return [found.statistic, found.pvalue]


TASKS = [Task("mannwhitney", "Mann-Whitney, 1e6 against 1e6", "scipy", arrays, scipy_mann_whitney,
              faster=3.0, close=1e-9)]
