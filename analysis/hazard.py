"""Cox regression: one function from formula and columns to a `CoxFit`.

Rows are (start, stop] with a 0/1 event at stop; a person may have many rows, with covariates that change
between them, and may enter late. The numbers come from `kernels/cox.py`; statsmodels' PHReg closes intervals
on the left and counts a person twice where rows touch. `cluster` gives Lin and Wei's (1989) errors, and so do
`weights` (sampling weights; by row where no cluster is named). Curves without covariates are in
`survival.py`, hazards by month in `discrete.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from analysis.design import Columns, Design, NotEstimable, design
from analysis.fit import CURVE, CURVE_ESTIMATES, Curve, Fit, HypothesisTest, warn_if_unsound
from analysis.health import Health, health
from analysis.kernels import cox as kernel
from analysis.kernels.concordance import concordance
from analysis.kernels.curves import intervals, kaplan_meier, life_table
from analysis.kernels.riskset import TIE_TOLERANCE
from analysis.maximum import covariance_name, fields, robust
from instruments.findings import Finding, sort_findings

Array = NDArray[np.float64]
TRANSFORMS = ("km", "identity", "log")
PH_LEVEL = 0.01  # below this a term of its own is named on the health card


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit(Fit):
    """A Cox model; `score_test` is the test at zero, `data` what residuals and curves are made of."""

    score_test: float
    data: kernel.CoxData = field(repr=False)
    strata: tuple[str, ...] = ("",)

    def baseline(self, *, at: str = "mean") -> pd.DataFrame:
        """Return the cumulative hazard by stratum and time at the mean of the covariates, or at="zero"."""
        if at not in ("mean", "zero"):
            raise ValueError(f"at is {at!r}; it must be 'mean' or 'zero'")
        base = kernel.baseline(self.data, self.estimates)
        shift = np.exp(-self.data.centre @ np.nan_to_num(self.estimates)) if at == "zero" else 1.0
        labels = np.array(self.strata, dtype=object)[base.stratum]
        columns = {"stratum": labels, "time": base.times, "hazard": base.increment * shift}
        return pd.DataFrame(columns | {"cumulative_hazard": base.cumulative * shift})

    def predict(
        self,
        data: pd.DataFrame | None = None,
        *,
        kind: str = "survival",
        times: Iterable[float] | None = None,
        interval: str = "loglog",
        level: float = 0.95,
    ) -> Any:
        """Return for the profiles in `data` their survival (a Curve by profile) or, per row, "linear" or
        "relative".

        Survival holds covariates at the profile for all time, so it is refused where a covariate of the fit
        changes within a person. Errors after Tsiatis (1981). "relative" is the hazard ratio to the mean of
        the covariates.
        """
        if kind in ("linear", "relative"):
            X = self.design.X if data is None else self.design.matrix(data)
            eta = (X - self.data.centre) @ np.nan_to_num(self.estimates)
            return pd.Series(eta if kind == "linear" else np.exp(eta), name=kind)
        if kind != "survival":
            raise ValueError(f"kind is {kind!r}; it must be 'survival', 'linear' or 'relative'")
        if data is None:
            raise ValueError("predict(kind='survival') needs a frame of profiles, one row each")
        if self.how.get("covariates") == "change within persons":
            raise ValueError(
                "covariates change within persons: a survival curve would need their path, not one profile"
            )
        if self.how["ties"] == "exact":
            raise ValueError("curves after exact ties are not defined here; refit with ties='efron'")
        return _survival(self, data, times, interval, level)

    def proportional_hazards(self, transform: str = "km") -> HypothesisTest:
        """Return the score test that no coefficient changes with g(t); each term under `parts`.

        g is 1 - S(t-) by Kaplan–Meier ("km"), the time itself ("identity") or its logarithm ("log"); as R's
        cox.zph since survival 3. Robust errors do not enter.
        """
        if self.how["ties"] == "exact":
            raise ValueError("the test after exact ties is not defined here; refit with ties='efron'")
        if transform not in TRANSFORMS:
            raise ValueError(f"transform is {transform!r}; it must be one of {', '.join(TRANSFORMS)}")
        test = kernel.proportional_hazards(self.data, self.estimates, _time_scale(self, transform))
        p_values = chi2.sf(test.statistics, 1)
        parts = pd.DataFrame({"term": self.terms, "statistic": test.statistics, "df": 1, "p_value": p_values})
        name = f"proportional hazards, g(t) = {transform}"
        return HypothesisTest(name, test.joint, test.df, float(chi2.sf(test.joint, test.df)), parts)

    def concordance(self) -> pd.DataFrame:
        """Return the share of concordant pairs within strata, its jackknife error, and the pairs."""
        rows = self.design.rows
        found = concordance(
            rows.arrays.get("start", np.full(rows.kept.size, -np.inf)),
            rows.arrays["stop"],
            rows.arrays["event"],
            self.design.X @ np.nan_to_num(self.estimates),
            weights=rows.get("weights"),
            stratum=rows.get("strata"),
            cluster=rows.get("cluster"),
        )
        line = {"estimate": found.share, "std_error": found.std_error, "pairs": found.pairs}
        return pd.DataFrame([line])

    def health(self) -> Health:
        """Return the health card, with the test of proportional hazards where there is a maximum."""
        card = health(self)
        if not card.ok or self.how["ties"] == "exact":
            return card
        test = self.proportional_hazards()
        facts = {**card.facts, "proportional hazards p": round(test.p_value, 4)}
        where, text = (
            f"Cox: {self.formula}",
            "has an effect that changes with time; let it, or stratify by it.",
        )
        new = [
            Finding("warning", "fit.proportional_hazards", where, f"{term} {text}")
            for term in test.parts["term"][test.parts["p_value"] < PH_LEVEL]
        ]
        return Health(facts, tuple(sort_findings([*card.findings, *new])))

    def residuals(self, kind: str = "martingale") -> pd.DataFrame:
        """Return residuals by row of the data given: "martingale", "score", "dfbeta" or "schoenfeld".

        Indexed by position in the data; Schoenfeld rows are events in the order of their time, with that
        time.
        """
        positions = self.design.rows.kept
        if self.how["ties"] == "exact":
            raise ValueError("residuals after exact ties are not defined here; refit with ties='efron'")
        if kind == "martingale":
            values = kernel.martingale_residuals(self.data, self.estimates)
            return pd.DataFrame({"martingale": values}, index=positions)
        if kind == "schoenfeld":
            rows, values = kernel.schoenfeld_residuals(self.data, self.estimates)
            frame = pd.DataFrame(values, columns=list(self.terms), index=positions[rows])
            frame.insert(0, "time", self.design.rows.arrays["stop"][rows])
            return frame
        if kind not in ("score", "dfbeta"):
            raise ValueError(f"kind is {kind!r}; it must be martingale, score, dfbeta or schoenfeld")
        values = kernel.score_residuals(self.data, self.estimates)
        if kind == "dfbeta":
            weights = self.design.rows.arrays.get("weights", np.ones(len(values)))
            values = weights[:, None] * values @ np.nan_to_num(self.naive_covariance)
        return pd.DataFrame(values, columns=list(self.terms), index=positions)


def cox(
    formula: str,
    data: pd.DataFrame,
    *,
    stop: str,
    event: str,
    start: str | None = None,
    person: str | None = None,
    cluster: Columns = None,
    strata: Columns = None,
    weights: str | None = None,
    ties: str = "efron",
    cluster_factor: str = "none",
    tie_tolerance: float = TIE_TOLERANCE,
) -> CoxFit:
    """Return the Cox model of `formula` ("age + debt") on rows (start, stop].

    Raises NotEstimable where there is no event or no risk set to compare in, ValueError for columns that
    cannot be meant. `person` is used to refuse overlapping rows and to see whether covariates change. Times
    closer than `tie_tolerance`, relative, are ties (R's timefix); 0 switches that off.
    """
    laid = design(
        formula,
        data,
        intercept=False,
        outcome=False,
        start=start,
        stop=stop,
        event=event,
        person=person,
        cluster=cluster,
        strata=strata,
        weights=weights,
    )
    rows = laid.rows
    if not rows.arrays["event"].any():
        raise NotEstimable(f"cox: no events in {rows.kept.size} rows ({rows.given} given)")
    if ties == "exact" and (cluster is not None or weights is not None):
        raise ValueError("ties='exact' has no row scores, so neither cluster= nor weights=; use ties='efron'")
    prepared = kernel.prepare(
        rows.arrays.get("start", np.full(rows.kept.size, -np.inf)),
        rows.arrays["stop"],
        rows.arrays["event"],
        laid.X,
        weights=rows.get("weights"),
        stratum=rows.get("strata"),
        ties=ties,
        tie_tolerance=tie_tolerance,
    )
    result = kernel.fit_exact(prepared) if ties == "exact" else kernel.fit(prepared)
    if result.aliased.all():
        raise NotEstimable(f"cox: none of {', '.join(laid.terms) or formula} varies within a risk set")
    covariance = result.covariance
    if cluster is not None or weights is not None:
        scores = kernel.score_residuals(prepared, result.beta)
        scores = scores if weights is None else scores * rows.arrays["weights"][:, None]
        covariance = robust(result.covariance, scores, rows.get("cluster"), cluster_factor)
    fitted = CoxFit(
        model="Cox",
        formula=formula,
        **fields(result, laid, covariance),
        counts=_counts(laid),
        how=_how(laid, ties, cluster_factor),
        ratio="hazard ratio",
        score_test=result.score_test,
        data=prepared,
        strata=rows.labels.get("strata", ("",)),
    )
    warn_if_unsound(fitted)
    return fitted


def _counts(laid: Design) -> dict[str, int]:
    rows = laid.rows
    counts = {"given": rows.given, "rows": rows.kept.size, "events": int(rows.arrays["event"].sum())}
    for role, name in (("person", "persons"), ("strata", "strata"), ("cluster", "clusters")):
        if role in rows.labels:
            counts[name] = len(rows.labels[role])
    return counts


def _how(laid: Design, ties: str, factor: str) -> dict[str, str]:
    names = laid.rows.names
    clock = f"({names['start']}, {names['stop']}]" if "start" in names else f"(beginning, {names['stop']}]"
    how = {"ties": ties, "clock": clock, "covariance": covariance_name(names, factor)}
    if "weights" in names:
        how["weights"] = names["weights"]
    if _changes(laid):
        how["covariates"] = "change within persons"
    return how


def _changes(laid: Design) -> bool:
    person = laid.rows.get("person")
    if person is None:
        return False
    order = np.argsort(person, kind="stable")
    same = person[order][1:] == person[order][:-1]
    return bool((laid.X[order][1:] != laid.X[order][:-1])[same].any())


def _time_scale(fit: CoxFit, transform: str) -> Array:
    """Return g (m,) at the event times of the fit; Kaplan–Meier of all rows, strata and weights aside."""
    times = fit.data.sets.times
    if transform == "identity":
        return times
    if transform == "log":
        return np.log(times)
    rows = fit.design.rows
    entry = rows.arrays.get("start", np.full(rows.kept.size, -np.inf))
    table = life_table(entry, rows.arrays["stop"], rows.arrays["event"].astype(np.intp))
    survival = np.concatenate([[1.0], kaplan_meier(table)[0]])
    return 1.0 - survival[np.searchsorted(table.times, times, side="left")]


def _survival(
    fit: CoxFit, data: pd.DataFrame, times: Iterable[float] | None, interval: str, level: float
) -> Curve:
    base = kernel.baseline(fit.data, fit.estimates)
    X = fit.design.matrix(data) - fit.data.centre
    relative = np.exp(X @ np.nan_to_num(fit.estimates))
    V = np.nan_to_num(fit.covariance)
    wanted = None if times is None else np.unique(np.asarray(list(times), dtype=float))
    parts = []
    for s, stratum in enumerate(fit.strata):
        own = base.stratum == s
        marks = np.concatenate([[-np.inf], base.times[own]])
        hazard, noise = (np.concatenate([[0.0], np.cumsum(v[own])]) for v in (base.increment, base.noise))
        pull = np.vstack([np.zeros(X.shape[1]), np.cumsum(base.pull[own], axis=0)])
        when = np.concatenate([[0.0], base.times[own]]) if wanted is None else wanted
        at = np.searchsorted(marks, when, side="right") - 1
        for i in range(X.shape[0]):
            drift = hazard[at, None] * X[i] - pull[at]
            variance = relative[i] ** 2 * (noise[at] + np.einsum("tp,pq,tq->t", drift, V, drift))
            survival = np.exp(-hazard[at] * relative[i])
            error = survival * np.sqrt(variance)
            low, high = intervals(survival, error, kind=interval, level=level)
            label = ", ".join(part for part in (str(data.index[i]), stratum) if part)
            parts.append(_curve_rows(fit, s, label, when, [survival, error, low, high]))
    how = {
        "profiles": str(len(data)),
        "variance": "Tsiatis",
        "interval": interval,
        "model": f"Cox: {fit.formula}",
    }
    return Curve("survival", pd.concat(parts, ignore_index=True), 0.0, how, fit.dropped)


def _curve_rows(fit: CoxFit, stratum: int, label: str, when: Array, estimates: list[Array]) -> pd.DataFrame:
    """Return one predicted curve, with the numbers at risk of the fitted rows in its stratum."""
    rows = fit.design.rows
    own = rows.arrays["strata"] == stratum if "strata" in rows.arrays else np.ones(rows.kept.size, dtype=bool)
    stop = np.sort(rows.arrays["stop"][own])
    risk = stop.size - np.searchsorted(stop, when, side="left")
    if "start" in rows.arrays:
        start = np.sort(rows.arrays["start"][own])
        risk = risk - (start.size - np.searchsorted(start, when, side="left"))
    died = np.sort(rows.arrays["stop"][own & rows.arrays["event"]])
    events = np.searchsorted(died, when, side="right") - np.searchsorted(died, when, side="left")
    columns: dict[str, object] = {"group": label, "cause": 1, "time": when, "n_risk": risk, "n_event": events}
    columns |= {"n_censored": 0, "n_entered": 0}
    columns |= dict(zip(CURVE_ESTIMATES, estimates, strict=True))
    return pd.DataFrame(columns)[[*CURVE, *CURVE_ESTIMATES]]
