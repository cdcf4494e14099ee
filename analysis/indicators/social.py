"""Social: preparedness, pressure, help and well-being. Rules: indicators.md, section 10.

The distress sum is four items of the project; it is no diagnosis and not the PHQ-4.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims import flag, n_named, names_one_of
from analysis.indicators.registry import indicator

_SOURCE = "indicators.md 10"
_CASSARINO = "indicators.md 10; readiness and willingness after Cassarino (2004)"


@indicator("willing", frame="persons", source=_CASSARINO, unit="0–1", dtype="Float64")
def willing(ret_own: pd.Series) -> pd.Series:
    """How far coming back was one's own decision: (code - 1) / 4.

    Example: agree (4) → 0.75.
    """
    return _zero_to_one(ret_own)


@indicator("ready", frame="persons", source=_CASSARINO, unit="0–1", dtype="Float64")
def ready(ret_ready: pd.Series, ret_res: pd.Series) -> pd.Series:
    """How ready: mean of (`ret_ready` - 1) / 4 and of the number of resources, at most four, over 4.

    Example: neither (3) with savings and skills ("1 4") → (0.5 + 0.5) / 2 = 0.5; "none of these" ("0") counts
    0.
    """
    resources = n_named(ret_res, but=(0,)).clip(upper=4).astype("Float64") / 4
    return (_zero_to_one(ret_ready) + resources) / 2


@indicator("fam_index", source=_SOURCE, unit="0–1", dtype="Float64")
def family_pressure(fam_ask: pd.Series, fam_press: pd.Series, com_rich: pd.Series) -> pd.Series:
    """Pressure from family and community: mean of three items, each (code - 1) / 4, at least two answered.

    Example: asked often (4), pressed (5), not thought rich (2) → (0.75 + 1 + 0.25) / 3 = 0.667; two missing →
    missing.
    """
    items = pd.concat([_zero_to_one(item) for item in (fam_ask, fam_press, com_rich)], axis=1)
    return items.mean(axis=1).astype("Float64").where(items.notna().sum(axis=1) >= 2)


@indicator("assisted", source=_SOURCE)
def assisted(ast_org: pd.Series) -> pd.Series:
    """1 where any of the organisations 1–14 helped; family, friends and "other" (96) do not count.

    Example: "4 10" → 1; "0" → 0; "do not know" → missing.
    """
    return flag(names_one_of(ast_org, range(1, 15)))


@indicator("distress", source=_SOURCE, unit="sum 0–12")
def distress(wb_low: pd.Series, wb_worry: pd.Series, wb_sleep: pd.Series, wb_alone: pd.Series) -> pd.Series:
    """Sum of the four items, 0–12; missing as soon as one is missing.

    Example: 1, 2, 0, 3 → 6.
    """
    return wb_low + wb_worry + wb_sleep + wb_alone


def _zero_to_one(code: pd.Series) -> pd.Series:
    return (code.astype("Float64") - 1) / 4
