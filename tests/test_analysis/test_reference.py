"""Parity with R on real data: a line per number or row of numbers, tolerances from the case that holds them.

`tests/reference/cases.json` says which R call made each number. A line names the case, the path to the
expected numbers, what computes ours, and the kind of tolerance; a number passes when it is inside the
relative or the absolute bound. The bounds are those of the cases (coefficients 1e-6 relative, curves 1e-9,
chi-squares 1e-7 …), chosen there so that the same estimator passes and a neighbouring one (other ties, other
factor) does not.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import (
    clogit,
    cox,
    cumulative_incidence,
    hazard,
    kaplan_meier,
    logit,
    logrank,
    nelson_aalen,
    restricted_mean,
)

TESTS = Path(__file__).parent.parent
TOLERANCE_TESTS = {
    "rel": 1e-5
}  # statistics of likelihood-ratio, score and Wald tests, which the cases do not bound


@cache
def cases() -> dict[str, dict[str, Any]]:
    text = (TESTS / "reference" / "cases.json").read_text(encoding="utf-8")
    return {case["id"]: case for case in json.loads(text)["cases"]}


@cache
def data(name: str) -> pd.DataFrame:
    return pd.read_csv(TESTS / "data" / "validation" / f"{name}.csv")


def expected(case: str, path: str) -> Any:
    value = cases()[case]["expected"]
    for key in path.split("."):
        value = value[key]
    return value


# -- what is computed

VETERAN = "treat + prior10 + karno"
HEART = "age * transplant + surgery + year"
MELANOMA = "sex + age + thickness + ulcer"
LABOR = "disab ~ age + kids + lnwg"
MOTHERS = "poverty + smoke + black + other + yschool"
KM_TIMES = [10, 50, 100, 200, 365]


@cache
def veteran(ties: str = "efron") -> Any:
    return cox(VETERAN, data("veteran"), stop="time", event="status", ties=ties)


@cache
def veteran_strata() -> Any:
    return cox(VETERAN, data("veteran"), stop="time", event="status", strata="celltype")


@cache
def veteran_factor() -> Any:
    return cox("treat + karno + celltype", data("veteran"), stop="time", event="status")


@cache
def heart(ties: str = "efron", cluster: str | None = None) -> Any:
    return cox(HEART, data("heart"), start="start", stop="stop", event="event", ties=ties, cluster=cluster)


@cache
def channing(start: str | None) -> Any:
    return cox("female", data("channing"), start=start, stop="age", event="death")


@cache
def melanoma_cause() -> Any:
    frame = data("melanoma").assign(died=lambda d: d["cause"] == 1)
    return cox(MELANOMA, frame, stop="time", event="died")


@cache
def infert() -> Any:
    return clogit("case ~ spontaneous + induced", data("infert"), person="stratum")


@cache
def labor(cluster: str | None = None, factor: str = "G") -> Any:
    return logit(LABOR, data("laborsupply"), cluster=cluster, cluster_factor=factor)


@cache
def labor_fixed() -> Any:
    return clogit(LABOR, data("laborsupply"), person="id")


@cache
def weaned() -> pd.DataFrame:
    """Mothers by months of four weeks, ended at 24."""
    months = np.ceil(data("bfeed")["duration"] / 4)
    return data("bfeed").assign(m=months.clip(upper=24), ev=lambda d: d["delta"].where(months <= 24, 0))


@cache
def weaned_months() -> pd.DataFrame:
    frame = weaned().loc[lambda d: d.index.repeat(d["m"])]
    month = frame.groupby("id").cumcount() + 1
    return frame.assign(month=month, y=((month == frame["m"]) & (frame["ev"] == 1)).astype(int))


@cache
def weaning(link: str, cluster: str | None = None) -> Any:
    formula = f"y ~ log(month) + {MOTHERS}"
    return hazard(formula, weaned_months(), link=link, cluster=cluster, cluster_factor="none")


@cache
def weaning_dummies() -> dict[str, dict[str, float]]:
    seen = weaned_months().loc[lambda d: d["month"].isin(d.loc[d["y"] == 1, "month"])]
    fit = hazard(f"y ~ C(month) + {MOTHERS}", seen)
    names = MOTHERS.split(" + ")
    return {"coef": {n: coefficients(fit)[n] for n in names}, "se": {n: errors(fit)[n] for n in names}}


@cache
def weaning_cox(ties: str) -> Any:
    return cox(MOTHERS, weaned(), stop="m", event="ev", ties=ties)


def coefficients(fit: Any) -> dict[str, float]:
    return dict(zip(fit.terms, fit.estimates, strict=True))


def errors(fit: Any) -> dict[str, float]:
    return dict(zip(fit.terms, fit.std_errors, strict=True))


def curve(times: list[float], column: str, interval: str = "loglog", **options: Any) -> Any:
    km = kaplan_meier(data("veteran"), stop="time", event="status", interval=interval, **options)
    return km.at(times)[column].to_numpy()


def channing_curve(column: str, female: str) -> Any:
    frame = data("channing").query("ageentry >= 0")
    km = kaplan_meier(frame, start="ageentry", stop="age", event="death", by="female")
    return km.at([840, 900, 960, 1020]).query("group == @female")[column].to_numpy()


def channing_after(column: str) -> Any:
    options = {"start": "ageentry", "stop": "age", "event": "death", "after": 816, "interval": "log"}
    return kaplan_meier(data("channing"), **options).at([900, 960, 1020])[column].to_numpy()


def incidence(column: str, cause: int, sex: int | None = None) -> Any:
    frame = data("melanoma") if sex is None else data("melanoma").query("sex == @sex")
    at = cumulative_incidence(frame, stop="time", cause="cause").at([500, 1000, 2000, 3000, 4000])
    return at.query("cause == @cause")[column].to_numpy()


def compared(by: str, **options: Any) -> Any:
    return logrank(data("veteran"), stop="time", event="status", by=by, **options)


def rmst(column: str) -> Any:
    km = kaplan_meier(data("veteran"), stop="time", event="status")
    return restricted_mean(km, 365)[column].iloc[0]


def profile(column: str) -> Any:
    someone = pd.DataFrame({"treat": [1], "prior10": [0], "karno": [60]})
    return veteran().predict(someone, times=[50, 100, 200]).table[column].to_numpy()


def zph(fit: Any, transform: str, column: str = "statistic") -> dict[str, float]:
    test = fit.proportional_hazards(transform)
    return {**test.parts.set_index("term")[column], "GLOBAL": getattr(test, column)}


@cache
def heart_weighted(ties: str) -> Any:
    frame = data("heart").assign(w=lambda d: 1 + d["id"] % 3 / 2)
    options = {"strata": "surgery", "weights": "w", "cluster": "id", "ties": ties}
    return cox("age + transplant", frame, start="start", stop="stop", event="event", **options)


def veteran_weighted(column: str, cluster: str | None) -> Any:
    count = np.arange(1, 138)
    frame = data("veteran").assign(w=1 + count % 4 / 2, area=count % 12)
    km = kaplan_meier(frame, stop="time", event="status", weights="w", cluster=cluster)
    return km.at([10, 50, 100, 200])[column].to_numpy()


def melanoma_late(column: str, cause: int, weights: str | None) -> Any:
    count = np.arange(1, 206)
    late = lambda d: np.where(count % 3 == 0, d["time"] / 4, 0.0)  # noqa: E731
    frame = data("melanoma").assign(id=count, w=1 + count % 4 / 2, late=late)
    options = {"start": "late", "weights": weights, "cluster": "id"}
    at = cumulative_incidence(frame, stop="time", cause="cause", **options).at([1000, 2000, 3000])
    return at.query("cause == @cause")[column].to_numpy()


@cache
def melanoma_logit() -> Any:
    frame = data("melanoma").assign(
        w=1 + np.arange(1, 206) % 4 / 2, old=lambda d: d["age"] >= 60, died=lambda d: d["cause"] == 1
    )
    return logit("died ~ sex * age + thickness + old", frame, weights="w", cluster_factor="none")


def column(case: str, path: str, key: str) -> Any:
    return [row[key] for row in expected(case, path)]


# -- lines: case, path, ours, tolerance

Line = tuple[str, str, Callable[[], Any], str]


def fit_lines(case: str, path: str, fit: Callable[[], Any]) -> list[Line]:
    """Coefficients, errors and both log-likelihoods of one fit."""
    return [
        (case, f"{path}.coef", lambda: coefficients(fit()), "coef"),
        (case, f"{path}.se", lambda: errors(fit()), "se"),
        (case, f"{path}.loglik", lambda: fit().loglik, "loglik"),
        (case, f"{path}.loglik_null", lambda: fit().loglik_null, "loglik"),
    ]


def row_lines(case: str, path: str, ours: Callable[[str], Any], tolerances: dict[str, str]) -> list[Line]:
    """Columns of an expected list of rows, ours under our names."""
    names = {
        "surv": "estimate",
        "se": "std_error",
        "lower": "conf_low",
        "upper": "conf_high",
        "cumhaz": "estimate",
    }
    return [
        (case, f"{path}:{key}", lambda key=key: ours(names[key]), kind)  # type: ignore[misc]
        for key, kind in tolerances.items()
    ]


KM, COX, HRT, CH, MEL, INF, LAB = (
    "km-logrank-veteran",
    "cox-veteran",
    "cox-heart-tvc",
    "left-truncation-channing",
    "competing-risks-melanoma",
    "clogit-infert",
    "panel-logit-laborsupply",
)
BFD = "discrete-bfeed"
HRW, KMW, CIW, LGW = (
    "cox-heart-weighted",
    "km-veteran-weighted",
    "cif-melanoma-late",
    "logit-melanoma-weighted",
)
CURVE = {"surv": "surv", "se": "se", "lower": "ci", "upper": "ci"}
CURVE_CH = {"surv": "surv", "se": "se", "lower": "surv", "upper": "surv"}

LINES: list[Line] = [
    *row_lines(KM, "log", lambda c: curve(KM_TIMES, c, "log"), CURVE),
    *row_lines(KM, "plain", lambda c: curve(KM_TIMES, c, "plain"), CURVE),
    *row_lines(KM, "loglog", lambda c: curve(KM_TIMES, c), CURVE),
    *row_lines(KM, "by_treat", lambda c: curve([50, 200], c, by="treat"), CURVE),
    *row_lines(
        KM,
        "nelson_aalen",
        lambda c: nelson_aalen(data("veteran"), stop="time", event="status").at(KM_TIMES)[c].to_numpy(),
        {"cumhaz": "surv", "se": "se"},
    ),
    (KM, "rmst_365.rmean", lambda: rmst("estimate"), "ci"),
    (KM, "rmst_365.se", lambda: rmst("std_error"), "ci"),
    *(
        (
            KM,
            f"quantiles_loglog.{key}",
            lambda name=name: kaplan_meier(data("veteran"), stop="time", event="status").quantiles()[name],
            "surv",
        )
        for key, name in (("q", "estimate"), ("lower", "conf_low"), ("upper", "conf_high"))
    ),
    *(
        line
        for path, by, options in (
            ("logrank_treat", "treat", {}),
            ("logrank_celltype", "celltype", {}),
            ("logrank_treat_strata_celltype", "treat", {"strata": "celltype"}),
            ("peto_rho1_celltype", "celltype", {"rho": 1.0}),
        )
        for line in (
            (KM, f"{path}.chisq", lambda by=by, o=options: compared(by, **o).statistic, "chisq"),
            (KM, f"{path}.observed", lambda by=by, o=options: compared(by, **o).parts["observed"], "chisq"),
            (KM, f"{path}.expected", lambda by=by, o=options: compared(by, **o).parts["expected"], "chisq"),
        )
    ),
    *(
        line
        for ties in ("efron", "breslow", "exact")
        for line in (
            *fit_lines(COX, ties, lambda ties=ties: veteran(ties)),
            (COX, f"{ties}.lr", lambda t=ties: veteran(t).glance()["lr_statistic"][0], "test"),
            (COX, f"{ties}.score", lambda t=ties: veteran(t).score_test, "test"),
            (COX, f"{ties}.wald", lambda t=ties: veteran(t).wald().statistic, "test"),
        )
    ),
    *fit_lines(COX, "strata_celltype", veteran_strata),
    *fit_lines(COX, "factor_celltype", veteran_factor),
    (COX, "basehaz_at_100", lambda: veteran().baseline(at="zero").query("time <= 100").iloc[-1, -1], "surv"),
    *row_lines(COX, "predicted", profile, {"surv": "surv", "se": "surv", "lower": "surv", "upper": "surv"}),
    *(
        (COX, f"zph_{scale}.{key}", lambda s=scale, c=name: zph(veteran(), s, c), "zph")
        for scale in ("km", "identity")
        for key, name in (("chisq", "statistic"), ("p", "p_value"))
    ),
    (COX, "concordance.c", lambda: veteran().concordance()["estimate"], "concordance"),
    (COX, "concordance.se", lambda: veteran().concordance()["std_error"], "concordance"),
    (COX, "martingale_first3", lambda: veteran().residuals("martingale")["martingale"][:3], "resid"),
    (COX, "schoenfeld_first", lambda: dict(veteran().residuals("schoenfeld").iloc[0, 1:]), "resid"),
    (COX, "dfbeta_first", lambda: veteran().residuals("dfbeta").iloc[0], "resid"),
    *fit_lines(HRT, "breslow", lambda: heart("breslow")),
    *fit_lines(HRT, "efron", heart),
    *fit_lines(HRT, "efron_cluster_id", lambda: heart(cluster="id")),
    (HRT, "efron_cluster_id.se_naive", lambda: errors(heart()), "se"),
    *fit_lines(CH, "cox", lambda: channing("ageentry")),
    *fit_lines(CH, "cox_ignoring_entry", lambda: channing(None)),
    *row_lines(
        CH, "km_by_sex", lambda c: np.append(channing_curve(c, "0"), channing_curve(c, "1")), CURVE_CH
    ),
    *row_lines(CH, "conditional_on_age_68", channing_after, CURVE_CH),
    *(
        (MEL, f"all.cause{cause}.{key}", lambda f=f, c=cause, name=name: f(incidence(name, c)), key)
        for cause in (1, 2)
        for key, name, f in (("cif", "estimate", np.asarray), ("var", "std_error", np.square))
    ),
    *(
        (MEL, f"sex{sex}_cause1.{key}", lambda f=f, s=sex, name=name: f(incidence(name, 1, s)), key)
        for sex in (0, 1)
        for key, name, f in (("cif", "estimate", np.asarray), ("var", "std_error", np.square))
    ),
    *fit_lines(MEL, "cause_specific_cox_cause1", melanoma_cause),
    *fit_lines(INF, "", infert),
    (LAB, "pooled.coef", lambda: coefficients(labor()), "pooled"),
    (LAB, "pooled.se", lambda: errors(labor()), "pooled"),
    (LAB, "pooled.se_cluster_raw", lambda: errors(labor("id", "none")), "pooled"),
    (LAB, "pooled.se_cluster_G", lambda: errors(labor("id")), "pooled"),
    (LAB, "pooled.loglik", lambda: labor().loglik, "loglik"),
    (LAB, "pooled.ame", lambda: labor("id").effects().set_index("term")["estimate"], "ame"),
    (LAB, "pooled.ame_se", lambda: labor("id").effects().set_index("term")["std_error"], "ame"),
    (LAB, "fixed_effects.coef", lambda: coefficients(labor_fixed()), "fixed_effects"),
    (LAB, "fixed_effects.se", lambda: errors(labor_fixed()), "fixed_effects"),
    (LAB, "fixed_effects.loglik", lambda: labor_fixed().loglik, "loglik"),
    (LAB, "fixed_effects.loglik_null", lambda: labor_fixed().loglik_null, "loglik"),
    (LAB, "fixed_effects.groups_used", lambda: labor_fixed().counts["persons"], "loglik"),
    *(
        line
        for ties in ("efron", "breslow")
        for line in (
            *fit_lines(HRW, ties, lambda ties=ties: heart_weighted(ties)),
            (HRW, f"{ties}.score", lambda t=ties: heart_weighted(t).score_test, "test"),
            (
                HRW,
                f"{ties}.concordance.c",
                lambda t=ties: heart_weighted(t).concordance()["estimate"],
                "resid",
            ),
            (
                HRW,
                f"{ties}.concordance.se",
                lambda t=ties: heart_weighted(t).concordance()["std_error"],
                "resid",
            ),
            (HRW, f"{ties}.zph_km", lambda t=ties: zph(heart_weighted(t), "km"), "zph"),
            (HRW, f"{ties}.dfbeta_2", lambda t=ties: heart_weighted(t).residuals("dfbeta").iloc[1], "resid"),
        )
    ),
    *row_lines(KMW, "by_row", lambda c: veteran_weighted(c, None), CURVE),
    *row_lines(KMW, "by_area", lambda c: veteran_weighted(c, "area"), CURVE),
    *(
        (CIW, f"{path}.{key}{cause}", lambda n=name, c=cause, w=weights: melanoma_late(n, c, w), key)
        for path, weights in (("late_entry", None), ("weighted", "w"))
        for cause in (1, 2)
        for key, name in (("cif", "estimate"), ("se", "std_error"))
    ),
    *(
        line
        for link in ("logit", "cloglog")
        for line in (
            (BFD, f"{link}.coef", lambda k=link: coefficients(weaning(k)), "coef"),
            (BFD, f"{link}.se", lambda k=link: errors(weaning(k)), "se"),
            (BFD, f"{link}.se_cluster_raw", lambda k=link: errors(weaning(k, "id")), "se"),
            (BFD, f"{link}.loglik", lambda k=link: weaning(k).loglik, "loglik"),
        )
    ),
    (BFD, "cloglog_month_dummies.coef", lambda: weaning_dummies()["coef"], "coef"),
    (BFD, "cloglog_month_dummies.se", lambda: weaning_dummies()["se"], "se"),
    *fit_lines(BFD, "cox_efron_on_months", lambda: weaning_cox("efron")),
    *fit_lines(BFD, "cox_exact_on_months", lambda: weaning_cox("exact")),
    (LGW, "coef", lambda: coefficients(melanoma_logit()), "coef"),
    (LGW, "se", lambda: errors(melanoma_logit()), "se"),
    (LGW, "ame", lambda: melanoma_logit().effects(["sex", "age"]).set_index("term")["estimate"], "ame"),
    (LGW, "ame_se", lambda: melanoma_logit().effects(["sex", "age"]).set_index("term")["std_error"], "ame"),
]


@pytest.mark.parametrize(("case", "path", "ours", "kind"), LINES, ids=[f"{c} {p}" for c, p, _, _ in LINES])
def test_we_agree_with_r(case: str, path: str, ours: Callable[[], Any], kind: str) -> None:
    theirs = _theirs(case, path)
    got = ours()
    if isinstance(theirs, dict):
        got = dict(got)
        names = {_ours(name): value for name, value in theirs.items()}
        assert set(names) == set(got)
        theirs, got = list(names.values()), [got[name] for name in names]
    tolerance = TOLERANCE_TESTS if kind == "test" else cases()[case]["tolerance"][kind]
    np.testing.assert_array_equal(np.isnan(_floats(got)), np.isnan(_floats(theirs)))
    assert _inside(_floats(got), _floats(theirs), tolerance), (got, theirs)


def test_persons_who_never_change_are_counted_as_in_r() -> None:
    counts = labor_fixed().counts
    unchanged = counts["persons_always_0"] + counts["persons_always_1"]
    assert unchanged == expected(LAB, "fixed_effects.groups_dropped")


def _theirs(case: str, path: str) -> Any:
    where, _, key = path.strip(".").partition(":")
    return column(case, where, key) if key else expected(case, where)


def _ours(name: str) -> str:
    """R's factor(celltype)large is our celltype[large], its (Intercept) our Intercept."""
    if name.startswith("factor("):
        variable, _, level = name.removeprefix("factor(").partition(")")
        return f"{variable}[{level}]"
    return "Intercept" if name == "(Intercept)" else name


def _floats(values: Any) -> Any:
    listed = np.atleast_1d(np.asarray(values, dtype=object))
    return np.array([np.nan if v is None else float(v) for v in listed])


def _inside(got: Any, theirs: Any, tolerance: dict[str, float]) -> bool:
    gap = np.abs(got - theirs)
    relative = gap <= tolerance.get("rel", 0.0) * np.abs(theirs)
    absolute = gap <= tolerance.get("abs", 0.0)
    return bool((relative | absolute | np.isnan(theirs)).all())
