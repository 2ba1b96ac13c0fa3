"""BCa intervals against scipy; the intervals are random, and agree to a few parts in a thousand."""
from peers import Task


def arrays(rng):
    return {"x": rng.lognormal(1, 0.5, 1000)}


def scipy_bootstrap(statistic):
    def run(x):
        from scipy import stats
        found = stats.bootstrap((x["x"],), statistic, n_resamples=10_000, method="BCa", rng=1)
        return [found.confidence_interval.low, found.confidence_interval.high]
    return run


def mean(x, axis):
    import numpy
    return numpy.mean(x, axis=axis)


def median(x, axis):
    import numpy
    return numpy.median(x, axis=axis)


TASKS = [
    Task("bootstrap-mean", "bootstrap BCa of the mean, n = 1000, 10k resamples", "scipy", arrays,
         scipy_bootstrap(mean), faster=3.0, close=0.005),
    Task("bootstrap-median", "bootstrap BCa of the median, n = 1000, 10k resamples", "scipy", arrays,
         scipy_bootstrap(median), faster=3.0, close=0.01),
]
