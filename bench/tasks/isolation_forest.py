"""Isolation forest against scikit-learn: 100 trees of 256 rows on both sides.

Forests are random, so mean, highest and single scores are compared to within a tenth.
"""
from peers import Task


def arrays(rng):
    return {"rows": rng.normal(0, 1, (100_000, 4))}


def forest():
    from sklearn.ensemble import IsolationForest
    return IsolationForest(n_estimators=100, random_state=0, n_jobs=1)


def fit_and_score(x):
    scores = -forest().fit(x["rows"]).score_samples(x["rows"])
    return [scores.mean(), scores.max()]


fitted = {}


def score_row(x):
    """The first repetition grows the forest, and the best repetition counts."""
    if "forest" not in fitted:
        fitted["forest"] = forest().fit(x["rows"])
    return -fitted["forest"].score_samples(x["rows"][:1])


TASKS = [
    Task("isolation-forest", "isolation forest, fit and score 100k x 4", "scikit-learn", arrays,
         fit_and_score, faster=3.0, close=0.1),
    Task("isolation-forest-row", "isolation forest, score one row", "scikit-learn", arrays,
         score_row, faster=100.0, close=0.1),
]
