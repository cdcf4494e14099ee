"""Discrete-time hazard: a binary regression on person-periods, one row per person and month at risk.

The outcome is 1 in the row in which the event happens; the formula says how the hazard runs with time
(`log(t)`, `C(band)`, `bs(t, df=4)`). With the complementary log-log link slopes are log hazard ratios of the
proportional-hazards model in continuous time, grouped (Prentice and Gloeckler 1978); with the logit link they
are log odds. Months that belong in no risk set (`pre_entry`) are the caller's to leave out. Cox is in
`hazard.py`, answers by wave in `logit.py`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from analysis.design import Columns, NotEstimable, design
from analysis.fit import CURVE_ESTIMATES, Fit, coefficient_table, warn_if_unsound
from analysis.kernels.curves import intervals
from analysis.kernels.logit import cloglog, logit
from analysis.maximum import covariance_name, fields, robust

Array = NDArray[np.float64]
LINKS = ("cloglog", "logit")


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardFit(Fit):
    """A discrete-time hazard; `link` is "cloglog" or "logit"."""

    link: str

    def predict(self, data: pd.DataFrame | None = None, *, level: float = 0.95) -> pd.DataFrame:
        """Return the hazard of each row with delta-method error, and limits made on the scale of the link."""
        X, eta, error = self._linear(data)
        table = coefficient_table([""] * len(X), eta, error, level=level)
        columns = {c: _mean(self.link, table[c].to_numpy()) for c in ("estimate", "conf_low", "conf_high")}
        columns["std_error"] = _slope(self.link, eta) * (1.0 - columns["estimate"]) * error
        index = self.design.rows.kept if data is None else data.index
        return pd.DataFrame(columns, index=pd.Index(index))[CURVE_ESTIMATES]

    def survival(self, path: pd.DataFrame, *, interval: str = "loglog", level: float = 0.95) -> pd.DataFrame:
        """Return the chance of no event up to each row of one person's path, its rows being months in order.

        log S = Σ log(1 - h), with the delta method; a path is needed because covariates may change on the
        way.
        """
        X, eta, _ = self._linear(path)
        slope = _slope(self.link, eta)
        survival = np.cumprod(1.0 - _mean(self.link, eta)).astype(float)
        drift = np.cumsum(slope[:, None] * X, axis=0)
        V = np.nan_to_num(self.covariance)
        error: Array = survival * np.sqrt(np.einsum("tp,pq,tq->t", drift, V, drift))
        low, high = intervals(survival, error, kind=interval, level=level)
        values = dict(zip(CURVE_ESTIMATES, (survival, error, low, high), strict=True))
        return pd.DataFrame(values, index=path.index)

    def _linear(self, data: pd.DataFrame | None) -> tuple[Array, Array, Array]:
        """Return X with its intercept (n, q), the linear predictor (n,) and its error (n,)."""
        matrix = self.design.X if data is None else self.design.matrix(data)
        X = np.hstack([np.ones((len(matrix), 1)), matrix])
        V = np.nan_to_num(self.covariance)
        return X, X @ np.nan_to_num(self.estimates), np.sqrt(np.einsum("np,pq,nq->n", X, V, X))


def hazard(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: Columns = None,
    weights: str | None = None,
    link: str = "cloglog",
    cluster_factor: str = "G",
) -> HazardFit:
    """Return the discrete-time hazard of `formula` ("left ~ log(t) + debt") on person-periods.

    `cluster`, `weights` and `cluster_factor` are as in `logit`. Raises NotEstimable where nothing ever
    happens.
    """
    if link not in LINKS:
        raise ValueError(f"link is {link!r}; it must be one of {', '.join(LINKS)}")
    laid = design(formula, data, intercept=True, outcome=True, cluster=cluster, weights=weights)
    rows = laid.rows
    y = rows.arrays["outcome"]
    if y.min() == y.max():
        raise NotEstimable(f"hazard: the outcome of {formula!r} is {y[0]:g} in all {y.size} rows")
    result = (cloglog if link == "cloglog" else logit)(y, laid.X, weights=rows.get("weights"))
    covariance = result.covariance
    if cluster is not None or weights is not None:
        covariance = robust(result.covariance, result.scores, rows.get("cluster"), cluster_factor)
    counts = {"given": rows.given, "rows": y.size, "events": int(y.sum())}
    counts |= {"clusters": len(rows.labels["cluster"])} if cluster is not None else {}
    fitted = HazardFit(
        model="discrete-time hazard",
        formula=formula,
        **fields(result, laid, covariance),
        counts=counts,
        how={"link": link, "covariance": covariance_name(rows.names, cluster_factor)},
        ratio="hazard ratio" if link == "cloglog" else "odds ratio",
        link=link,
    )
    warn_if_unsound(fitted)
    return fitted


def _mean(link: str, eta: Array) -> Array:
    return np.asarray(expit(eta) if link == "logit" else -np.expm1(-np.exp(eta)))


def _slope(link: str, eta: Array) -> Array:
    """Return -d log(1 - h)/dη, which is h for the logit and e^η for the complementary log-log link."""
    return np.asarray(expit(eta) if link == "logit" else np.exp(eta))
