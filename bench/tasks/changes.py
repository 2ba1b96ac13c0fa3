"""Change points against ruptures and Otava."""
from peers import Task

PENALTY = 60.0      # as in bench/src/time/changes.rs


def steps(n, every):
    def arrays(rng):
        levels = rng.normal(0, 3, n // every + 1)
        return {"x": levels.repeat(every)[:n] + rng.normal(0, 1, n)}
    return arrays


def kernel_cpd(x):
    import ruptures
    found = ruptures.KernelCPD(kernel="linear", min_size=1, jump=1).fit(x["x"].reshape(-1, 1))
    return found.predict(pen=PENALTY)[:-1]


def otava(x):
    from otava.analysis import compute_change_points
    found, _ = compute_change_points(x["x"].tolist())
    return [change.index for change in found]


TASKS = [
    Task("pelt", "PELT, L2, 20 000, 100 changes", "ruptures (C)", steps(20_000, 200), kernel_cpd,
         faster=1.0, close=0.0),
    Task("pelt-quiet", "PELT, L2, 20 000, no change", "ruptures (C)", steps(20_000, 20_000),
         kernel_cpd, faster=1.0, close=0.0, repeat=3),
    Task("e-divisive-1000", "e-divisive, n = 1000", "Otava", steps(1000, 250), otava, faster=5.0),
    Task("e-divisive-5000", "e-divisive, n = 5000", "Otava", steps(5000, 1250), otava, faster=5.0),
]
