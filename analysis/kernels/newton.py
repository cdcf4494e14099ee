"""Newton's method for concave log-likelihoods, and what it tells about a model that cannot be estimated.

`maximise` halves steps that lose, stops on the relative change of the log-likelihood, and then takes one more
step. That last step makes the answer exact to rounding when a maximum exists, and is of order one in the
linear predictor when it does not: under separation the likelihood settles while a coefficient still walks.
`independent` finds the terms that carry information of their own. No model is known here; covariances live in
`sandwich.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Evaluation = tuple[float, Array, Array]

TOLERANCE = 1e-9  # relative change of the log-likelihood, as R's coxph
DIVERGING = 1e-3  # a step this long after convergence, in standard deviations of a term, is separation
ALIASED = 1e-9  # information left of a term, once earlier terms are swept out, relative to its own


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a log-likelihood is largest: `beta`, `score` and `step` (p,), `information` (p, p).

    `step` is the Newton step left over after convergence; `iterations` counts accepted steps before it.
    """

    beta: Array
    loglik: float
    score: Array
    information: Array
    step: Array
    iterations: int
    converged: bool

    @property
    def diverging(self) -> NDArray[np.bool_]:
        """Which terms still walk although the log-likelihood has settled; terms must be scaled to unit
        spread.
        """
        return np.abs(self.step) > DIVERGING


def maximise(
    evaluate: Callable[[Array], Evaluation],
    start: Array,
    *,
    tolerance: float = TOLERANCE,
    max_iterations: int = 60,
) -> Optimum:
    """Return the maximum of `evaluate`, which gives log-likelihood, score (p,) and information (p, p) at beta
    (p,).
    """
    beta, (loglik, score, information) = start, evaluate(start)
    converged = start.size == 0
    iterations = 0
    while not converged and iterations < max_iterations:
        trial = _uphill(evaluate, beta, loglik, solve(information, score))
        if trial is None:
            break
        gain = trial[1][0] - loglik
        beta, (loglik, score, information) = trial
        iterations += 1
        converged = abs(gain) <= tolerance * (abs(loglik) + 0.1)
    step = solve(information, score)
    if converged and start.size:
        last = _uphill(evaluate, beta, loglik, step, halvings=1)
        if last is not None:
            beta, (loglik, score, information) = last
    return Optimum(beta, loglik, score, information, step, iterations, converged)


def _uphill(
    evaluate: Callable[[Array], Evaluation], beta: Array, loglik: float, step: Array, halvings: int = 40
) -> tuple[Array, Evaluation] | None:
    slack = 1e-12 * (abs(loglik) + 1.0)
    for _ in range(halvings):
        value = evaluate(beta + step)
        if np.isfinite(value[0]) and value[0] >= loglik - slack:
            return beta + step, value
        step = step / 2.0
    return None


def solve(information: Array, score: Array) -> Array:
    """Return information⁻¹ score, by least squares where the information has lost its rank to rounding."""
    try:
        return np.asarray(np.linalg.solve(information, score), dtype=float)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(information, score, rcond=None)[0], dtype=float)


def invert(information: Array) -> Array:
    """Return the symmetric inverse (p, p) of an information matrix; pseudo-inverse where rounding made it
    singular.
    """
    try:
        inverse = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        inverse = np.linalg.pinv(information, hermitian=True)
    return (inverse + inverse.T) / 2.0


def independent(information: Array, floor: float) -> NDArray[np.bool_]:
    """Return which terms (p,) carry information beyond the terms before them.

    Columns are swept in their order (Gauss–Jordan), so that of two equal terms the later one goes. `floor` is
    the amount of information below which a term counts as constant.
    """
    swept = information.astype(float).copy()
    p = swept.shape[0]
    kept = np.zeros(p, dtype=bool)
    for j in range(p):
        pivot = swept[j, j]
        if not pivot > max(ALIASED * information[j, j], floor):
            continue
        kept[j] = True
        swept -= np.outer(swept[:, j], swept[j, :]) / pivot
    return kept


def spread(X: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Return centre (p,) and standard deviation (p,) of the columns of X (n, p); 1 where a column does not
    vary.
    """
    centre = np.average(X, axis=0, weights=weights)
    scale = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=weights))
    size = np.abs(X).max(axis=0, initial=0.0)
    return centre, np.where(scale > 1e-12 * size, scale, 1.0)
