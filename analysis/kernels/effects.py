"""Average effects on a probability after a logit, with their Jacobians in closed form.

A slope is the mean of dP/dv = p (1 - p) (∂x/∂v)'b; a change is the mean of P(x1) - P(x0). The design matrices
at the changed values are built by whoever knows the formula, so interactions and splines come out right. The
delta method is Var = J V J', with rows of J the means of p (1 - p) (1 - 2p) d x + p (1 - p) ∂x and of p1 (1 -
p1) x1 - p0 (1 - p0) x0.
"""

import numpy as np
from scipy.special import expit

from analysis.kernels.newton import Array


def average_slope(beta: Array, X: Array, dX: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the average derivative and its Jacobian (q,) for X (n, q) and its derivative dX (n, q) in the
    variable.
    """
    p = expit(X @ beta)
    density = p * (1.0 - p)
    slope = dX @ beta
    rows = (density * (1.0 - 2.0 * p) * slope)[:, None] * X + density[:, None] * dX
    return float(np.average(density * slope, weights=weights)), np.average(rows, axis=0, weights=weights)


def average_change(beta: Array, X1: Array, X0: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the average of P(X1) - P(X0) and its Jacobian (q,) for two designs (n, q)."""
    p1, p0 = expit(X1 @ beta), expit(X0 @ beta)
    rows = (p1 * (1.0 - p1))[:, None] * X1 - (p0 * (1.0 - p0))[:, None] * X0
    return float(np.average(p1 - p0, weights=weights)), np.average(rows, axis=0, weights=weights)
