"""Spells: periods in one state as (start, stop] in century months, checked, merged, and turned into months
and back.

A spell holds for the months m with start < m <= stop; the state of a month is the one at its end. Here live
the grouping of activities, the check in the manner of R's survcheck (overlap, gap, jump, teleport), merging,
and the way to person-months and back. How spells come about from the calendar of a form stands in
`analysis.calendars`; models do not live here. Source: indicators.md, section 3. A frame of spells has at
least person_id, start, stop and state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.claims import surely
from instruments.findings import Finding

STATES = ("employed", "own_farm", "looking", "waiting", "study", "home", "abroad", "unknown")
UNKNOWN, ABROAD = "unknown", "abroad"
PLACE_ABROAD = 4

_GROUPS = {
    "employed": (1, 2, 3, 4),
    "own_farm": (5,),
    "looking": (6,),
    "waiting": (7,),
    "study": (8,),
    "home": (9, 10, 11),
    "abroad": (12,),
}
_STATE_OF = {act: state for state, acts in _GROUPS.items() for act in acts}


def group(act: pd.Series, place: pd.Series | None = None) -> pd.Series:
    """The grouped state of an activity code (list `act_state`), abroad wherever the place is abroad.

    "Other" (96) waits for its coding and is unknown until then, like "don't know" and missing.
    """
    state = act.map(_STATE_OF).astype("string").fillna(UNKNOWN)
    return state if place is None else state.mask(surely(place == PLACE_ABROAD), ABROAD)


def validate(spells: pd.DataFrame) -> list[Finding]:
    """What is wrong between consecutive spells of a person, one finding each.

    overlap: a spell starts before the one before it stops. gap: it starts later, in the same state. jump: it
    starts later and in another state. teleport: it follows at once in another state although the one before
    was still going on (`right_cens` = 1), so nobody saw the change.
    """
    rows = spells.sort_values(["person_id", "start", "stop"], ignore_index=True)
    before = rows.shift()
    person = surely(rows["person_id"] == before["person_id"])
    overlap = person & surely(rows["start"] < before["stop"])
    late = person & surely(rows["start"] > before["stop"])
    changed = surely(rows["state"] != before["state"])
    going_on = surely(before["right_cens"] == 1) if "right_cens" in rows else np.zeros(len(rows), bool)
    masks = {
        "overlap": overlap,
        "gap": late & ~changed,
        "jump": late & changed,
        "teleport": person & ~overlap & ~late & changed & going_on,
    }
    return [
        _finding(kind, before.loc[i], rows.loc[i])
        for kind, mask in masks.items()
        for i in np.flatnonzero(mask)
    ]


def merge(spells: pd.DataFrame, by: Sequence[str] = ("state",)) -> pd.DataFrame:
    """Consecutive spells that touch and agree in `by` as one spell; other columns are those of the first.

    For group analyses `by=("state",)`; analyses of jobs keep the spells as they are.
    """
    rows = spells.sort_values(["person_id", "start"], ignore_index=True)
    before = rows.shift()
    same = surely(rows["person_id"] == before["person_id"]) & surely(rows["start"] == before["stop"])
    for column in by:
        same &= surely(rows[column] == before[column]) | surely(rows[column].isna() & before[column].isna())
    number = np.cumsum(~same)
    last = [c for c in ("stop", "right_cens") if c in rows]
    how = {c: "last" if c in last else "first" for c in rows}
    merged = rows.groupby(number, sort=False)
    made = pd.DataFrame({c: merged[c].nth(0 if h == "first" else -1).array for c, h in how.items()})
    return numbered(made) if "spell" in made else made


def numbered(spells: pd.DataFrame) -> pd.DataFrame:
    """The spells in order, `spell` counting from 1 within each person."""
    rows = spells.sort_values(["person_id", "start"], ignore_index=True)
    return rows.assign(spell=(rows.groupby("person_id", sort=False).cumcount() + 1).astype("Int64"))


def person_months(spells: pd.DataFrame) -> pd.DataFrame:
    """One row per person and month: the columns of the spells without start and stop, and `cm`.

    Rows are in the order person_id, cm. Spells must not overlap (see `validate`); gaps give no rows.
    """
    rows = spells.sort_values(["person_id", "start"], ignore_index=True)
    start, stop = (rows[c].to_numpy(dtype="int64") for c in ("start", "stop"))
    length = stop - start
    which = np.repeat(np.arange(len(rows)), length)
    within = np.arange(len(which)) - np.repeat(np.cumsum(length) - length, length)
    months = rows.drop(columns=["start", "stop"]).iloc[which].reset_index(drop=True)
    months.insert(1, "cm", pd.array(np.repeat(start, length) + within + 1, dtype="Int64"))
    return months


def from_months(months: pd.DataFrame, by: Sequence[str] = ("state",)) -> pd.DataFrame:
    """The longest spells that give these person-months; undoes `person_months` for merged spells."""
    rows = months.assign(start=months["cm"] - 1, stop=months["cm"]).drop(columns="cm")
    return merge(rows, by)


def _finding(kind: str, before: pd.Series, after: pd.Series) -> Finding:
    return Finding(
        "warning",
        f"spell.{kind}",
        f"spells/{after['person_id']}",
        f"{before['state']} ({before['start']}, {before['stop']}] is followed by {after['state']} "
        f"({after['start']}, {after['stop']}]; look at the calendars of both waves.",
    )
