"""Matrix profile against STOMP (Zhu et al. 2016) as one writes it with numpy: a row at a time."""
from peers import Task

WINDOW = 100


def arrays(rng):
    return {"series": rng.normal(0, 1, 20_000).cumsum()}


def stomp(x):
    import numpy as np
    series, m = x["series"] - x["series"].mean(), WINDOW
    windows = np.lib.stride_tricks.sliding_window_view(series, m)
    count, zone = len(windows), -(-m // 4)
    mean, sd = windows.mean(axis=1), windows.std(axis=1)
    products = windows @ series[:m]
    first, best = products.copy(), np.full(count, -np.inf)
    for i in range(count):
        if i > 0:
            products[1:] = (products[:-1] - series[i - 1] * series[:count - 1]
                            + series[i + m - 1] * series[m:])
            products[0] = first[i]
        correlation = (products - m * mean[i] * mean) / (m * sd[i] * sd)
        correlation[max(0, i - zone):i + zone + 1] = -np.inf
        best[i] = correlation.max()
    distance = np.sqrt(np.maximum(0.0, 2 * m * (1 - best)))
    return [distance.sum(), distance.max()]


TASKS = [Task("matrix-profile", "matrix profile, n = 20 000, window 100", "numpy", arrays, stomp,
              faster=3.0, close=1e-6, repeat=1)]
