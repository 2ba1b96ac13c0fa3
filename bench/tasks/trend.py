"""Mann-Kendall, Theil-Sen and least squares against scipy."""
import numpy

from peers import Task


def series(n):
    def arrays(rng):
        return {"y": 1e-6 * numpy.arange(n) + rng.normal(0, 1, n)}
    return arrays


def points(rng):
    x = rng.uniform(0, 10, 100_000)
    return {"x": x, "y": 3 + 0.5 * x + rng.normal(0, 1, x.size)}


def kendall(x):
    from scipy import stats
    found = stats.kendalltau(numpy.arange(len(x["y"])), x["y"])
    return [found.statistic, found.pvalue]


def slopes(x):
    from scipy import stats
    found = stats.theilslopes(x["y"])
    return [found.slope, found.intercept, found.low_slope, found.high_slope]


def line(x):
    from scipy import stats
    found = stats.linregress(x["x"], x["y"])
    return [found.slope, found.stderr, found.rvalue**2]


TASKS = [
    Task("mann-kendall", "Mann-Kendall, 1e6", "scipy", series(1_000_000), kendall, faster=1.0, close=1e-9),
    Task("theil-sen", "Theil-Sen with interval, 5000", "scipy", series(5000), slopes, faster=3.0, close=1e-9),
    Task("least-squares", "simple regression, 1e5", "scipy", points, line, faster=0.4, close=1e-9),
]
