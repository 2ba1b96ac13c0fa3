"""Quantiles against numpy."""
from peers import Task


def arrays(rng):
    return {"x": rng.lognormal(0, 1, 10_000_000)}


def numpy_quantile(x):
    import numpy
    return numpy.quantile(x["x"], [0.25, 0.5, 0.75, 0.9, 0.99, 0.999])


TASKS = [Task("quantiles", "six quantiles of 1e7", "numpy", arrays, numpy_quantile, faster=4.0, close=1e-12)]
