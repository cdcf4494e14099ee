"""Rates by group: response and retention of the field as it stands, by what a person is or who had the case.

Groups come from the person file (sex, programme, province, part of the sample …) and from assignments
(interviewer); the formulas are `analysis.rates`. Nobody is named: a group of persons is a code and its words.
Chain-referral cases have no response rate and are left out of it, said as a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from sqlmodel import Session

from analysis import panel, rates
from instruments.codebook import Codebook
from survey import cases, responses

BY = {  # what may be asked for → the column of the person file
    "sex": "sex",
    "programme": "jp_prog1",
    "province": "prov_ret34",
    "track": "track",
    "source": "frame_src",
    "ladder": "ladder0",
    "since_return": "entry",
}
ENUMERATOR = "enumerator"
KINDS = ("response", "panel")
REFERRAL = 6  # frame_src of those brought by another respondent
BANDS = (0, 6, 12, 24, 60, 121)  # months between return and baseline, the first of each band
NOBODY = "nobody"  # had the case in that wave


@dataclass(frozen=True, slots=True)
class Rates:
    """One row per group and wave, and how many persons came by referral and stand in no response rate."""

    rows: tuple[dict[str, Any], ...]
    referred: int


def read(session: Session, *, seed: int, kind: str, by: str = "", language: str = "en") -> Rates:
    """The rates of the field as it stands; `by` is a key of `BY`, ENUMERATOR or "" for everybody together.

    Raises
    ------
    ValueError
        Retention of an interviewer is asked for: a person may have several over the waves.
    """
    if kind == "panel" and by == ENUMERATOR:
        raise ValueError(
            "a person may have several interviewers over the waves: ask for response by enumerator"
        )
    seen = responses.read(session, seed=seed)
    frames = panel.build(seen.frames, seen.codebook).frames
    persons, waves = frames["persons"].set_index("person_id"), frames["person_waves"]
    referred = persons.index[persons["frame_src"].eq(REFERRAL).fillna(False)]
    if kind == "response":
        waves = waves[~waves["person_id"].isin(referred)]
    group = _group(session, persons, waves, by, seen.codebook, language)
    made = (rates.response_by if kind == "response" else rates.panel_by)(waves, group)
    return Rates(tuple(_row(record, by) for record in made.to_dict("records")), len(referred))


def _group(
    session: Session, persons: pd.DataFrame, waves: pd.DataFrame, by: str, words: Codebook, language: str
) -> pd.Series:
    """The group of every person-wave, in words."""
    if not by:
        return pd.Series("all", waves.index, dtype="string")
    if by == ENUMERATOR:
        held = cases.table(session)
        person = dict(zip(held["case_id"], held["person_id"], strict=True))
        given = {(person[case], wave): who for (case, wave), who in cases.enumerators_of(session).items()}
        keys = zip(waves["person_id"], waves["wave"], strict=True)
        return pd.Series([given.get((p, int(w)), NOBODY) for p, w in keys], waves.index, dtype="string")
    column = BY[by]
    told = persons[column]
    if by == "since_return":
        names = [f"{low:02}–{high - 1:02} months" for low, high in pairwise(BANDS)]
        text = pd.cut(told.astype("Float64"), BANDS, right=False, labels=names).astype("string")
    else:
        known = {code: words.choice_label(column, code, language) for code in told.dropna().unique()}
        text = told.map(known).astype("string")
    return waves["person_id"].map(text).astype("string")


def _row(record: dict[str, Any], by: str) -> dict[str, Any]:
    """One row for printing: shares as percent with one decimal, the rest as it is."""
    shown = {by or "group": record.pop("group")}
    for name, value in record.items():
        share = name in rates.AAPOR or name in rates.SHARES
        shown[name] = ("" if pd.isna(value) else f"{value:.1%}") if share else value
    return shown
