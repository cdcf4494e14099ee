"""Life tables and what is read off them: Kaplan–Meier, Nelson–Aalen, intervals, quantiles, restricted means,
log-rank.

A life table has one row per distinct time at which someone enters, leaves or has an event; whoever enters at
a time is at risk only after it. Weights may be whole (frequencies) or not (sampling); Greenwood's variance is
right for the first kind only, `cif.influence_variance` for both. Several causes share one table and live in
`cif.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from analysis.kernels.riskset import Array, Index, join_ties, risk_sets

INTERVALS = ("loglog", "log", "plain")
LEVEL_TOLERANCE = float(np.sqrt(np.finfo(float).eps))  # a curve this near p is at p, as R's quantile.survfit


@dataclass(frozen=True, slots=True)
class LifeTable:
    """Counts at distinct times (m,): at_risk just before, events (m, causes) and censored at, entered just
    after.
    """

    times: Array
    at_risk: Array
    events: Array
    censored: Array
    entered: Array

    @property
    def deaths(self) -> Array:
        """Events of any cause (m,)."""
        return self.events.sum(axis=1)


@dataclass(frozen=True, slots=True)
class LogRank:
    """Weighted log-rank test: observed and expected (g,), covariance (g, g) of their difference, chi-square
    and df.
    """

    observed: Array
    expected: Array
    covariance: Array
    statistic: float
    df: int
    p_value: float


def life_table(
    start: Array, stop: Array, cause: Index, *, weights: Array | None = None, causes: int = 1
) -> LifeTable:
    """Return the life table of rows (start, stop] whose `cause` is 0 (censored) or 1 … `causes`; all arrays
    (n,).

    start is -inf for rows at risk from the beginning.
    """
    weights = np.ones(stop.size) if weights is None else weights
    start, stop = join_ties(start, stop)
    times = np.unique(np.concatenate([start[np.isfinite(start)], stop]))
    m = times.size
    leaves = np.searchsorted(times, stop)
    late = np.isfinite(start)
    enters = np.searchsorted(times, start[late])
    entered = np.bincount(enters, weights=weights[late], minlength=m).astype(float)
    left = np.bincount(leaves, weights=weights, minlength=m).astype(float)
    kinds = [np.bincount(leaves, weights=weights * (cause == k), minlength=m) for k in range(causes + 1)]
    out = np.array(kinds, dtype=float).T
    at_risk = np.cumsum((left - entered)[::-1])[::-1]
    at_risk = np.where(_heads(start, stop, times) > 0, at_risk, 0.0)  # rounding leaves no one at risk
    return LifeTable(times, at_risk, out[:, 1:], out[:, 0], entered)


def _heads(start: Array, stop: Array, times: Array) -> NDArray[np.intp]:
    """Return how many rows, weights aside, are at risk just before each time (m,)."""
    late = start[np.isfinite(start)]
    gone = np.searchsorted(np.sort(stop), times, side="left")
    waiting = late.size - np.searchsorted(np.sort(late), times, side="left")
    return stop.size - gone - waiting


def kaplan_meier(table: LifeTable) -> tuple[Array, Array]:
    """Return survival (m,) and its Greenwood variance (m,), NaN once nobody survives."""
    survival: Array = np.cumprod(1.0 - hazard(table)).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.where(
            table.deaths > 0, table.deaths / (table.at_risk * (table.at_risk - table.deaths)), 0.0
        )
        variance = survival**2 * np.cumsum(term)
    return survival, np.where(survival > 0, variance, np.nan)


def nelson_aalen(table: LifeTable) -> tuple[Array, Array]:
    """Return the cumulative hazard (m,) and its Aalen (Poisson) variance Σ d/n² (m,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.where(table.deaths > 0, table.deaths / table.at_risk**2, 0.0)
    return np.cumsum(hazard(table)), np.cumsum(term)


def hazard(table: LifeTable) -> Array:
    """Return events over persons at risk (m,), 0 where nobody is, 1 where rounding alone keeps it from 1."""
    n = table.at_risk
    ratio = np.divide(table.deaths, n, out=np.zeros(n.size), where=n > 0)
    return np.where(ratio > 1.0 - 1e-12, 1.0, ratio)


def intervals(
    estimate: Array, std_error: Array, *, kind: str = "loglog", level: float = 0.95
) -> tuple[Array, Array]:
    """Return lower and upper limits (m,) of probabilities on the named scale, cut to [0, 1].

    "plain" p ± z se; "log" p exp(± z se/p); "loglog" p^exp(± z se/(p log p)) (Kalbfleisch and Prentice 2002,
    1.4). For a cumulative incidence pass it as it is: "loglog" then works on log(-log F). A certain 0 or 1
    with no error stays a point; NaN errors give NaN limits.
    """
    if kind not in INTERVALS:
        raise ValueError(f"interval is {kind!r}; it must be one of {', '.join(INTERVALS)}")
    z = norm.ppf((1.0 + level) / 2.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "plain":
            lower, upper = estimate - z * std_error, estimate + z * std_error
        elif kind == "log":
            lower, upper = (estimate * np.exp(s * z * std_error / estimate) for s in (-1.0, 1.0))
        else:
            width = z * std_error / np.abs(estimate * np.log(estimate))
            lower, upper = estimate ** np.exp(width), estimate ** np.exp(-width)
    sure = (std_error == 0) & ((estimate == 0) | (estimate == 1))
    lower, upper = np.where(sure, estimate, lower), np.where(sure, estimate, upper)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def quantile(times: Array, survival: Array, p: float) -> float:
    """Return the first time at which survival has come down to 1 - p, NaN when it never does.

    Where the curve runs exactly at 1 - p, the middle of that stretch (as R). NaN in the curve ends it.
    """
    goal = 1.0 - p
    known = ~np.isnan(survival)
    reached = np.flatnonzero(known & (survival <= goal + LEVEL_TOLERANCE))
    if not reached.size:
        return float("nan")
    at = reached[0]
    if abs(survival[at] - goal) > LEVEL_TOLERANCE:
        return float(times[at])
    below = np.flatnonzero(known & (survival < goal - LEVEL_TOLERANCE))
    return float((times[at] + times[below[0]]) / 2.0) if below.size else float(times[at])


def restricted_mean(
    table: LifeTable, survival: Array, *, until: float, since: float = 0.0
) -> tuple[float, float]:
    """Return the area under the survival curve from `since` to `until` and its standard error.

    Var = Σ A(t)² d/(n (n - d)) with A(t) the area from t to `until` (Klein and Moeschberger 2003, 4.5).
    """
    inside = (table.times > since) & (table.times < until)
    steps = np.concatenate([[since], table.times[inside], [until]])
    heights = np.concatenate([[1.0], survival[inside]])
    area = np.diff(steps) * heights
    rest = np.cumsum(area[::-1])[::-1]
    d, n = table.deaths[inside], table.at_risk[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.where((d > 0) & (rest[1:] > 0), rest[1:] ** 2 * d / (n * (n - d)), 0.0)
    return float(rest[0]), float(np.sqrt(term.sum()))


def logrank(
    start: Array,
    stop: Array,
    event: NDArray[np.bool_],
    group: Index,
    *,
    stratum: Index | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Return the G-rho test (Harrington and Fleming 1982) that the hazards of groups 0 … g-1 are one within
    strata.

    rho = 0 is the log-rank test, 1 the Peto–Peto form; variance is hypergeometric, d (n - d)/(n - 1). Late
    entry is allowed. The rank of the covariance gives df: groups that never meet another one do not count.
    """
    start, stop = join_ties(start, stop)
    sets = risk_sets(start, stop, event, stratum)
    member = np.eye(int(group.max()) + 1)[group]
    risk, died = sets.total(member), sets.at_events(member)
    n, d = risk.sum(axis=1), sets.deaths
    w = _pooled_survival_before(n, d, sets.offsets) ** rho
    share = risk / n[:, None]
    observed, expected = w @ died, (w * d) @ share
    spread = w**2 * d * np.where(n > 1, (n - d) / np.maximum(n - 1.0, 1.0), 0.0)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    difference = observed - expected
    df = int(np.linalg.matrix_rank(covariance, hermitian=True))
    statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
    p_value = float(chi2.sf(statistic, df)) if df else float("nan")
    return LogRank(observed, expected, covariance, statistic, df, p_value)


def _pooled_survival_before(n: Array, d: Array, offsets: Index) -> Array:
    out = np.ones(n.size)
    for s in range(len(offsets) - 1):
        part = slice(offsets[s], offsets[s + 1])
        out[part] = np.concatenate([[1.0], np.cumprod(1.0 - d[part] / n[part])[:-1]]) if n[part].size else []
    return out
