"""Curves of time and their comparison: Kaplan–Meier, Nelson–Aalen, cumulative incidence, restricted mean,
log-rank.

Every function takes a frame and column names. Rows are (start, stop] with `event` 0/1 (or `cause` 0, 1, 2, …)
at stop; without `start` everyone is at risk from the beginning. `after=s` gives curves among those still at
risk at s: P(T > t | T > s), the only honest ones when early risk sets are tiny. `by` makes one curve per
group.

`weights` are sampling weights: errors are then the infinitesimal jackknife by row, or by `cluster` where it
is named. `interval` is "loglog", "log" or "plain" (`kernels/curves.py`). Regression is in `hazard.py`.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.design import Columns, Dropped, NotEstimable, Rows, rows
from analysis.fit import CURVE, CURVE_ESTIMATES, Curve, HypothesisTest
from analysis.kernels import cif, curves

Array = NDArray[np.float64]


def kaplan_meier(
    data: pd.DataFrame,
    *,
    stop: str,
    event: str,
    start: str | None = None,
    by: Columns = None,
    weights: str | None = None,
    cluster: Columns = None,
    person: str | None = None,
    after: float | None = None,
    interval: str = "loglog",
    level: float = 0.95,
) -> Curve:
    """Return survival by time since origin with Greenwood's errors (jackknife with weights or cluster)."""
    used = rows(
        data, stop=stop, event=event, start=start, by=by, weights=weights, cluster=cluster, person=person
    )
    used, origin = _since(used, after, "event")
    robust = weights is not None or cluster is not None
    parts = []
    for label, at in _groups(used):
        table = _life_table(used, at, used.arrays["event"][at].astype(np.intp), causes=1)
        estimate, variance = curves.kaplan_meier(table)
        if robust:
            jackknife = _jackknife(used, at, used.arrays["event"][at].astype(np.intp), table)[:, 0]
            variance = np.where(estimate > 0, jackknife, np.nan)
        error = np.sqrt(variance)
        low, high = curves.intervals(estimate, error, kind=interval, level=level)
        parts.append(_steps(table, label, 1, origin, 1.0, [estimate, error, low, high]))
    how = _how(used, interval, "jackknife" if robust else "Greenwood", origin)
    return Curve("survival", pd.concat(parts, ignore_index=True), origin, how, used.dropped)


def nelson_aalen(
    data: pd.DataFrame,
    *,
    stop: str,
    event: str,
    start: str | None = None,
    by: Columns = None,
    person: str | None = None,
    after: float | None = None,
    level: float = 0.95,
) -> Curve:
    """Return the cumulative hazard with Aalen's errors √Σ d/n² and limits on the log scale."""
    used = rows(data, stop=stop, event=event, start=start, by=by, person=person)
    used, origin = _since(used, after, "event")
    z = norm.ppf((1.0 + level) / 2.0)
    parts = []
    for label, at in _groups(used):
        table = _life_table(used, at, used.arrays["event"][at].astype(np.intp), causes=1)
        estimate, variance = curves.nelson_aalen(table)
        error = np.sqrt(variance)
        width = np.exp(z * np.divide(error, estimate, out=np.zeros(error.size), where=estimate > 0))
        parts.append(
            _steps(table, label, 1, origin, 0.0, [estimate, error, estimate / width, estimate * width])
        )
    how = _how(used, "log", "Aalen", origin)
    return Curve("cumulative hazard", pd.concat(parts, ignore_index=True), origin, how, used.dropped)


def cumulative_incidence(
    data: pd.DataFrame,
    *,
    stop: str,
    cause: str,
    start: str | None = None,
    by: Columns = None,
    weights: str | None = None,
    cluster: Columns = None,
    person: str | None = None,
    after: float | None = None,
    interval: str = "loglog",
    level: float = 0.95,
) -> Curve:
    """Return the cumulative incidence of each cause (Aalen–Johansen); `cause` is 0 for censored, then 1, 2, …

    Errors are Aalen's counting-process form, as R's cmprsk; the jackknife with weights or cluster.
    """
    used = rows(
        data, stop=stop, cause=cause, start=start, by=by, weights=weights, cluster=cluster, person=person
    )
    used, origin = _since(used, after, "cause")
    codes = used.arrays["cause"].astype(np.intp)
    causes = int(codes.max())
    robust = weights is not None or cluster is not None
    parts = []
    for label, at in _groups(used):
        table = _life_table(used, at, codes[at], causes=causes)
        F = cif.cumulative_incidence(table)
        variance = _jackknife(used, at, codes[at], table) if robust else cif.aalen_variance(table, F)
        for k in range(causes):
            error = np.sqrt(variance[:, k])
            low, high = curves.intervals(F[:, k], error, kind=interval, level=level)
            parts.append(_steps(table, label, k + 1, origin, 0.0, [F[:, k], error, low, high]))
    how = _how(used, interval, "jackknife" if robust else "Aalen", origin)
    return Curve("cumulative incidence", pd.concat(parts, ignore_index=True), origin, how, used.dropped)


def restricted_mean(curve: Curve, until: float, *, level: float = 0.95) -> pd.DataFrame:
    """Return the mean time without the event up to `until`, by group, and each group's difference from the
    first.

    Time counts from the curve's origin. Columns: group, contrast, estimate, std_error, conf_low, conf_high.
    Errors are Greenwood's, so weighted curves are refused; so is an `until` beyond a group's follow-up.
    """
    if curve.estimand != "survival" or curve.how["variance"] != "Greenwood":
        raise ValueError(
            "restricted_mean needs an unweighted survival curve; its error rests on Greenwood's formula"
        )
    z = norm.ppf((1.0 + level) / 2.0)
    found: list[tuple[str, float, float]] = []
    for group in curve.groups:
        part = curve.of(group)
        last = part["time"].iloc[-1]
        if until > last and part["estimate"].iloc[-1] > 0:
            raise ValueError(
                f"until={until:g} lies beyond the follow-up of group {group!r}, which ends at {last:g}"
            )
        table = curves.LifeTable(
            part["time"].to_numpy(),
            part["n_risk"].to_numpy(),
            part[["n_event"]].to_numpy(),
            part["n_censored"].to_numpy(),
            part["n_entered"].to_numpy(),
        )
        mean, error = curves.restricted_mean(
            table, part["estimate"].to_numpy(), until=until, since=curve.origin
        )
        found.append((group, mean, error))
    lines = [[g, "", m, e, m - z * e, m + z * e] for g, m, e in found]
    first, base, base_error = found[0]
    for group, mean, error in found[1:]:
        difference, both = mean - base, float(np.hypot(error, base_error))
        lines.append(
            [group, f"minus {first}", difference, both, difference - z * both, difference + z * both]
        )
    return pd.DataFrame(lines, columns=["group", "contrast", *CURVE_ESTIMATES])


def logrank(
    data: pd.DataFrame,
    *,
    stop: str,
    event: str,
    by: Columns,
    start: str | None = None,
    strata: Columns = None,
    rho: float = 0.0,
) -> HypothesisTest:
    """Return the G-rho test that groups share one hazard within strata; rho 0 log-rank, 1 Peto–Peto."""
    used = rows(data, stop=stop, event=event, start=start, by=by, strata=strata)
    if not used.kept.size or not used.arrays["event"].any():
        raise NotEstimable(f"no events in {used.kept.size} rows: groups cannot be compared")
    groups = used.labels["by"]
    if len(groups) < 2:
        raise NotEstimable(f"{used.names['by']} has one group only ({groups[0]}): nothing to compare")
    entry = _entry(used, np.arange(used.kept.size))
    arrays = used.arrays
    test = curves.logrank(
        entry, arrays["stop"], arrays["event"], arrays["by"], stratum=used.get("strata"), rho=rho
    )
    parts = pd.DataFrame({"group": groups, "observed": test.observed, "expected": test.expected})
    name = "log-rank test" if rho == 0 else f"G-rho test, rho {rho:g}"
    within = f" within {used.names['strata']}" if strata is not None else ""
    return HypothesisTest(
        f"{name} by {used.names['by']}{within}", test.statistic, test.df, test.p_value, parts
    )


def _since(used: Rows, after: float | None, outcome: str) -> tuple[Rows, float]:
    """Return the rows still at risk after `after`, entered no earlier, and the origin of the curve."""
    stop = used.arrays["stop"]
    entry = _entry(used, np.arange(stop.size))
    if after is not None:
        stay = stop > after
        gone = Dropped(f"left by {after:g}", int((~stay).sum()))
        arrays = {role: values[stay] for role, values in used.arrays.items()}
        arrays["start"] = np.maximum(entry[stay], after)
        dropped = used.dropped + ((gone,) if gone.rows else ())
        used = Rows(used.kept[stay], used.given, dropped, arrays, used.labels, used.names, used.frame)
        entry = arrays["start"]
    if not used.kept.size or not used.arrays[outcome].any():
        raise NotEstimable(f"no events in {used.kept.size} rows ({used.given} given): no curve to draw")
    first = float(entry.min())
    return used, after if after is not None else min(0.0, first if np.isfinite(first) else 0.0)


def _entry(used: Rows, at: NDArray[np.intp]) -> Array:
    start = used.get("start")
    return np.full(at.size, -np.inf) if start is None else start[at]


def _groups(used: Rows) -> Iterator[tuple[str, NDArray[np.intp]]]:
    codes = used.get("by")
    if codes is None:
        yield "", np.arange(used.kept.size)
        return
    for code, label in enumerate(used.labels["by"]):
        at = np.flatnonzero(codes == code)
        if at.size:
            yield label, at


def _life_table(used: Rows, at: NDArray[np.intp], cause: NDArray[np.intp], causes: int) -> curves.LifeTable:
    weights = used.get("weights")
    chosen = None if weights is None else weights[at]
    return curves.life_table(_entry(used, at), used.arrays["stop"][at], cause, weights=chosen, causes=causes)


def _jackknife(used: Rows, at: NDArray[np.intp], cause: NDArray[np.intp], table: curves.LifeTable) -> Array:
    weights, cluster = used.get("weights"), used.get("cluster")
    return cif.influence_variance(
        _entry(used, at),
        used.arrays["stop"][at],
        cause,
        table,
        cif.cumulative_incidence(table),
        weights=None if weights is None else weights[at],
        cluster=None if cluster is None else np.unique(cluster[at], return_inverse=True)[1],
    )


def _steps(
    table: curves.LifeTable, group: str, cause: int, origin: float, nothing: float, estimates: list[Array]
) -> pd.DataFrame:
    """Return the rows of one curve, the origin first."""
    counts = [table.at_risk, table.events[:, cause - 1], table.censored, table.entered]
    later = table.times > origin
    columns: dict[str, object] = {"group": group, "cause": cause, "time": table.times[later]}
    columns |= dict(zip(CURVE[3:], [c[later] for c in counts], strict=True))
    columns |= dict(zip(CURVE_ESTIMATES, [e[later] for e in estimates], strict=True))
    body = pd.DataFrame(columns)
    entered = float(table.entered[~later].sum())
    at_start = float(body["n_risk"].iloc[0])
    head = [group, cause, origin, at_start, 0.0, 0.0, entered, nothing, 0.0, nothing, nothing]
    first = pd.DataFrame([head], columns=[*CURVE, *CURVE_ESTIMATES])
    return pd.concat([first, body], ignore_index=True)


def _how(used: Rows, interval: str, variance: str, origin: float) -> dict[str, str]:
    how = {"rows": str(used.kept.size), "variance": variance, "interval": interval, "origin": f"{origin:g}"}
    for role in ("start", "stop", "by", "weights", "cluster"):
        if role in used.names:
            how[role] = used.names[role]
    return how
