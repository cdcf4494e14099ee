"""Economic: debt and its burden. Rules are indicators.md, section 6; amounts in million dong as answered.

Nothing is converted here: nominal amounts stay as they are, real ones need dated tables.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims import flag, same, surely
from analysis.indicators.registry import indicator

_SOURCE = "indicators.md 6"


@indicator("dsr", source=_SOURCE, unit="share of own income", dtype="Float64")
def debt_service_ratio(debt_any: pd.Series, debt_pay: pd.Series, inc_own: pd.Series) -> pd.Series:
    """Monthly debt payment over own income; 0 without debt, missing without income (see `dsr_inf`).

    Example: pays 2, earns 8 → 0.25; no debt → 0; pays 2, earns 0 → missing with `dsr_inf` 1.
    """
    paid = _payment(debt_any, debt_pay)
    ratio = paid / inc_own.astype("Float64").where(inc_own > 0)
    return ratio.mask(surely(same(paid, 0)), 0.0)


@indicator("dsr_inf", source=_SOURCE)
def debt_service_without_income(debt_any: pd.Series, debt_pay: pd.Series, inc_own: pd.Series) -> pd.Series:
    """1 for payments without any income, where the ratio has no value.

    Example: pays 2, earns 0 → 1; pays 0, earns 0 → 0.
    """
    paid = _payment(debt_any, debt_pay)
    return flag(~same(paid, 0) & same(inc_own, 0))


@indicator("dti", source=_SOURCE, unit="years of own income", dtype="Float64")
def debt_to_income(debt_any: pd.Series, debt_amt: pd.Series, inc_own: pd.Series) -> pd.Series:
    """Debt over a year of own income; 0 without debt, missing without income.

    Example: owes 96, earns 8 a month → 1.
    """
    owed = debt_amt.astype("Float64").mask(surely(same(debt_any, 0)), 0.0)
    ratio = owed / (12 * inc_own.astype("Float64").where(inc_own > 0))
    return ratio.mask(surely(same(owed, 0)), 0.0)


@indicator("mdebt_here", source=_SOURCE)
def migration_debt_here(mdebt_st: pd.Series, mdebt_now: pd.Series) -> pd.Series:
    """1 where this interview tells that the debt for going to Japan is owed, 0 where it tells that none is.

    Asked at baseline (`mdebt_st`), later only while it is open (`mdebt_now`); `migration_debt_open` fills the
    rest. Example: repaid after return (2) → 0; still owed (3) → 1; do not know → missing.
    """
    told = mdebt_now.where(mdebt_now.notna(), mdebt_st)
    return flag(same(told, 3))


def migration_debt_open(waves: pd.DataFrame) -> pd.Series:
    """`mdebt_open` by wave: what the interview told, and 0 at later interviews once it was over.

    `waves`: person_id, wave, interviewed and mdebt_here, in the order of person and wave. A debt told as over
    is not asked again; a debt told as open and not told of again is missing, because nobody knows. Example:
    1, not asked, 0, not asked → 1, missing, 0, 0.
    """
    over = same(waves["mdebt_here"], 0)
    closed = pd.Series(surely(over), index=waves.index).groupby(waves["person_id"]).cummax()
    told = waves["mdebt_here"].where(waves["mdebt_here"].notna() | ~closed, 0)
    return told.where(surely(same(waves["interviewed"], 1)))


def _payment(debt_any: pd.Series, debt_pay: pd.Series) -> pd.Series:
    return debt_pay.astype("Float64").mask(surely(same(debt_any, 0)), 0.0)
