"""Binary regression by Newton's method, logit and complementary log-log: likelihood, scores, whether a
maximum exists.

With linear predictor η = x'b a link gives l(y, η), its slope and curvature in η, and the curvature expected:

    logit    l = y η - log(1 + e^η), slope y - p, curvature p (1 - p), the same expected
    cloglog  l = y log(1 - e^-λ) - (1 - y) λ with λ = e^η, slope y u - (1 - y) λ with u = λ/(e^λ - 1),
             curvature y u (λ + u - 1) + (1 - y) λ, expected λ u

Covariances rest on the expected curvature (as R's glm). Columns are centred and scaled inside and handed back
in the units they came in. Sandwiches are in `sandwich.py`, effects on probabilities in `effects.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.kernels.newton import Array, Evaluation, independent, invert, maximise, spread

OVERFLOW = 30.0  # e^30 events expected per row: a step to be halved


@dataclass(frozen=True, slots=True)
class Link:
    """A likelihood of y given η, all functions of arrays (n,): value, slope, curvature (y, η); expected, mean
    (η).
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array], Array]
    expected: Callable[[Array], Array]
    mean: Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class LogitResult:
    """A binary fit: beta (q,) with NaN where aliased, q = p + 1 with the intercept first, p without one.

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


def logit(y: Array, X: Array, *, weights: Array | None = None, max_iterations: int = 60) -> LogitResult:
    """Return the maximum-likelihood logit of y (n,) in {0, 1} on an intercept and X (n, p); weights (n,)
    positive.
    """
    return _fit(LOGIT, y, X, weights, max_iterations)


def cloglog(y: Array, X: Array, *, weights: Array | None = None, max_iterations: int = 60) -> LogitResult:
    """Return the complementary log-log fit, whose slopes are log hazard ratios of grouped proportional
    hazards.
    """
    return _fit(CLOGLOG, y, X, weights, max_iterations)


def _fit(link: Link, y: Array, X: Array, weights: Array | None, max_iterations: int) -> LogitResult:
    weights = np.ones(y.size) if weights is None else weights
    centre, scale = spread(X, weights)
    Z = np.hstack([np.ones((y.size, 1)), (X - centre) / scale])
    back = _back(centre, scale)
    first = (Z * weights[:, None]).T @ Z
    kept = independent(first, floor=1e-10 * float(weights.sum()))
    use = np.flatnonzero(kept)
    share = float(np.average(y, weights=weights))
    start = np.zeros(use.size)
    start[0] = _intercept(link, share)
    best = maximise(lambda b: _evaluate(link, Z[:, use], y, weights, b), start, max_iterations=max_iterations)
    eta = Z[:, use] @ best.beta
    information = (Z[:, use] * (weights * link.expected(eta))[:, None]).T @ Z[:, use]
    q = Z.shape[1]
    beta, covariance = np.full(q, np.nan), np.full((q, q), np.nan)
    part = back[np.ix_(use, use)]
    beta[use] = part @ best.beta
    covariance[np.ix_(use, use)] = part @ invert(information) @ part.T
    scores = np.zeros((y.size, q))
    given = np.hstack([np.ones((y.size, 1)), X])
    scores[:, use] = (weights * link.slope(y, eta))[:, None] * given[:, use]
    diverging = np.zeros(q, dtype=bool)
    diverging[use] = best.diverging
    null = float(weights @ link.value(y, np.full(y.size, _intercept(link, share)))) if 0 < share < 1 else 0.0
    fitted = link.mean(eta)
    return LogitResult(
        beta, covariance, best.loglik, null, fitted, scores, best.iterations, best.converged, ~kept, diverging
    )


def _evaluate(link: Link, Z: Array, y: Array, weights: Array, beta: Array) -> Evaluation:
    eta = Z @ beta
    if link is CLOGLOG and eta.max(initial=0.0) > OVERFLOW:
        return -np.inf, np.zeros(beta.size), np.eye(beta.size)
    information = (Z * (weights * link.curvature(y, eta))[:, None]).T @ Z
    return float(weights @ link.value(y, eta)), Z.T @ (weights * link.slope(y, eta)), information


def _intercept(link: Link, share: float) -> float:
    """Return η at which the mean is `share`, kept off the ends."""
    p = min(max(share, 1e-6), 1.0 - 1e-6)
    return float(np.log(p / (1.0 - p))) if link is LOGIT else float(np.log(-np.log1p(-p)))


def _back(centre: Array, scale: Array) -> Array:
    """Return the matrix (q, q) that turns coefficients of centred, scaled columns into those of the columns
    given.
    """
    top = np.concatenate([[1.0], -centre / scale])
    return np.vstack([top, np.hstack([np.zeros((scale.size, 1)), np.diag(1.0 / scale)])])


def _waiting(eta: Array) -> tuple[Array, Array]:
    """Return λ = e^η and u = λ/(e^λ - 1), 1 as λ goes to 0."""
    hazard = np.exp(eta)
    growth = np.expm1(np.minimum(hazard, 700.0))
    return hazard, np.divide(hazard, growth, out=np.ones_like(hazard), where=growth > 0)


def _cloglog_value(y: Array, eta: Array) -> Array:
    hazard = np.exp(eta)
    return np.where(y > 0, np.log(-np.expm1(-hazard)), -hazard)


def _cloglog_slope(y: Array, eta: Array) -> Array:
    hazard, u = _waiting(eta)
    return np.where(y > 0, u, -hazard)


def _cloglog_curvature(y: Array, eta: Array) -> Array:
    hazard, u = _waiting(eta)
    return np.where(y > 0, u * (hazard + u - 1.0), hazard)


def _cloglog_expected(eta: Array) -> Array:
    hazard, u = _waiting(eta)
    return hazard * u


LOGIT = Link(
    value=lambda y, eta: y * eta - np.logaddexp(0.0, eta),
    slope=lambda y, eta: y - expit(eta),
    curvature=lambda y, eta: expit(eta) * expit(-eta),
    expected=lambda eta: expit(eta) * expit(-eta),
    mean=expit,
)
CLOGLOG = Link(
    value=_cloglog_value,
    slope=_cloglog_slope,
    curvature=_cloglog_curvature,
    expected=_cloglog_expected,
    mean=lambda eta: -np.expm1(-np.exp(eta)),
)
