"""Every effect in the simulated histories, stated once, so that estimates can be held against them.

Monthly hazards are complementary log-log: rate = exp(base + Σ coefficient · covariate) and P(event in the
month) = 1 − exp(−rate). A coefficient is therefore the log hazard ratio that a Cox model with the same
covariates estimates. Leaving, moving within the country and death compete in a month in proportion to their
rates. Covariates of a month are those of the month before. The intention to leave is a logit with a person
effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _first_job() -> dict[str, float]:
    return {"base": log(0.13), "female": -0.35, "ssw": 0.35, "assisted": 0.45, "log_month": -0.20}


def _leave() -> dict[str, float]:
    return {
        "base": log(0.016),
        "months_1_3": -0.70,
        "months_4_12": 0.0,
        "months_13_24": 0.20,
        "months_25_up": -0.20,
        "female": -0.25,
        "debt": 0.50,
        "intent": 0.90,
        "jobless": 0.45,
        "waiting": 1.10,
    }


def _move() -> dict[str, float]:
    return {"base": log(0.010), "jobless": 0.30, "married": -0.50}


def _intent() -> dict[str, float]:
    return {"base": -0.70, "employed": -0.90, "debt": 0.70, "assisted": -0.20, "person": 1.0}


@dataclass(frozen=True, slots=True)
class Coefficients:
    """True parameters; `first_job`, `leave` and `move` are log rates per month, `intent` is in logits.

    `first_job` is at risk from the return until the first work; `leave` (the country) and `move` (to another
    province) while in the country. `log_month` is the log of months since return plus one. `person`
    multiplies the person's own leaning, a normal deviate correlated with the loan (`leaning_loan`), so that a
    pooled model of the intention is biased for debt and a fixed-effects model is not.
    """

    first_job: Mapping[str, float] = field(default_factory=_first_job)
    leave: Mapping[str, float] = field(default_factory=_leave)
    move: Mapping[str, float] = field(default_factory=_move)
    intent: Mapping[str, float] = field(default_factory=_intent)
    desire_below: float = 1.2  # a desire shows this far below the threshold of a plan, in logits
    prepare_above: float = 1.0  # steps are taken this far above it
    leaning_loan: float = 0.6
    later_job: float = 0.12  # rate of a further job after losing one
    lose_job: float = 0.022
    change_job: float = 0.015
    start_waiting: float = 0.15  # jobless and prepared
    death: float = 0.0003
    repay_employed: float = 0.06
    repay_jobless: float = 0.03
    come_back: float = 0.015
    assisted_early: float = 0.05  # rate of first help in the first six months, then `assisted_late`
    assisted_late: float = 0.01
    lose_trace: float = 0.004  # rate of being lost without trace once recruited
    lose_trace_plan: float = 2.0  # times this for those who plan to leave: loss is informative

    def rows(self) -> list[tuple[str, str, float]]:
        """(equation, term, value) of every effect, for tables beside estimates."""
        out: list[tuple[str, str, float]] = []
        for each in fields(self):
            value = getattr(self, each.name)
            terms = value if isinstance(value, Mapping) else {"": value}
            out += [(each.name, term, float(number)) for term, number in terms.items()]
        return out


def linear(effects: Mapping[str, float], covariates: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """base + Σ coefficient · covariate; every named effect must have its covariate."""
    total = np.asarray(effects["base"], dtype=float)
    for name, value in effects.items():
        if name != "base":
            total = total + value * covariates[name]
    return total
