"""Logit by Newton's method: likelihood, scores by row, and whether a finite maximum exists.

    loglik = Σ w (y η - log(1 + e^η)),   score = Σ w (y - p) x,   information = Σ w p (1 - p) x x',   η = x'b.

Columns are centred and scaled inside and handed back in the units they came in. Covariances from the scores
are in `sandwich.py`, effects on probabilities in `effects.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.kernels.newton import Array, Evaluation, independent, invert, maximise, spread


@dataclass(frozen=True, slots=True)
class LogitResult:
    """A logit fit: beta (q,) with NaN where aliased, q = p + 1 with the intercept first, p without one.

    covariance (q, q) is the inverse information, fitted (n,) the probabilities, scores (n, q) carry the
    weights. `aliased` and `diverging` (q,) mark terms without information and terms that walk off under
    separation.
    """

    beta: Array
    covariance: Array
    loglik: float
    loglik_null: float
    fitted: Array
    scores: Array
    iterations: int
    converged: bool
    aliased: NDArray[np.bool_]
    diverging: NDArray[np.bool_]


def logit(
    y: Array, X: Array, *, weights: Array | None = None, intercept: bool = True, max_iterations: int = 60
) -> LogitResult:
    """Return the maximum-likelihood logit of y (n,) in {0, 1} on X (n, p); weights (n,) positive."""
    weights = np.ones(y.size) if weights is None else weights
    centre, scale = spread(X, weights)
    centre = centre if intercept else np.zeros(X.shape[1])
    one = np.ones((y.size, int(intercept)))
    Z = np.hstack([one, (X - centre) / scale])
    back = _back(centre, scale, intercept)
    information = _evaluate(Z, y, weights, np.zeros(Z.shape[1]))[2]
    kept = independent(information, floor=1e-10 * float(weights.sum()))
    use = np.flatnonzero(kept)
    best = maximise(
        lambda b: _evaluate(Z[:, use], y, weights, b), np.zeros(use.size), max_iterations=max_iterations
    )
    q = Z.shape[1]
    beta, covariance = np.full(q, np.nan), np.full((q, q), np.nan)
    part = back[np.ix_(use, use)]
    beta[use] = part @ best.beta
    covariance[np.ix_(use, use)] = part @ invert(best.information) @ part.T
    fitted = expit(Z[:, use] @ best.beta)
    scores = np.zeros((y.size, q))
    scores[:, use] = (weights * (y - fitted))[:, None] * np.hstack([one, X])[:, use]
    diverging = np.zeros(q, dtype=bool)
    diverging[use] = best.diverging
    null = _null(y, weights) if intercept else float(weights.sum() * np.log(0.5))
    return LogitResult(
        beta, covariance, best.loglik, null, fitted, scores, best.iterations, best.converged, ~kept, diverging
    )


def _evaluate(Z: Array, y: Array, weights: Array, beta: Array) -> Evaluation:
    eta = Z @ beta
    fitted = expit(eta)
    loglik = float(weights @ (y * eta - np.logaddexp(0.0, eta)))
    score = Z.T @ (weights * (y - fitted))
    information = (Z * (weights * fitted * (1.0 - fitted))[:, None]).T @ Z
    return loglik, score, information


def _back(centre: Array, scale: Array, intercept: bool) -> Array:
    """Return the matrix (q, q) that turns coefficients of centred, scaled columns into those of the columns
    given.
    """
    slopes = np.diag(1.0 / scale)
    if not intercept:
        return slopes
    top = np.concatenate([[1.0], -centre / scale])
    return np.vstack([top, np.hstack([np.zeros((scale.size, 1)), slopes])])


def _null(y: Array, weights: Array) -> float:
    total, ones = float(weights.sum()), float(weights @ y)
    share = ones / total
    if share in (0.0, 1.0):
        return 0.0
    return ones * float(np.log(share)) + (total - ones) * float(np.log1p(-share))
