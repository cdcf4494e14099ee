"""Plans: the ladder of intent to leave again, and the flags beside it.

The rule is indicators.md, section 7: none, desire, plan, prepared. A person who waits to leave for work
abroad is prepared; somebody employed is not asked whether he waits and so does not. One answer missing bounds
the rung: the ladder is then missing, while the binary `intent` is kept where it is decided.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims import choose, flag, names_one_of, one_of, same, surely
from analysis.indicators.registry import indicator

NONE, DESIRE, PLAN, PREPARED = 0, 1, 2, 3
CONCRETE_STEPS = (3, 4, 6, 7, 8, 9, 10, 11, 12, 13)  # 1, 2 and 5 are search, not preparation

_SOURCE = "indicators.md 7; desire, plan and preparation as in the Gallup World Poll"


@indicator("ladder", source=_SOURCE)
def ladder(
    int_des: pd.Series,
    int_plan: pd.Series,
    int_prep: pd.Series,
    wait_abr: pd.Series,
    lf: pd.Series,
) -> pd.Series:
    """0 none, 1 desire, 2 plan, 3 prepared.

    Example: wants to go for a time (3), no plan (0) → 1; plan (1), only looked for information ("1") → 2;
    plan (1) with a passport made ("1 7") → 3; wants to stay (1), plan not known → missing.
    """
    wanted, planned = one_of(int_des, (3, 4)), same(int_plan, 1)
    step = names_one_of(int_prep, CONCRETE_STEPS)
    return choose(
        [
            (_waiting(wait_abr, lf) | (planned & step), PREPARED),
            (planned, PLAN),
            (wanted, DESIRE),
            (~wanted, NONE),
        ],
        pd.NA,
    )


@indicator("intent", source=_SOURCE)
def intent(int_plan: pd.Series, wait_abr: pd.Series, lf: pd.Series) -> pd.Series:
    """1 for a plan or more (ladder 2 or 3), the outcome of the logit models; 0 for less.

    Example: plan (1), desire not known → 1 although the ladder may be missing; no plan (0) and employed → 0.
    """
    return flag(_waiting(wait_abr, lf) | same(int_plan, 1))


@indicator("int_unwilling", source=_SOURCE)
def unwilling(int_des: pd.Series, int_plan: pd.Series) -> pd.Series:
    """1 for a plan without desire: going out of need. Kept, not corrected.

    Example: wants to stay here (1) and plans to go (1) → 1.
    """
    return flag(one_of(int_des, (1, 2)) & same(int_plan, 1))


@indicator("prep_no_plan", source=_SOURCE)
def prepared_without_plan(int_des: pd.Series, int_plan: pd.Series, int_prep: pd.Series) -> pd.Series:
    """1 for a concrete step without a plan for the next twelve months.

    Example: desire (3), no plan (0), passport made ("7") → 1. Not asked without desire and plan, so 0 there.
    """
    step = names_one_of(int_prep, CONCRETE_STEPS)
    not_asked = one_of(int_des, (1, 2)) & same(int_plan, 0)
    return flag((same(int_plan, 0) & step).mask(surely(not_asked), False))


def _waiting(wait_abr: pd.Series, lf: pd.Series) -> pd.Series:
    """Waiting to leave; not asked of the employed, who do not wait. Own-use farmers are asked."""
    return same(wait_abr, 1).mask(surely(same(lf, 1)), False)
