"""A permutation test against scipy; the p-values are random, and agree to a few parts in a hundred."""
from peers import Task


def arrays(rng):
    return {"a": rng.normal(0, 1, 1000), "b": rng.normal(-0.06, 1, 1000)}


def difference(x, y, axis):
    import numpy
    return numpy.mean(x, axis=axis) - numpy.mean(y, axis=axis)


def scipy_permutation(x):
    from scipy import stats
    found = stats.permutation_test((x["a"], x["b"]), difference, n_resamples=10_000, vectorized=True,
                                   batch=1000, rng=1)
    return [found.statistic, found.pvalue]


TASKS = [Task("permutation", "permutation test 10k, 1000 against 1000", "scipy", arrays,
              scipy_permutation, faster=3.0, close=0.05)]
