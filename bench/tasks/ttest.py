"""Welch's t test against scipy."""
from peers import Task


def arrays(rng):
    return {"a": rng.normal(10, 2, 1_000_000), "b": rng.normal(10.005, 3, 1_000_000)}


def scipy_welch(x):
    from scipy import stats
    found = stats.ttest_ind(x["a"], x["b"], equal_var=False)
    return [found.statistic, found.pvalue]


TASKS = [Task("ttest", "t test, 1e6 against 1e6", "scipy", arrays, scipy_welch, faster=1.0, close=1e-9)]
