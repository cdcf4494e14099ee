"""Sandwich covariances from score contributions: sum by cluster, multiply, correct for few clusters.

`bread` is the inverse information (p, p) and `scores` (n, p) holds one row per observation, weights already
in it. Factors are named as they are in the literature: "none" (R's coxph, Lin and Wei 1989), "G" for G/(G-1)
(Stata after maximum likelihood) and "Gnk" for G/(G-1)·(n-1)/(n-k) (Stata after regress, statsmodels).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FACTORS = ("none", "G", "Gnk")


def sum_by(codes: NDArray[np.intp], scores: Array, groups: int | None = None) -> Array:
    """Return the sums (g, p) of score rows (n, p) by cluster codes 0 … g-1."""
    g = int(codes.max(initial=-1)) + 1 if groups is None else groups
    return np.array([np.bincount(codes, weights=s, minlength=g) for s in scores.T], dtype=float).T.reshape(
        g, -1
    )


def sandwich(
    bread: Array, scores: Array, cluster: NDArray[np.intp] | None = None, factor: str = "none"
) -> Array:
    """Return bread · Σ_g u_g u_g' · bread · factor (p, p); without `cluster` each row is its own cluster."""
    summed = scores if cluster is None else sum_by(cluster, scores)
    half = summed @ bread
    return (
        half.T @ half * correction(factor, groups=summed.shape[0], rows=scores.shape[0], terms=bread.shape[0])
    )


def correction(factor: str, *, groups: int, rows: int, terms: int) -> float:
    """Return the small-sample factor by its name."""
    if factor not in FACTORS:
        raise ValueError(f"cluster_factor is {factor!r}; it must be one of {', '.join(FACTORS)}")
    if factor == "none":
        return 1.0
    few = groups / (groups - 1.0)
    return few if factor == "G" else few * (rows - 1.0) / (rows - terms)
