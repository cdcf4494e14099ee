"""Logit models of a 0/1 answer: pooled (`logit`) and conditional on the person (`clogit`).

Pooled fits take cluster-robust errors and report average effects on the probability. The conditional fit
compares a person with themselves: those whose answer never changes say nothing and are counted out, constant
covariates drop, and no probability can be given, because the person's own level is conditioned away; it
reports odds ratios and semi-elasticities instead. `weights` are sampling weights and bring robust errors;
numbers come from the kernels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from analysis.design import Columns, Design, Dropped, NotEstimable, design
from analysis.fit import Fit, coefficient_table, warn_if_unsound
from analysis.kernels import clogit as conditional
from analysis.kernels import logit as pooled
from analysis.kernels.effects import average_change, average_slope
from analysis.maximum import covariance_name, fields, robust, seen_once

Array = NDArray[np.float64]
STEP = 1e-4  # half-width of the difference that finds ∂x/∂v, in standard deviations of v


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitFit(Fit):
    """A pooled logit; fitted (n,) are the probabilities of the rows used."""

    fitted: Array = field(repr=False)

    def predict(
        self, data: pd.DataFrame | None = None, *, level: float = 0.95, **options: Any
    ) -> pd.DataFrame:
        """Return probabilities with delta-method errors, and limits made on the logit scale."""
        if options:
            raise TypeError(f"predict() got an unexpected keyword {next(iter(options))!r}")
        X = _with_one(self.design.X if data is None else self.design.matrix(data))
        index = self.design.rows.kept if data is None else data.index
        table = coefficient_table(
            [""] * len(X), X @ np.nan_to_num(self.estimates), self._errors(X), level=level
        )
        p = expit(table["estimate"])
        columns = {"estimate": p, "std_error": p * (1 - p) * table["std_error"]}
        columns |= {c: expit(table[c]) for c in ("conf_low", "conf_high")}
        return pd.DataFrame(columns).set_index(pd.Index(index))

    def effects(self, variables: Sequence[str] | None = None, *, level: float = 0.95) -> pd.DataFrame:
        """Return average effects on the probability: term, contrast and the tidy columns.

        0/1 variables and categories change from their first value to another; numbers get the average
        derivative, through interactions and splines. Averaged over the rows used, with their weights; errors
        by the delta method, the covariates taken as they are.
        """
        b, V = np.nan_to_num(self.estimates), np.nan_to_num(self.covariance)
        weights = self.design.rows.get("weights")
        lines = [
            (name, contrast, value, float(np.sqrt(jacobian @ V @ jacobian)))
            for name in _variables(self.design, variables)
            for contrast, value, jacobian in _effects_of(self.design, name, b, weights)
        ]
        names, contrasts, values, errors = zip(*lines, strict=True)
        table = coefficient_table(names, np.array(values), np.array(errors), level=level)
        table.insert(1, "contrast", contrasts)
        return table

    def _errors(self, X: Array) -> Array:
        return np.sqrt(np.einsum("np,pq,nq->n", X, np.nan_to_num(self.covariance), X))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClogitFit(Fit):
    """A conditional logit; `used` (n,) marks the rows of persons whose answer changes, `mean_outcome` is
    theirs.
    """

    used: NDArray[np.bool_] = field(repr=False)
    mean_outcome: float

    def predict(self, data: pd.DataFrame | None = None, **options: Any) -> Any:
        """Refuse: the person's level is conditioned out, so no probability can be given."""
        raise ValueError(
            "a conditional logit has no probabilities: each person's level is conditioned out. Use "
            "tidy(exponentiate=True) for odds ratios and effects() for semi-elasticities"
        )

    def effects(self, variables: Sequence[str] | None = None, *, level: float = 0.95) -> pd.DataFrame:
        """Return semi-elasticities (1 - ybar) b: the relative change of the probability for a unit of the
        term.

        ybar is the share of ones in the rows used and taken as known (Kitazawa 2012). `variables` names
        terms.
        """
        terms = self.terms if variables is None else tuple(variables)
        for term in terms:
            if term not in self.terms:
                raise ValueError(f"{term!r} is no term of the model; it has {', '.join(self.terms)}")
        at = [self.terms.index(term) for term in terms]
        factor = 1.0 - self.mean_outcome
        table = coefficient_table(
            terms, factor * self.estimates[at], factor * self.std_errors[at], level=level
        )
        table.insert(1, "contrast", "semi-elasticity")
        return table

    def selection(self) -> pd.DataFrame:
        """Return the mean of outcome and terms among rows used and rows of persons who do not change, by
        term.
        """
        values = np.column_stack([self.design.rows.arrays["outcome"], self.design.X])
        names = [self.formula.partition("~")[0].strip(), *self.terms]
        none = np.full(values.shape[1], np.nan)
        rest = values[~self.used].mean(axis=0) if (~self.used).any() else none
        columns = {"term": names, "used": values[self.used].mean(axis=0), "unchanged": rest}
        return pd.DataFrame(columns)


def logit(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: Columns = None,
    weights: str | None = None,
    cluster_factor: str = "G",
) -> LogitFit:
    """Return the pooled logit of `formula` ("intent ~ employed + debt").

    With `cluster`, errors are the sandwich by cluster with the named small-sample factor: "G" is G/(G-1),
    "Gnk" adds (n-1)/(n-k), "none" leaves it raw. Raises NotEstimable where the answer never varies.
    """
    laid = design(formula, data, intercept=True, outcome=True, cluster=cluster, weights=weights)
    y = laid.rows.arrays["outcome"]
    _refuse_constant(y, formula)
    result = pooled.logit(y, laid.X, weights=laid.rows.get("weights"))
    covariance = result.covariance
    if cluster is not None or weights is not None:
        covariance = robust(result.covariance, result.scores, laid.rows.get("cluster"), cluster_factor)
    fitted = LogitFit(
        model="logit",
        formula=formula,
        **fields(result, laid, covariance),
        counts=_counts(laid),
        how=_how(laid.rows.names, cluster_factor),
        ratio="odds ratio",
        fitted=result.fitted,
    )
    warn_if_unsound(fitted)
    return fitted


def clogit(
    formula: str,
    data: pd.DataFrame,
    *,
    person: str,
    cluster: Columns = None,
    weights: str | None = None,
    cluster_factor: str = "G",
) -> ClogitFit:
    """Return the conditional (fixed-effects) logit of `formula` within persons.

    `cluster` must contain whole persons; weights must be constant within the person. Persons whose answer
    does not change are counted under `dropped` and in `counts`. Raises NotEstimable where nobody changes.
    """
    laid = design(
        formula, data, intercept=False, outcome=True, person=person, cluster=cluster, weights=weights
    )
    rows = laid.rows
    codes, y = rows.arrays["person"], rows.arrays["outcome"]
    persons = len(rows.labels["person"])
    _refuse_nobody(codes, y, persons, formula)
    weight = _by_person(
        rows.get("weights"), codes, persons, f"weights={weights!r} must not change within a person"
    )
    result = conditional.clogit(y, laid.X, codes, weights=weight)
    if result.aliased.all():
        raise NotEstimable(
            f"clogit: none of {', '.join(laid.terms)} changes within a person whose answer changes"
        )
    covariance = result.covariance
    group = _by_person(rows.get("cluster"), codes, persons, f"cluster={cluster!r} must contain whole persons")
    if cluster is not None or weights is not None:
        groups = np.arange(persons) if group is None else group.astype(np.intp)
        chosen = np.unique(groups[result.used], return_inverse=True)[1]
        covariance = robust(result.covariance, result.scores[result.used], chosen, cluster_factor)
    used = result.used[codes]
    unchanged = Dropped("answer does not change within the person", int((~used).sum()))
    fitted = ClogitFit(
        model="conditional logit",
        formula=formula,
        **fields(result, laid, covariance)
        | {
            "dropped": rows.dropped + ((unchanged,) if unchanged.rows else ()),
            "seen_once": seen_once(laid.X[used]),
        },
        counts=_person_counts(laid, result, group),
        how=_how(rows.names, cluster_factor, unit="person"),
        ratio="odds ratio",
        used=used,
        mean_outcome=float(np.average(y[used], weights=None if weight is None else weight[codes][used])),
    )
    warn_if_unsound(fitted)
    return fitted


def _refuse_constant(y: Array, formula: str) -> None:
    if y.min() == y.max():
        raise NotEstimable(f"logit: the outcome of {formula!r} is {y[0]:g} in all {y.size} rows")


def _refuse_nobody(codes: NDArray[np.intp], y: Array, persons: int, formula: str) -> None:
    ones, size = np.bincount(codes, weights=y, minlength=persons), np.bincount(codes, minlength=persons)
    if not ((ones > 0) & (ones < size)).any():
        raise NotEstimable(f"clogit: in none of {persons} persons does the outcome of {formula!r} change")


def _by_person(values: Array | None, codes: NDArray[np.intp], persons: int, complaint: str) -> Array | None:
    """Return one value per person (persons,), or raise the complaint with the number of persons that have
    several.
    """
    if values is None:
        return None
    out = np.zeros(persons)
    out[codes] = values
    several = np.unique(codes[out[codes] != values]).size
    if several:
        raise ValueError(f"{complaint}; it does in {several} persons")
    return out


def _counts(laid: Design) -> dict[str, int]:
    y = laid.rows.arrays["outcome"]
    counts = {
        "given": laid.rows.given,
        "rows": y.size,
        "events": int(y.sum()),
        "non_events": int((1 - y).sum()),
    }
    if "cluster" in laid.rows.labels:
        counts["clusters"] = len(laid.rows.labels["cluster"])
    return counts


def _person_counts(laid: Design, result: conditional.ClogitResult, group: Array | None) -> dict[str, int]:
    codes, y = laid.rows.arrays["person"], laid.rows.arrays["outcome"]
    used = result.used[codes]
    level = np.bincount(codes, weights=y) / np.bincount(codes)
    counts = {
        "given": laid.rows.given,
        "rows": result.rows_used,
        "events": int(y[used].sum()),
        "non_events": int((1 - y[used]).sum()),
        "persons": int(result.used.sum()),
        "persons_always_0": int((level == 0).sum()),
        "persons_always_1": int((level == 1).sum()),
    }
    if group is not None:
        counts["clusters"] = int(np.unique(group[result.used]).size)
    return counts


def _how(names: Mapping[str, str], factor: str, unit: str = "row") -> dict[str, str]:
    how = {"covariance": covariance_name(names, factor).replace("by row", f"by {unit}")}
    return how | ({"weights": names["weights"]} if "weights" in names else {})


def _with_one(X: Array) -> Array:
    return np.hstack([np.ones((X.shape[0], 1)), X])


def _variables(laid: Design, variables: Sequence[str] | None) -> list[str]:
    known = list(laid.rows.frame.columns)
    for name in variables or ():
        if name not in known:
            raise ValueError(f"{name!r} is no variable of the formula; it has {', '.join(known)}")
    varying = [v for v in known if laid.rows.frame[v].nunique() > 1]
    return varying if variables is None else [v for v in variables if v in varying]


def _effects_of(
    laid: Design, name: str, beta: Array, weights: Array | None
) -> list[tuple[str, float, Array]]:
    """Return contrast, average effect and Jacobian (q,) for each contrast of one variable."""
    values = laid.rows.frame[name]
    levels = _levels(laid, name)
    if levels is None:
        low, high = _around(values.to_numpy(dtype=float))
        dX = (laid.changed(**{name: high}) - laid.changed(**{name: low})) / (high - low)[:, None]
        dX = np.hstack([np.zeros((len(dX), 1)), dX])
        return [("derivative", *average_slope(beta, _with_one(laid.X), dX, weights))]
    first, *others = levels
    X0 = _with_one(laid.changed(**{name: _constant(values, first)}))
    out = []
    for other in others:
        X1 = _with_one(laid.changed(**{name: _constant(values, other)}))
        out.append((f"{other} - {first}", *average_change(beta, X1, X0, weights)))
    return out


def _levels(laid: Design, name: str) -> list[Any] | None:
    """Return the values of a variable that changes in steps (categories, C(…), 0/1), None for a number."""
    values = laid.rows.frame[name]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.categories)
    if f"C({name}" in laid.formula or set(values.unique()) <= {0, 1}:
        return sorted(values.unique().tolist())
    return None


def _constant(values: pd.Series, level: Any) -> Any:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return pd.Categorical([level] * len(values), categories=values.cat.categories)
    return level


def _around(values: Array) -> tuple[Array, Array]:
    """Return values a little lower and higher, within the range seen so that spline bases stay defined."""
    width = STEP * max(float(values.std()), 1e-12)
    return np.maximum(values - width, values.min()), np.minimum(values + width, values.max())
