"""From the maximum of a likelihood to the fields of a `Fit`: errors, flags by term, counts of iterations.

A kernel finds the maximum and knows nothing of columns; a `Fit` has names, robust errors and warnings. What
stands between them is the same for every model that is maximised, and stands here once. Numbers of the
sandwich are `kernels/sandwich.py`.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.design import Design, NotEstimable
from analysis.fit import INTERCEPT
from analysis.kernels.sandwich import sandwich

Array = NDArray[np.float64]


class Maximum(Protocol):
    """What every kernel that maximises gives back: beta (p,), covariance (p, p), flags (p,) by term."""

    @property
    def beta(self) -> Array: ...
    @property
    def covariance(self) -> Array: ...
    @property
    def loglik(self) -> float: ...
    @property
    def loglik_null(self) -> float: ...
    @property
    def iterations(self) -> int: ...
    @property
    def converged(self) -> bool: ...
    @property
    def aliased(self) -> NDArray[np.bool_]: ...
    @property
    def diverging(self) -> NDArray[np.bool_]: ...


def fields(found: Maximum, laid: Design, covariance: Array) -> dict[str, Any]:
    """The fields of a `Fit` that follow from the maximum, its design and the covariance chosen.

    With an intercept in the design it is the first term; it is told apart because it runs off with any term
    that does, and is never rare.
    """
    once = seen_once(laid.X)
    return {
        "terms": (INTERCEPT, *laid.terms) if laid.intercept else laid.terms,
        "estimates": found.beta,
        "covariance": covariance,
        "naive_covariance": found.covariance,
        "loglik": found.loglik,
        "loglik_null": found.loglik_null,
        "dropped": laid.rows.dropped,
        "iterations": found.iterations,
        "converged": found.converged,
        "aliased": found.aliased,
        "diverging": _but_intercept(found.diverging) if laid.intercept else found.diverging,
        "seen_once": np.concatenate([[False], once]) if laid.intercept else once,
        "single": laid.single,
        "design": laid,
    }


def robust(naive: Array, scores: Array, cluster: NDArray[np.intp] | None, factor: str) -> Array:
    """Return the sandwich of scores (n, p) around the naive covariance, NaN kept for aliased terms."""
    if cluster is not None and cluster.max(initial=0) == 0:
        raise NotEstimable("all rows are in one cluster: a cluster-robust error needs at least two")
    known = ~np.isnan(np.diag(naive))
    covariance = np.full_like(naive, np.nan)
    part = sandwich(naive[np.ix_(known, known)], scores[:, known], cluster, factor)
    covariance[np.ix_(known, known)] = part
    return covariance


def covariance_name(names: Any, factor: str) -> str:
    """Return in words how the errors were made."""
    if "cluster" in names:
        return f"sandwich by {names['cluster']}, factor {factor}"
    return f"sandwich by row, factor {factor}" if "weights" in names else "inverse information"


def seen_once(X: Array) -> NDArray[np.bool_]:
    """Return which 0/1 columns (p,) are 1, or 0, in a single row."""
    binary = np.isin(X, (0.0, 1.0)).all(axis=0)
    ones = X.sum(axis=0)
    return binary & ((ones == 1) | (ones == X.shape[0] - 1))


def _but_intercept(diverging: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask without the intercept, which follows separated terms, unless it is the only term."""
    out = diverging.copy()
    out[0] = diverging[0] and diverging.size == 1
    return out
