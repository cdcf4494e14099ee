"""Cox's partial likelihood on (start, stop] rows: Breslow and Efron ties, strata, weights, delayed entry.

Time is an index of event times (`riskset.py`), so that covariates that change, late entry and strata are the
same thing, and splitting a row changes nothing. With slot l = 0 … d-1 at a time with d tied events (Efron
1977; Breslow has one slot with f = 0) and weight v per slot,

    S0 = Σ r - f Σ_D r,   xbar = (Σ r x - f Σ_D r x) / S0,   r = w exp(x'b),   f = l/d
    loglik = Σ_D w x'b - Σ_l v log S0,   score = Σ_D w x - Σ_l v xbar
    information = X' diag(r [A(end) - A(first) - event B]) X - Σ_l v xbar xbar',   A = Σ v/S0,  B = Σ f v/S0,

which needs no second moments of risk sets: O(n p + n p²) per iteration with one sort. Score and martingale
residuals come from the same arrays (Therneau and Grambsch 2000, ch. 4); the exact discrete likelihood is
`clogit.py` on the rows that `exact_sets` lays out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.clogit import ClogitResult, clogit
from analysis.kernels.newton import Array, Evaluation, independent, invert, maximise, solve, spread
from analysis.kernels.riskset import TIE_TOLERANCE, Index, RiskSets, join_ties, risk_sets

TIES = ("efron", "breslow", "exact")
OVERFLOW = 500.0  # a linear predictor this far from its mean is a step to be halved, not a hazard ratio
EXACT_ROWS = 2_000_000  # rows laid out for exact ties above which the fit is refused


@dataclass(frozen=True, slots=True)
class CoxData:
    """What a fit needs of the rows that are at risk at one event time at least.

    X (n, p) is centred at `centre` and divided by `scale` (p,); weights (n,); slot arrays (l,) give
    event-time index, fraction f and weight v of each slot; rows (n,) are positions among the `given` rows.
    """

    X: Array
    centre: Array
    scale: Array
    weights: Array
    sets: RiskSets
    rows: Index
    given: int
    slot: Index
    f: Array
    v: Array


@dataclass(frozen=True, slots=True)
class CoxResult:
    """A Cox fit: beta (p,) with NaN where aliased, covariance (p, p) inverse information, score test at zero.

    `aliased` and `diverging` (p,) mark terms without information and terms that walk off under separation.
    """

    beta: Array
    covariance: Array
    loglik: float
    loglik_null: float
    score_test: float
    iterations: int
    converged: bool
    aliased: NDArray[np.bool_]
    diverging: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ProportionalHazards:
    """Score tests that coefficients do not change with g(t): statistics by term (p,), NaN where aliased, and
    jointly.
    """

    statistics: Array
    joint: float
    df: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """Cumulative hazard by stratum of a row whose x is the centre of the data: increments and their sums
    (m,).

    `noise` (m,) sums v/S0² and `pull` (m, p) sums (xbar - centre) v/S0 at each time: what a curve's error is
    made of.
    """

    times: Array
    stratum: Index
    increment: Array
    cumulative: Array
    noise: Array
    pull: Array


def prepare(
    start: Array,
    stop: Array,
    event: NDArray[np.bool_],
    X: Array,
    *,
    weights: Array | None = None,
    stratum: Index | None = None,
    ties: str = "efron",
    tie_tolerance: float = TIE_TOLERANCE,
) -> CoxData:
    """Return the record that everything else here works on.

    start, stop, event, weights, stratum are (n,), X is (n, p); start may be -inf for rows at risk from the
    beginning.
    """
    if ties not in TIES:
        raise ValueError(f"ties is {ties!r}; it must be one of {', '.join(TIES)}")
    start, stop = join_ties(start, stop, tie_tolerance)
    if np.any(start >= stop):
        raise ValueError(f"{int(np.sum(start >= stop))} rows do not start before they stop")
    weights = np.ones(stop.size) if weights is None else weights
    whole = risk_sets(start, stop, event, stratum)
    rows = whole.rows
    centre, scale = spread(X, weights)
    sets = _only(whole, rows)
    slot, f, v = _slots(sets, weights[rows], ties)
    return CoxData(
        (X[rows] - centre) / scale, centre, scale, weights[rows], sets, rows, stop.size, slot, f, v
    )


def fit(data: CoxData, *, max_iterations: int = 60) -> CoxResult:
    """Return the maximum of the partial likelihood (Breslow or Efron) from beta = 0."""
    p = data.X.shape[1]
    loglik_null, score, information = evaluate(data, np.zeros(p))
    kept = independent(information, floor=1e-9 * float(data.v.sum()))
    use = np.flatnonzero(kept)
    part = _columns(data, use)
    best = maximise(lambda b: evaluate(part, b), np.zeros(use.size), max_iterations=max_iterations)
    beta, covariance = np.full(p, np.nan), np.full((p, p), np.nan)
    beta[use] = best.beta / data.scale[use]
    covariance[np.ix_(use, use)] = invert(best.information) / np.outer(data.scale[use], data.scale[use])
    diverging = np.zeros(p, dtype=bool)
    diverging[use] = best.diverging
    test = float(score[use] @ solve(information[np.ix_(use, use)], score[use]))
    return CoxResult(
        beta, covariance, best.loglik, loglik_null, test, best.iterations, best.converged, ~kept, diverging
    )


def evaluate(data: CoxData, beta: Array) -> Evaluation:
    """Return log-likelihood, score (p,) and information (p, p) at beta (p,) on the centred and scaled
    columns.
    """
    eta = data.X @ beta
    p = data.X.shape[1]
    if np.abs(eta).max(initial=0.0) > OVERFLOW:
        return -np.inf, np.zeros(p), np.eye(p)
    risk = data.weights * np.exp(eta)
    S0, xbar = _means(data, risk)
    events, w = data.sets.events, data.weights
    loglik = float(w[events] @ eta[events] - data.v @ np.log(S0))
    score = w[events] @ data.X[events] - data.v @ xbar
    return loglik, score, _spread(data, risk, data.v, S0, xbar)


def _information(data: CoxData, beta: Array, g: Array) -> Array:
    """Return the information (p, p) with each event time counted g (m,) times."""
    risk = data.weights * np.exp(data.X @ beta)
    S0, xbar = _means(data, risk)
    return _spread(data, risk, data.v * g[data.slot], S0, xbar)


def _spread(data: CoxData, risk: Array, v: Array, S0: Array, xbar: Array) -> Array:
    exposure = risk * _hazard_seen(data, v / S0)
    return (data.X * exposure[:, None]).T @ data.X - (xbar * v[:, None]).T @ xbar


def score_residuals(data: CoxData, beta: Array) -> Array:
    """Return score residuals (given, p) in the units of X, weights left out (R's residuals(type="score")).

    Row i gets ∫ (x_i - xbar) dM_i with Efron's share of tied events; their weighted sum is the score. Aliased
    terms (NaN in beta) count as absent and get 0.
    """
    b = np.nan_to_num(beta) * data.scale
    risk = data.weights * np.exp(data.X @ b)
    S0, xbar = _means(data, risk)
    hazard = data.v / S0
    relative = risk / data.weights
    seen = _hazard_seen(data, hazard)
    pulled = _hazard_seen(data, hazard[:, None] * xbar)
    residuals = relative[:, None] * (pulled - data.X * seen[:, None])
    residuals[data.sets.events] += data.X[data.sets.events] - _slot_mean(data, xbar)[data.sets.at]
    out = np.zeros((data.given, data.X.shape[1]))
    out[data.rows] = residuals * data.scale
    out[:, np.isnan(beta)] = 0.0
    return out


def martingale_residuals(data: CoxData, beta: Array) -> Array:
    """Return event minus expected events for each of the given rows, (given,)."""
    risk = data.weights * np.exp(data.X @ (np.nan_to_num(beta) * data.scale))
    S0, _ = _means(data, risk)
    out = np.zeros(data.given)
    residuals = -risk / data.weights * _hazard_seen(data, data.v / S0)
    residuals[data.sets.events] += 1.0
    out[data.rows] = residuals
    return out


def schoenfeld_residuals(data: CoxData, beta: Array) -> tuple[Index, Array]:
    """Return rows (r,) of the events in the order of stratum and time, and x minus its risk-set mean for each
    (r, p).
    """
    risk = data.weights * np.exp(data.X @ (np.nan_to_num(beta) * data.scale))
    _, xbar = _means(data, risk)
    order = np.argsort(data.sets.at, kind="stable")
    events = data.sets.events[order]
    residuals = (data.X[events] - _slot_mean(data, xbar)[data.sets.at[order]]) * data.scale
    return data.rows[events], residuals


def baseline(data: CoxData, beta: Array) -> Baseline:
    """Return the cumulative hazard at x = centre, Breslow's estimator with the slots of the tie method."""
    risk = data.weights * np.exp(data.X @ (np.nan_to_num(beta) * data.scale))
    S0, xbar = _means(data, risk)
    hazard = data.v / S0
    increment = _by_time(data, hazard[:, None])[:, 0]
    return Baseline(
        data.sets.times,
        data.sets.stratum,
        increment,
        _within_strata(increment, data.sets.offsets),
        _by_time(data, (hazard / S0)[:, None])[:, 0],
        _by_time(data, hazard[:, None] * xbar) * data.scale,
    )


def proportional_hazards(data: CoxData, beta: Array, g: Array) -> ProportionalHazards:
    """Return the score tests of θ = 0 in β(t) = β + θ g(t), for g (m,) at the event times.

    The exact score test with the whole information matrix (Grambsch and Therneau 1994 without their
    approximation of a constant variance; R's cox.zph since survival 3). Its blocks are the information with
    v, g v and g² v for v.
    """
    use = np.flatnonzero(~np.isnan(beta))
    part = _columns(data, use)
    b = beta[use] * data.scale[use]
    g = g - np.average(g, weights=data.sets.deaths)
    own, cross, square = (_information(part, b, g**power) for power in (0, 1, 2))
    risk = part.weights * np.exp(part.X @ b)
    _, xbar = _means(part, risk)
    events, at = part.sets.events, part.sets.at
    score = (part.weights[events] * g[at]) @ part.X[events] - (part.v * g[part.slot]) @ xbar
    inner = square - cross @ solve(own, cross)
    statistics = np.full(beta.size, np.nan)
    statistics[use] = score**2 / np.diag(inner)
    return ProportionalHazards(statistics, float(score @ solve(inner, score)), use.size)


def exact_sets(data: CoxData) -> tuple[Array, Array, Index]:
    """Return event (q,), X (q, p) and event-time index (q,) of every row at every event time it is at risk
    at.

    The exact discrete likelihood of the Cox model is the conditional likelihood of these groups (Gail, Lubin
    and Rubinstein 1981). Refused beyond `EXACT_ROWS` rows, and with weights, for which it has no meaning.
    """
    if np.any(data.weights != 1.0):
        raise ValueError("ties='exact' cannot carry weights; use ties='efron'")
    times = data.sets.end - data.sets.first
    if times.sum() > EXACT_ROWS:
        raise ValueError(
            f"ties='exact' would lay out {times.sum()} rows (limit {EXACT_ROWS}); use ties='efron'"
        )
    row = np.repeat(np.arange(times.size), times)
    position = np.arange(row.size) - np.repeat(np.cumsum(times) - times, times)
    group = data.sets.first[row] + position
    event = np.zeros(row.size)
    own = np.full(times.size, -1, dtype=np.intp)
    own[data.sets.events] = data.sets.at
    event[own[row] == group] = 1.0
    return event, data.X[row] * data.scale + data.centre, group


def fit_exact(data: CoxData, *, max_iterations: int = 60) -> ClogitResult:
    """Return the fit of the exact discrete partial likelihood."""
    event, X, group = exact_sets(data)
    return clogit(event, X, group, max_iterations=max_iterations)


def _only(sets: RiskSets, rows: Index) -> RiskSets:
    place = np.full(sets.first.size, -1, dtype=np.intp)
    place[rows] = np.arange(rows.size)
    return RiskSets(
        sets.times,
        sets.stratum,
        sets.offsets,
        sets.first[rows],
        sets.end[rows],
        place[sets.events],
        sets.at,
        sets.deaths,
    )


def _slots(sets: RiskSets, weights: Array, ties: str) -> tuple[Index, Array, Array]:
    weight = sets.at_events(weights)
    m = sets.times.size
    if ties != "efron":
        return np.arange(m), np.zeros(m), weight
    d = sets.deaths.astype(np.intp)
    slot = np.repeat(np.arange(m), d)
    place = np.arange(slot.size) - np.repeat(np.cumsum(d) - d, d)
    return slot, place / sets.deaths[slot], (weight / sets.deaths)[slot]


def _columns(data: CoxData, use: Index) -> CoxData:
    return CoxData(
        data.X[:, use],
        data.centre[use],
        data.scale[use],
        data.weights,
        data.sets,
        data.rows,
        data.given,
        data.slot,
        data.f,
        data.v,
    )


def _means(data: CoxData, risk: Array) -> tuple[Array, Array]:
    """Return S0 (l,) and the risk-set mean of x (l, p) in each slot."""
    both = np.column_stack([risk, data.X * risk[:, None]])
    total = data.sets.total(both)[data.slot]
    if np.any(data.f):
        total = total - data.f[:, None] * data.sets.at_events(both)[data.slot]
    return total[:, 0], total[:, 1:] / total[:, :1]


def _hazard_seen(data: CoxData, hazard: Array) -> Array:
    """Return the slot hazards (l,) or (l, q) summed over each row's time at risk, less Efron's share at its
    event.
    """
    column = hazard if hazard.ndim == 2 else hazard[:, None]
    seen = data.sets.between(_by_time(data, column))
    if np.any(data.f):
        seen[data.sets.events] -= _by_time(data, column * data.f[:, None])[data.sets.at]
    return seen if hazard.ndim == 2 else seen[:, 0]


def _slot_mean(data: CoxData, values: Array) -> Array:
    """Return the mean over the slots of each event time (m, p) of slot values (l, p)."""
    slots = np.bincount(data.slot, minlength=data.sets.times.size)
    return _by_time(data, values) / slots[:, None]


def _by_time(data: CoxData, values: Array) -> Array:
    """Return slot values (l, q) summed by event time (m, q)."""
    m = data.sets.times.size
    sums = [np.bincount(data.slot, weights=v, minlength=m) for v in values.T]
    return np.column_stack(sums) if sums else np.zeros((m, 0))


def _within_strata(increments: Array, offsets: Index) -> Array:
    out = increments.copy()
    for s in range(len(offsets) - 1):
        out[offsets[s] : offsets[s + 1]] = np.cumsum(increments[offsets[s] : offsets[s + 1]])
    return out
