"""What models give back: Fit (coefficients), Curve (functions of time), HypothesisTest. Frozen, and nothing
prints.

A result carries how it came about: formula, rows used and dropped with reasons, kind of covariance. `tidy()`
gives one row per term, `glance()` one per model, `summary()` text, `health()` the card of `health.py`. Models
extend `Fit` in their own modules with predictions and effects; a combination that has no right answer raises,
it never guesses.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from analysis.design import Design, Dropped
from analysis.health import Health, health
from analysis.kernels.curves import quantile

Array = NDArray[np.float64]
TIDY = ["term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
CURVE = ["group", "cause", "time", "n_risk", "n_event", "n_censored", "n_entered"]
CURVE_ESTIMATES = ["estimate", "std_error", "conf_low", "conf_high"]


class FitWarning(UserWarning):
    """An estimate stands but must not be believed as it is: separation, or no convergence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Coefficients of one model with the covariance their errors come from.

    estimates (p,), NaN where a term could not be estimated; covariance (p, p) robust where `how` says so and
    naive_covariance (p, p) the inverse information; aliased, diverging, seen_once (p,) bool. `counts` holds
    given, rows, events and what the model adds (clusters, persons, strata …); `how` says ties, covariance and
    clock in words.
    """

    model: str
    formula: str
    terms: tuple[str, ...]
    estimates: Array
    covariance: Array = field(repr=False)
    naive_covariance: Array = field(repr=False)
    loglik: float
    loglik_null: float
    counts: Mapping[str, int]
    how: Mapping[str, str]
    dropped: tuple[Dropped, ...]
    iterations: int
    converged: bool
    aliased: NDArray[np.bool_] = field(repr=False)
    diverging: NDArray[np.bool_] = field(repr=False)
    seen_once: NDArray[np.bool_] = field(repr=False)
    single: tuple[str, ...] = ()
    ratio: str = "ratio"
    design: Design = field(repr=False)

    @property
    def std_errors(self) -> Array:
        """Standard errors (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def parameters(self) -> int:
        """Number of terms estimated, the intercept aside."""
        return sum(not a and t != INTERCEPT for t, a in zip(self.terms, self.aliased, strict=True))

    @property
    def rarer(self) -> int:
        """Events, or non-events where these are fewer and the model is about a 0/1 answer."""
        return min(self.counts["events"], self.counts.get("non_events", self.counts["events"]))

    def tidy(self, *, level: float = 0.95, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per term; with `exponentiate` ratios, their delta-method errors, and limits to
        match.
        """
        table = coefficient_table(self.terms, self.estimates, self.std_errors, level=level)
        if exponentiate:
            for column in ("estimate", "conf_low", "conf_high"):
                table[column] = np.exp(table[column])
            table["std_error"] = table["std_error"] * table["estimate"]
        return table

    def glance(self) -> pd.DataFrame:
        """Return one row: model, counts, log-likelihoods, likelihood-ratio test, AIC, convergence."""
        df = self.parameters
        ratio = 2.0 * (self.loglik - self.loglik_null)
        full = int((~self.aliased).sum())
        row = {
            "model": self.model,
            **self.counts,
            "parameters": df,
            "loglik": self.loglik,
            "loglik_null": self.loglik_null,
            "lr_statistic": ratio,
            "lr_df": df,
            "lr_p_value": float(chi2.sf(ratio, df)) if df else float("nan"),
            "aic": 2.0 * full - 2.0 * self.loglik,
            "converged": self.converged,
        }
        return pd.DataFrame([row])

    def wald(self, terms: Sequence[str] | None = None) -> "HypothesisTest":
        """Return the Wald test that the named terms (all but the intercept, if none are named) are zero
        together.
        """
        names = [t for t in self.terms if t != INTERCEPT] if terms is None else list(terms)
        for name in names:
            if name not in self.terms:
                raise ValueError(f"{name!r} is no term of the model; it has {', '.join(self.terms)}")
        at = [i for i, t in enumerate(self.terms) if t in names and not self.aliased[i]]
        b, V = self.estimates[at], self.covariance[np.ix_(at, at)]
        statistic = float(b @ np.linalg.solve(V, b)) if at else 0.0
        p_value = float(chi2.sf(statistic, len(at))) if at else float("nan")
        return HypothesisTest("Wald test of " + ", ".join(names), statistic, len(at), p_value)

    def effects(self, variables: Sequence[str] | None = None, *, level: float = 0.95) -> pd.DataFrame:
        """Return average effects where the model has them."""
        raise ValueError(f"{self.model} has no average effects on a probability")

    def predict(self, data: pd.DataFrame | None = None) -> Any:
        """Return predictions where the model has them."""
        raise ValueError(f"{self.model} has no predictions")

    def health(self) -> Health:
        """Return the health card: a report refuses to print a fit whose card is not ok."""
        return health(self)

    def summary(self) -> str:
        """Return the fit as text: what was fitted, on what, the table of coefficients, the health card."""
        counts = ", ".join(f"{name} {value}" for name, value in self.counts.items())
        table = self.tidy().to_string(index=False, float_format=lambda v: f"{v:.4g}")
        dropped = "; ".join(f"{d.rows} {d.reason}" for d in self.dropped) or "none"
        how = "; ".join(f"{name}: {value}" for name, value in self.how.items())
        likelihood = f"log-likelihood {self.loglik:.4f} (null {self.loglik_null:.4f})"
        return "\n".join(
            [
                f"{self.model}: {self.formula}",
                counts,
                f"dropped: {dropped}",
                how,
                likelihood,
                table,
                str(self.health()),
            ]
        )

    def __str__(self) -> str:
        return self.summary()


INTERCEPT = "Intercept"


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """A chi-square test by name; `parts` holds what it is made of, one row per group or term."""

    name: str
    statistic: float
    df: int
    p_value: float
    parts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def tidy(self) -> pd.DataFrame:
        """Return one row: name, statistic, df, p_value."""
        return pd.DataFrame([[self.name, self.statistic, self.df, self.p_value]], columns=TEST)

    def __str__(self) -> str:
        return f"{self.name}: chi2({self.df}) = {self.statistic:.4g}, p = {self.p_value:.4g}"


TEST = ["name", "statistic", "df", "p_value"]


@dataclass(frozen=True, slots=True)
class Curve:
    """Step functions of time by group (and cause): survival, cumulative incidence or cumulative hazard.

    `table` has the columns CURVE + CURVE_ESTIMATES and one row per group, cause and time at which someone
    enters, leaves or has an event; the first row of a group is the origin, where nothing has happened.
    Estimates hold from their time on; n_risk counts those at risk just before (at the origin: just after).
    """

    estimand: str
    table: pd.DataFrame
    origin: float
    how: Mapping[str, str]
    dropped: tuple[Dropped, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Labels of the groups, in order; one empty label where there is no `by`."""
        return tuple(dict.fromkeys(self.table["group"]))

    @property
    def causes(self) -> tuple[int, ...]:
        """Codes of the causes, in order; 1 alone for curves of a single event."""
        return tuple(dict.fromkeys(self.table["cause"]))

    def tidy(self) -> pd.DataFrame:
        """Return the table: one row per group, cause and time."""
        return self.table.copy()

    def of(self, group: str = "", cause: int = 1) -> pd.DataFrame:
        """Return the rows of one group and cause, for drawing."""
        part = self.table[(self.table["group"] == group) & (self.table["cause"] == cause)]
        if part.empty:
            raise ValueError(
                f"no curve for group {group!r}, cause {cause}; groups are {', '.join(self.groups)}"
            )
        return part.reset_index(drop=True)

    def at(self, times: Iterable[float]) -> pd.DataFrame:
        """Return the curves at given times, with the numbers at risk; NaN beyond the follow-up."""
        wanted = np.asarray(list(times), dtype=float)
        parts = []
        for (group, cause), part in self.table.groupby(["group", "cause"], sort=False):
            steps = part["time"].to_numpy()
            last = np.searchsorted(steps, wanted, side="right") - 1
            ahead = np.searchsorted(steps, wanted, side="left")
            values = part[CURVE_ESTIMATES].to_numpy()[np.maximum(last, 0)]
            gone = (self.estimand == "survival") & (values[:, 0] == 0)
            values[(last < 0) | ((wanted > steps[-1]) & ~gone)] = np.nan
            risk = np.append(part["n_risk"].to_numpy(), 0.0)[ahead]
            heads = pd.DataFrame({"group": group, "cause": cause, "time": wanted, "n_risk": risk})
            parts.append(heads.join(pd.DataFrame(values, columns=CURVE_ESTIMATES)))
        return pd.concat(parts, ignore_index=True)

    def quantiles(self, p: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Return by group and p the time by which a share p has had the event, with limits; NaN if not
        reached.

        Limits are where the limits of the curve reach 1 - p (Brookmeyer and Crowley 1982).
        """
        if self.estimand != "survival":
            raise ValueError(f"quantiles are read off a survival curve, not off a {self.estimand}")
        found = []
        for group in self.groups:
            part = self.of(group, self.causes[0])
            steps = part["time"].to_numpy()
            curves = [part[c].to_numpy() for c in ("estimate", "conf_low", "conf_high")]
            found += [[group, share, *(quantile(steps, c, share) for c in curves)] for share in p]
        return pd.DataFrame(found, columns=["group", "p", "estimate", "conf_low", "conf_high"])

    def glance(self) -> pd.DataFrame:
        """Return by group and cause: events, largest risk set, last time; for survival curves the median with
        limits.
        """
        parts = self.table.groupby(["group", "cause"], sort=False)
        out = parts.agg(
            events=("n_event", "sum"), largest_risk_set=("n_risk", "max"), last_time=("time", "max")
        ).reset_index()
        if self.estimand == "survival":
            median = self.quantiles((0.5,)).drop(columns="p")
            names = {"estimate": "median", "conf_low": "median_low", "conf_high": "median_high"}
            out = out.merge(median.rename(columns=names), on="group")
        return out

    def __str__(self) -> str:
        how = "; ".join(f"{name}: {value}" for name, value in self.how.items())
        return f"{self.estimand} ({how})\n" + self.glance().to_string(index=False)


def coefficient_table(
    terms: Sequence[str], estimates: Array, std_errors: Array, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the tidy columns with normal statistics; a zero error gives NaN, never infinity."""
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(std_errors > 0, estimates / std_errors, np.nan)
    z = norm.ppf((1.0 + level) / 2.0)
    columns = [
        list(terms),
        estimates,
        std_errors,
        statistic,
        2.0 * norm.sf(np.abs(statistic)),
        estimates - z * std_errors,
        estimates + z * std_errors,
    ]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def warn_if_unsound(fit: Fit) -> None:
    """Warn, in the caller's name, where a fit did not converge or a term separates."""
    if not fit.converged:
        warnings.warn(f"{fit.model} did not converge; see health()", FitWarning, stacklevel=3)
    elif fit.diverging.any():
        names = ", ".join(np.array(fit.terms, dtype=object)[fit.diverging])
        warnings.warn(f"{fit.model}: {names} has no finite estimate; see health()", FitWarning, stacklevel=3)
