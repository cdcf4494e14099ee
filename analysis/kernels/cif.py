"""Aalen–Johansen: cumulative incidence of competing causes, with delayed entry, and its variances.

With S(t-) the chance of no event of any cause before t, F_k(t) = Σ S(t_j-) d_kj / n_j (Aalen and Johansen
1978). `aalen_variance` is the counting-process variance that R's cmprsk prints (Gray 1988), for unweighted
rows; `influence_variance` is the infinitesimal jackknife, right under sampling weights and by cluster.
Kaplan–Meier is the case of one cause, S = 1 - F, so its robust error comes from here too.
"""

import numpy as np

from analysis.kernels.curves import LifeTable, hazard
from analysis.kernels.riskset import Array, Index, join_ties
from analysis.kernels.sandwich import sum_by

CHUNK = 4_000_000  # numbers of the influence matrix held at once


def cumulative_incidence(table: LifeTable) -> Array:
    """Return F (m, causes) at the times of the life table."""
    return np.cumsum(_before(table)[:, None] * _cause_hazards(table), axis=0)


def aalen_variance(table: LifeTable, F: Array) -> Array:
    """Return the variance (m, causes) of F.

    Var F_k(t) = Σ_j S(t_j-)²/n_j² { v_kj [1 - g]² + v_oj g² }, g = (F_k(t) - F_k(t_j)) / S(t_j),
    with v = d (n - d)/(n - 1) of the cause and of all others: tied events as drawn without replacement.
    """
    before = _before(table)
    after = before * (1.0 - hazard(table))
    n = table.at_risk
    base = np.divide(before**2, n**2, out=np.zeros(n.size), where=n > 0)
    inverse = np.divide(1.0, after, out=np.zeros(n.size), where=after > 0)
    variance = np.empty_like(F)
    for k in range(F.shape[1]):
        own = base * _hypergeometric(table.events[:, k], n)
        other = np.where(after > 0, base * _hypergeometric(table.deaths - table.events[:, k], n), 0.0)
        lift = 1.0 + inverse * F[:, k]
        pull = inverse * F[:, k]
        first = np.cumsum(own * lift**2 + other * pull**2)
        cross = np.cumsum(inverse * (own * lift + other * pull))
        square = np.cumsum(inverse**2 * (own + other))
        variance[:, k] = first - 2.0 * F[:, k] * cross + F[:, k] ** 2 * square
    return np.maximum(variance, 0.0)


def influence_variance(
    start: Array,
    stop: Array,
    cause: Index,
    table: LifeTable,
    F: Array,
    *,
    weights: Array | None = None,
    cluster: Index | None = None,
) -> Array:
    """Return the infinitesimal-jackknife variance (m, causes): Σ over clusters of squared summed influences.

    Rows as in `curves.life_table`, which made `table`; `cluster` holds codes 0, 1, … (each row its own
    without it). The influence of row i on F_k(t) is Σ_{l<=t} { S(l-) (dN_kil - Y_il h_kl)/n_l - (F_k(t) -
    F_k(l)) φ_il } with φ_il = (dN_il - Y_il h_l)/(n_l - d_l). No small-sample factor. O(n m), in pieces.
    """
    start, stop = join_ties(start, stop)
    n = stop.size
    weights = np.ones(n) if weights is None else weights
    cluster = np.arange(n) if cluster is None else cluster
    order = np.argsort(cluster, kind="stable")
    begins = np.concatenate([[0], np.flatnonzero(np.diff(cluster[order])) + 1, [n]])
    variance = np.zeros_like(F)
    size = max(1, CHUNK // max(1, table.times.size))
    at = 0
    while at < len(begins) - 1:
        to = max(at + 1, int(np.searchsorted(begins, begins[at] + size, side="right")) - 1)
        rows = order[begins[at] : begins[to]]
        codes = np.unique(cluster[rows], return_inverse=True)[1]
        for k in range(F.shape[1]):
            own = _influence(start[rows], stop[rows], cause[rows], table, F[:, k], k + 1)
            variance[:, k] += (sum_by(codes, own * weights[rows, None]) ** 2).sum(axis=0)
        at = to
    return variance


def _influence(start: Array, stop: Array, cause: Index, table: LifeTable, F: Array, k: int) -> Array:
    """Return the influence (rows, m) of each row on F_k at each time."""
    times, n, d = table.times, table.at_risk, table.deaths
    before, h = _before(table), hazard(table)
    own_hazard = _cause_hazards(table)[:, k - 1]
    there = (start[:, None] < times) & (times <= stop[:, None])
    event = (times == stop[:, None]) & (cause > 0)[:, None]
    of_cause = event & (cause == k)[:, None]
    direct = np.divide(before, n, out=np.zeros(n.size), where=n > 0)
    left = np.divide(1.0, n - d, out=np.zeros(n.size), where=n - d > 1e-12 * n)
    straight = direct * (of_cause - there * own_hazard)
    phi = left * (event - there * h)
    return np.cumsum(straight + F * phi, axis=1) - F * np.cumsum(phi, axis=1)


def _before(table: LifeTable) -> Array:
    survival = np.cumprod(1.0 - hazard(table))
    return np.concatenate([[1.0], survival[:-1]])


def _cause_hazards(table: LifeTable) -> Array:
    n = table.at_risk[:, None]
    return np.divide(table.events, n, out=np.zeros(table.events.shape), where=n > 0)


def _hypergeometric(d: Array, n: Array) -> Array:
    return np.where(n > 1, d * (n - d) / np.maximum(n - 1.0, 1.0), d)
