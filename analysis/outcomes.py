"""Outcomes: the final AAPOR code of a case in a wave, from its attempts and its interview.

Codes are AAPOR's for surveys of named persons times 1,000; classes and the order "most advanced first" follow
indicators.md, section 11. An interview speaks for itself: whether it is complete, partial or broken off is
read from what is filled, and an attempt that claims an interview nobody has is logged and left aside. Living
abroad is eligible. Rates made of these codes stand in `analysis.rates`.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims import choose, same, surely
from instruments.findings import Finding

COMPLETE, PARTIAL, APPOINTMENT, REFUSAL, BREAK_OFF = 1100, 1200, 1900, 2110, 2120
ABROAD_NOT_REACHED, DIED, NOT_ELIGIBLE, DUPLICATE = 2240, 4100, 4200, 4300

CLASSES = {
    "I": (1100,),
    "P": (1200,),
    "R": (2110, 2111, 2120, 2130),
    "NC": (2210, 2220, 2230, 2240),
    "O": (1900, 2320, 2330, 2340),
    "U": (3100, 3200),
    "NE": (4100, 4200, 4300),
}
_CLASS = {code: name for name, codes in CLASSES.items() for code in codes}

_FIRST_TO_LAST = (
    (4100, 4200, 4300),
    (1100,),
    (1200,),
    (2130,),
    (2110, 2111),
    (2120,),
    (1900, 2320, 2330, 2340),
    (2210, 2220, 2230, 2240),
    (3100, 3200),
)
_RANK = {code: rank for rank, codes in enumerate(_FIRST_TO_LAST) for code in codes}


def outcome_class(outcome: pd.Series) -> pd.Series:
    """The class of a final code: I, P, R, NC, O, U or NE (not eligible).

    An appointment (1900) that never became an interview is a contact without one and counts as O.
    """
    return outcome.map(_CLASS).astype("string")


def final_outcome(attempts: pd.DataFrame, interviews: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """The final code per person and wave, and what was claimed without an interview.

    Parameters
    ----------
    attempts
        person_id, wave, att_no, att_res as answered.
    interviews
        person_id, wave, outcome: the code an interview speaks for (`interview_outcome`).

    Returns
    -------
    DataFrame
        person_id, wave, outcome, in the order of both keys. Death, ineligibility and duplicates override all;
        else the most advanced code; among equals the latest attempt.
    """
    keys = ["person_id", "wave"]
    tried = attempts.rename(columns={"att_res": "outcome"})[[*keys, "att_no", "outcome"]]
    tried = tried[tried["outcome"].isin(list(_RANK))]
    claimed = tried["outcome"].isin([COMPLETE, PARTIAL])
    backed = pd.MultiIndex.from_frame(tried[keys]).isin(pd.MultiIndex.from_frame(interviews[keys]))
    empty = tried[claimed & ~backed]
    findings = [
        Finding(
            "warning",
            "outcome.no_interview",
            f"attempts/{row.person_id}/wave {row.wave}",
            "The attempt says interviewed, but none has arrived; look for an unsent form on the tablet.",
        )
        for row in empty.itertuples()
    ]
    spoken = interviews[[*keys, "outcome"]].dropna().assign(att_no=0)
    codes = pd.concat([tried[~claimed], spoken], ignore_index=True)
    ranked = codes.assign(rank=codes["outcome"].map(_RANK)).sort_values(
        [*keys, "rank", "att_no"], ascending=[True, True, True, False]
    )
    return ranked.drop_duplicates(keys)[[*keys, "outcome"]].reset_index(drop=True), findings


def interview_outcome(answers: pd.DataFrame) -> pd.Series:
    """The code an interview form speaks for: complete, partial, break-off, refusal or not eligible.

    Complete: consent, and labour force, calendar and plans filled; a person abroad is asked only where he
    lives and the calendar. Partial: at least labour force status and place are known. `answers` needs
    con_part, elig, res_code, at_work, int_abroad, int_plan, int_des and has_calendar (0/1, a calendar that
    needed no row counts).
    """
    consent = same(answers["con_part"], 1)
    away = surely(same(answers["int_abroad"], 1))
    work = answers["at_work"].notna() | away
    plans = (answers["int_plan"].notna() | answers["int_des"].notna()) | away
    calendar = surely(same(answers["has_calendar"], 1))
    place = answers["int_abroad"].notna()
    complete = consent & (work & plans & calendar)
    refused = same(answers["con_part"], 0)
    out = same(answers["elig"], 0)
    duplicate = same(answers["res_code"], DUPLICATE)
    return choose(
        [
            (pd.Series(surely(duplicate), index=answers.index), DUPLICATE),
            (pd.Series(surely(out), index=answers.index), NOT_ELIGIBLE),
            (pd.Series(surely(refused), index=answers.index), _refusal(answers["res_code"])),
            (pd.Series(surely(complete), index=answers.index), COMPLETE),
            (pd.Series(surely(consent) & (work & place).to_numpy(bool), index=answers.index), PARTIAL),
            (pd.Series(surely(consent), index=answers.index), BREAK_OFF),
        ],
        pd.NA,
    )


def _refusal(res_code: pd.Series) -> pd.Series:
    """What the interviewer coded for a form without consent, if it is a code for that; else a refusal."""
    stated = res_code.isin([code for code in _RANK if code not in (COMPLETE, PARTIAL, BREAK_OFF)])
    return res_code.where(stated, REFUSAL).astype("Int64")
