"""Work: labour force status last week after the 19th ICLS, and what rests on it.

The rule is indicators.md, section 2. The calendar's activity is never used here, nor does this status ever
fill the calendar: a person can be waiting to leave in the calendar and employed last week. Abroad is outside
the frame.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims import at_least, choose, flag, one_of, same
from analysis.indicators.registry import indicator

EMPLOYED, UNEMPLOYED, POTENTIAL, OUTSIDE, ABROAD = 1, 2, 3, 4, 5
FULL_TIME_HOURS = 35

_SOURCE = "indicators.md 2; 19th ICLS, Resolution I (ILO 2013)"


@indicator("own_use", source=_SOURCE)
def own_use(atw_pay: pd.Series, at_work: pd.Series, agf_chk: pd.Series, agf_use: pd.Series) -> pd.Series:
    """1 where the work was farming mainly for own use, which is not employment; 0 for all others.

    Example: no pay (0), farm (1), mainly for the family (3) → 1; mainly for sale (2) → 0; "do not know" →
    missing.
    """
    return flag(same(at_work, 1) & ~same(atw_pay, 1) & same(agf_chk, 1) & one_of(agf_use, (3, 4)))


@indicator("at_work", source=_SOURCE)
def at_work(
    atw_pay: pd.Series,
    atw_bus: pd.Series,
    atw_fam: pd.Series,
    abs_job: pd.Series,
    abs_why: pd.Series,
    abs_3m: pd.Series,
) -> pd.Series:
    """1 where a person worked an hour or was away from a job for a reason or time that keeps it.

    Leave, sickness, parenthood and shifts keep the job whatever the length; other reasons if back within
    three months; the off season never. Example: no work, away (1), sick (2) → 1; away, lay-off (6), not back
    in three months (0) → 0.
    """
    worked = same(atw_pay, 1) | same(atw_bus, 1) | same(atw_fam, 1)
    short = one_of(abs_why, (1, 2, 3, 4)) | (~same(abs_why, 8) & same(abs_3m, 1))
    return flag(worked | (same(abs_job, 1) & short))


@indicator("lf", source=_SOURCE)
def labour_force(
    int_abroad: pd.Series,
    atw_pay: pd.Series,
    at_work: pd.Series,
    agf_chk: pd.Series,
    agf_use: pd.Series,
    wait_abr: pd.Series,
    avail_2w: pd.Series,
    fut_start: pd.Series,
    srch_4w: pd.Series,
    want_work: pd.Series,
) -> pd.Series:
    """1 employed, 2 unemployed, 3 potential labour force, 4 other outside, 5 abroad.

    Example: no work, waiting to leave for work abroad (`wait_abr` 1) → 2. No work, searched, and "do not
    know" whether available within two weeks → missing, not 3.
    """
    claims = _branches(
        int_abroad, atw_pay, at_work, agf_chk, agf_use, wait_abr, avail_2w, fut_start, srch_4w, want_work
    )
    return choose([(claim, status) for claim, status, _ in claims], OUTSIDE)


@indicator("lf_why", source=_SOURCE, dtype="string")
def labour_force_why(
    int_abroad: pd.Series,
    atw_pay: pd.Series,
    at_work: pd.Series,
    agf_chk: pd.Series,
    agf_use: pd.Series,
    wait_abr: pd.Series,
    avail_2w: pd.Series,
    fut_start: pd.Series,
    srch_4w: pd.Series,
    want_work: pd.Series,
) -> pd.Series:
    """Why a person without employment is unemployed or in the potential labour force; missing for all others.

    Example: no work, available, a job found that starts within three months → "future_starter" (and `lf` 2).
    """
    claims = _branches(
        int_abroad, atw_pay, at_work, agf_chk, agf_use, wait_abr, avail_2w, fut_start, srch_4w, want_work
    )
    return choose([(claim, why) for claim, _, why in claims], pd.NA, "string")


@indicator("lf_dom", source=_SOURCE)
def labour_force_without_waiting(
    int_abroad: pd.Series,
    atw_pay: pd.Series,
    at_work: pd.Series,
    agf_chk: pd.Series,
    agf_use: pd.Series,
    avail_2w: pd.Series,
    fut_start: pd.Series,
    srch_4w: pd.Series,
    want_work: pd.Series,
) -> pd.Series:
    """`lf` without the branch "waiting to migrate", for comparison with surveys that do not have it.

    Example: no work, waiting to leave, not searching, not available → 4, where `lf` is 2.
    """
    nobody = pd.Series(0, index=int_abroad.index, dtype="Int64")
    claims = _branches(
        int_abroad, atw_pay, at_work, agf_chk, agf_use, nobody, avail_2w, fut_start, srch_4w, want_work
    )
    return choose([(claim, status) for claim, status, _ in claims], OUTSIDE)


@indicator("lf_13", source="indicators.md 2; 13th ICLS (ILO 1982)")
def labour_force_13(lf: pd.Series, own_use: pd.Series, at_work: pd.Series) -> pd.Series:
    """`lf` with own-use farming counted as employment, as in older series.

    Example: own-use farmer who does not search (`lf` 4) → 1.
    """
    return choose([(same(lf, ABROAD), ABROAD), (same(own_use, 1) & same(at_work, 1), EMPLOYED)], lf)


@indicator("employed", source=_SOURCE)
def employed(lf: pd.Series) -> pd.Series:
    """1 employed, 0 not employed, in the country; missing abroad, which is a state of its own.

    Example: `lf` 1 → 1, 2 → 0, 5 → missing.
    """
    return flag(same(lf, EMPLOYED).mask(same(lf, ABROAD)))


@indicator("discouraged", source=_SOURCE)
def discouraged(lf: pd.Series, why_nosrch: pd.Series) -> pd.Series:
    """1 for the potential labour force that sees no suitable job or does not know where to look.

    Example: `lf` 3 and reason 3 → 1; `lf` 4 and reason 3 → 0.
    """
    return flag((same(lf, POTENTIAL) & one_of(why_nosrch, (3, 4))).mask(same(lf, ABROAD)))


@indicator("underemployed", source="indicators.md 2; time-related underemployment (TRU)")
def underemployed(lf: pd.Series, job_hours: pd.Series, job_more: pd.Series) -> pd.Series:
    """1 for the employed below 35 hours a week who want and can work more; 0 for all others in the country.

    Example: employed, 20 hours, wants more (1) → 1; 40 hours → 0; hours not known, does not want more → 0.
    """
    claim = same(lf, EMPLOYED) & ~at_least(job_hours, FULL_TIME_HOURS) & same(job_more, 1)
    return flag(claim.mask(same(lf, ABROAD)))


@indicator("skill_index", source="indicators.md 9", unit="0–1", dtype="Float64")
def skill_index(skill_use: pd.Series, skill_recog: pd.Series) -> pd.Series:
    """Use and value of skills from Japan: mean of both items, each (code - 1) / 4; both needed.

    Example: used a lot (4), valued a little (2) → (0.75 + 0.25) / 2 = 0.5.
    """
    return ((skill_use - 1) / 4 + (skill_recog - 1) / 4).astype("Float64") / 2


def _branches(
    int_abroad: pd.Series,
    atw_pay: pd.Series,
    at_work: pd.Series,
    agf_chk: pd.Series,
    agf_use: pd.Series,
    wait_abr: pd.Series,
    avail_2w: pd.Series,
    fut_start: pd.Series,
    srch_4w: pd.Series,
    want_work: pd.Series,
) -> list[tuple[pd.Series, int, object]]:
    """The branches of section 2 in order: claim, status, reason."""
    paid, available = same(atw_pay, 1), same(avail_2w, 1)
    searched = same(srch_4w, 1)
    farm = ~paid & same(agf_chk, 1) & one_of(agf_use, (3, 4))
    return [
        (same(int_abroad, 1), ABROAD, pd.NA),
        (paid | (same(at_work, 1) & ~farm), EMPLOYED, pd.NA),
        (same(wait_abr, 1), UNEMPLOYED, "waiting"),
        (available & same(fut_start, 1), UNEMPLOYED, "future_starter"),
        (available & searched, UNEMPLOYED, "seeker"),
        (searched & ~available, POTENTIAL, "seeker_unavailable"),
        (available & same(want_work, 1), POTENTIAL, "available"),
    ]
