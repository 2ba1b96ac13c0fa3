"""Automatic exponential smoothing against statsforecast, same model set, one thread."""
from peers import Task

SERIES, LENGTH = 1000, 200


def arrays(rng):
    """White noise, random walks, trends and autoregressions, all above zero."""
    import numpy
    noise = rng.normal(0, 1, (SERIES, LENGTH))
    kind = numpy.arange(SERIES) % 4
    walk = numpy.cumsum(noise, axis=1)
    trend = noise + 0.05 * numpy.arange(LENGTH)
    slow = noise.copy()
    for t in range(1, LENGTH):
        slow[:, t] += 0.8 * slow[:, t - 1]
    y = numpy.choose(kind[:, None], [noise, walk, trend, slow])
    return {"y": (100 + y).ravel()}


def fits(x):
    from statsforecast.ets import ets_f
    return [ets_f(row, m=1, model="ZZZ") for row in x["y"].reshape(SERIES, LENGTH)]


def deviance_per_series(x):
    """Mean AICc; the constant that statsforecast leaves out is put back."""
    import math
    constant = LENGTH * math.log(2 * math.pi * math.e / LENGTH)
    return [sum(fit["aicc"] + constant for fit in fits(x)) / SERIES]


TASKS = [Task("auto-ets", "AutoETS 1000 × 200, non-seasonal", "statsforecast", arrays,
              deviance_per_series, faster=3.0, close=2e-3, repeat=2)]
