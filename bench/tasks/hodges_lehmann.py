"""The Hodges-Lehmann shift against all pairs in numpy (scipy has none)."""
from peers import Task


def arrays(rng):
    return {"a": rng.normal(10, 2, 5_000), "b": rng.normal(9, 2, 5_000)}


def all_pairs(x):
    import numpy
    return [numpy.median(numpy.subtract.outer(x["a"], x["b"]))]


TASKS = [Task("hodges-lehmann", "Hodges-Lehmann with interval, 5000 against 5000", "numpy, all pairs",
              arrays, all_pairs, faster=10.0, close=1e-12)]
