"""Migration: who counts as a returnee under which definition; flags, never entry conditions.

Rules: indicators.md, section 1. Months abroad and since return are known between two bounds (`abroad_lo`,
`abroad_hi`, `since_lo`, `since_hi`) where a month is not known; a flag is missing where the bounds do not
decide it. `unsd98` rests on an intention that predicts leaving again: a report that restricts to it must say
so.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims import at_least, flag, same, surely
from analysis.indicators.registry import indicator

LONG_STAY, SHORT_STAY, MIN_ATTACHMENT = 12, 3, 1

_UNSD = "indicators.md 1; UNSD (1998), Recommendations on Statistics of International Migration, Rev. 1"


@indicator("unsd98", frame="persons", source=_UNSD)
def returnee_unsd98(
    scr_citizen: pd.Series, ret_stay12: pd.Series, abroad_lo: pd.Series, abroad_hi: pd.Series
) -> pd.Series:
    """1 for a citizen who was abroad three months or more and meant to stay at home for a year.

    Example: citizen, 36 months abroad, meant to stay (1) → 1; meant to leave (0) → 0.
    """
    stayed = _between(abroad_lo, abroad_hi, SHORT_STAY)
    return flag(same(scr_citizen, 1) & stayed & same(ret_stay12, 1))


@indicator("unsd98_long", frame="persons", source=_UNSD)
def returnee_unsd98_long(
    scr_citizen: pd.Series, ret_stay12: pd.Series, abroad_lo: pd.Series, abroad_hi: pd.Series
) -> pd.Series:
    """`unsd98` with twelve months abroad or more.

    Example: citizen, 11 months abroad, meant to stay → 0.
    """
    stayed = _between(abroad_lo, abroad_hi, LONG_STAY)
    return flag(same(scr_citizen, 1) & stayed & same(ret_stay12, 1))


@indicator("icls20_ret_worker", frame="persons", source="indicators.md 1; 20th ICLS Guidelines (ILO 2018)")
def return_migrant_worker(
    scr_lives: pd.Series,
    scr_purpose: pd.Series,
    jp_n_emp: pd.Series,
    abroad_lo: pd.Series,
    abroad_hi: pd.Series,
) -> pd.Series:
    """1 for a resident who worked, or went to work, abroad for at least a month, whatever the legal status.

    Example: lives here, left for work (1), 36 months → 1; joined family and had no employer (0) → 0.
    """
    worked = same(scr_purpose, 1) | at_least(jp_n_emp, 1)
    return flag(same(scr_lives, 1) & worked & _between(abroad_lo, abroad_hi, MIN_ATTACHMENT))


@indicator("hoang2020", frame="persons", source="indicators.md 1; Hoang (2020), doi 10.24517/00058198")
def population_of_hoang(
    area: pd.Series, ret_own: pd.Series, abroad_lo: pd.Series, abroad_hi: pd.Series
) -> pd.Series:
    """1 for a year or more abroad, own decision to return, in a rural area: the seed paper's population.

    Example: 36 months, agree (4), rural (1) → 1; urban (2) → 0.
    """
    return flag(_between(abroad_lo, abroad_hi, LONG_STAY) & at_least(ret_own, 4) & same(area, 1))


@indicator("cris", frame="persons", source="indicators.md 1; CRIS sample rules (EUI)")
def returnee_cris(
    abroad_lo: pd.Series, abroad_hi: pd.Series, since_lo: pd.Series, since_hi: pd.Series
) -> pd.Series:
    """1 for a year or more abroad, back at most ten years and for more than three months.

    Example: 36 months abroad, back since 4 months → 1; since 3 months → 0.
    """
    settled = _between(since_lo, since_hi, 4) & ~_between(since_lo, since_hi, 121)
    return flag(_between(abroad_lo, abroad_hi, LONG_STAY) & settled)


def _between(lowest: pd.Series, highest: pd.Series, bound: int) -> pd.Series:
    """The claim that a number between two bounds reaches `bound`; unknown where they do not decide."""
    reached = at_least(lowest, bound)
    return reached.mask(surely(~reached & at_least(highest, bound)))
