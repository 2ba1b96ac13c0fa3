"""STL against statsmodels, with the same windows, jumps (1) and passes on both sides."""
import numpy

from peers import Task


def arrays(rng):
    t = numpy.arange(10_000)
    y = 50 + 0.001 * t + 5 * numpy.sin(2 * numpy.pi * t / 24) + rng.normal(0, 1, t.size)
    y[rng.integers(0, t.size, 100)] += 20
    return {"y": y}


def decompose(x, robust):
    from statsmodels.tsa.seasonal import STL
    passes = {"inner_iter": 2, "outer_iter": 15} if robust else {"inner_iter": 5, "outer_iter": 0}
    found = STL(x["y"], period=24, seasonal=7, robust=robust).fit(**passes)
    columns = [found.trend, found.seasonal, found.weights]
    return numpy.column_stack(columns)[:: len(x["y"]) // 100].ravel()


TASKS = [
    Task("stl", "STL of 10 000, period 24", "statsmodels", arrays,
         lambda x: decompose(x, robust=False), faster=3.0, close=1e-9),
    Task("stl-robust", "STL of 10 000, period 24, robust", "statsmodels", arrays,
         lambda x: decompose(x, robust=True), faster=3.0, close=1e-9),
]
