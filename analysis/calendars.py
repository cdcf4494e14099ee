"""Calendars: the activity calendars of all waves of a person, joined into one line of spells without gaps.

A calendar row tells when a period began and ended, what the person did and where. Rules (indicators.md,
section 3): when nothing changed since the last interview (`skip`), the last spell runs on to this interview;
otherwise the new rows replace everything from the month of the last interview on. A spell that was there
already is the same spell. Overlaps are cut at the start of the later spell and logged; gaps, and months in
which a date of unknown month leaves two states possible, become unknown. A state corrected later stands
beside the old one (`act_fix`), not over it.

Comes in: `calendar` with person_id, wave, position and the `sp_` columns as answered, missing codes
kept; `interviews` with person_id, wave, int_cm, from_cm (month from which this calendar holds), origin_lo
(first possible month of return), skip (0/1) and act_fix, one row per usable interview.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.claims import surely
from analysis.months import floats, interval
from analysis.spells import UNKNOWN, group, numbered
from instruments.findings import Finding

_NONE = -1  # no activity told: unknown
_PLACE_UNKNOWN = 98
_MONTHS = (
    "start_lo",
    "start",
    "stop",
    "beg_lo",
    "beg_hi",
    "end_lo",
    "end_hi",
    "from_cm",
    "int_cm",
    "act",
    "place",
)
_ORDER = ["person_id", "wave", "beg_lo", "beg_hi", "position"]


class Joined(NamedTuple):
    """Spells of all persons, and what had to be cut, dropped or doubted on the way."""

    spells: pd.DataFrame
    findings: list[Finding]


def spells_of(calendar: pd.DataFrame, interviews: pd.DataFrame) -> Joined:
    """One line of spells per person, from the start of the first calendar to the last interview.

    Spells touch and do not overlap. Columns are those of `panel.SPELLS`; `seam` marks a change told for the
    month of an interview or the month after, `recalled` the months between a change and the interview that
    told it.
    """
    interviews = interviews.sort_values(["person_id", "wave"], ignore_index=True)
    told, lost = _told(calendar, interviews)
    rows = pd.concat([told, _carried(interviews), _silent(interviews, told)], ignore_index=True)
    rows = rows.astype(dict.fromkeys(_MONTHS, "float64")).sort_values(
        _ORDER, ignore_index=True, kind="stable"
    )
    for column in ("act", "place"):
        rows[column] = rows.groupby("person_id", sort=False)[column].ffill()
    findings = lost + _conflicts(rows)
    cut, dropped = _cut(rows)
    spells = _filled(_joined(cut), interviews)
    return Joined(_flagged(spells, interviews), findings + dropped)


def with_record(spells: pd.DataFrame, record: pd.DataFrame) -> pd.DataFrame:
    """The spells, and after them what only the contact record knows (`src` 3).

    `record`: person_id, wave, seen (last month of which it knows), hi (first month known abroad,
    missing for those known to be in place). The months between the last interview and `hi` are unknown
    and the person is abroad in (hi - 1, seen]; those in place are in an unknown state until `seen`.
    """
    record = record[record["person_id"].isin(spells["person_id"])].set_index("person_id")
    gone = floats(spells["person_id"].map(record["hi"])) - 1
    home = spells.assign(stop=np.fmin(floats(spells["stop"]), gone))
    home = home[surely(home["stop"] > home["start"])]
    end = home.groupby("person_id")["stop"].max().reindex(record.index)
    known = record.assign(source_wave=record["wave"], src=3)[["source_wave", "src"]]
    until = np.fmin(floats(record["hi"]) - 1, floats(record["seen"]))
    blank = known.assign(state=UNKNOWN, start=end, stop=until)
    abroad = known.assign(state="abroad", place=4, start=floats(record["hi"]) - 1, stop=record["seen"])
    abroad = abroad.assign(beg_hi=record["hi"], right_cens=1)
    added = pd.concat([blank, abroad]).reset_index()
    added = added[surely(added["stop"] > added["start"])]
    ended = home["person_id"].isin(added["person_id"])
    kept = home.assign(right_cens=home["right_cens"].mask(ended, 0))
    return numbered(pd.concat([kept, added], ignore_index=True))


def _told(calendar: pd.DataFrame, interviews: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Calendar rows as intervals cut to their window; rows without a possible date are logged."""
    held = interviews[~surely(interviews["skip"] == 1)]
    rows = calendar.merge(held, on=["person_id", "wave"], how="inner").sort_values(
        ["person_id", "wave", "position"], ignore_index=True
    )
    int_cm, from_cm = floats(rows["int_cm"]), floats(rows["from_cm"])
    rows["on"] = surely(rows["sp_on"] == 1)
    first = (rows.groupby(["person_id", "wave"], sort=False).cumcount() == 0).to_numpy()
    earliest = np.where(first, floats(rows["origin_lo"]), from_cm)
    beg = interval(rows["sp_beg_y"], rows["sp_beg_m"], not_before=earliest, not_after=int_cm)
    within = np.fmax(beg.lo, from_cm)
    end = interval(rows["sp_end_y"], rows["sp_end_m"], not_before=within, not_after=int_cm)
    rows["end_lo"], rows["end_hi"] = (np.where(rows["on"], int_cm, e) for e in end)
    no_year = rows["sp_beg_y"].isna() | (rows["sp_beg_y"] == 9998)
    rows["beg_lo"], rows["beg_hi"] = beg.lo, np.where(first & no_year, from_cm, beg.hi)
    rows = _bounded_by_order(rows)
    rows["act"] = floats(rows["sp_state"].fillna(_NONE))
    rows["place"] = floats(rows["sp_place"].fillna(_PLACE_UNKNOWN))
    rows["start_lo"] = np.fmax(floats(rows["beg_lo"]), from_cm) - 1
    rows["start"] = np.fmax(floats(rows["beg_hi"]), from_cm) - 1
    exact = rows["end_lo"] == rows["end_hi"]
    rows["stop"] = np.fmin(np.where(exact, rows["end_lo"], rows["end_lo"] - 1), int_cm)
    possible = surely(rows["beg_lo"] <= rows["beg_hi"]) | surely(first & no_year)
    return rows[possible].assign(carried=False), _undated(rows[~possible])


def _bounded_by_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Unknown months cut by the row before, the row after and the row's own end."""
    keys = [rows["person_id"], rows["wave"]]
    fuzzy = (rows["beg_lo"] != rows["beg_hi"]) & rows["beg_hi"].notna()
    by = rows.groupby(keys, sort=False)
    ended = by["end_lo"].shift().where(by["end_hi"].shift() == by["end_lo"].shift())
    earliest = np.fmax(rows["beg_lo"], ended).groupby(keys, sort=False).cummax()
    later = np.fmin(rows["beg_hi"], rows["end_hi"])[::-1]
    latest = later.groupby([k[::-1] for k in keys], sort=False).cummin()[::-1]
    return rows.assign(
        beg_lo=rows["beg_lo"].where(~fuzzy, earliest), beg_hi=rows["beg_hi"].where(~fuzzy, latest)
    )


def _carried(interviews: pd.DataFrame) -> pd.DataFrame:
    """One row per interview at which nothing had changed: the activity before runs on to it."""
    rows = _whole_window(interviews[surely(interviews["skip"] == 1)])
    later = dict.fromkeys(("start_lo", "start"), rows["beg_lo"])  # the month before is told already
    return rows.assign(act=np.nan, place=np.nan, on=True, carried=True, **later)


def _silent(interviews: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """One row per interview without any calendar: unknown up to it."""
    has = pd.MultiIndex.from_frame(interviews[["person_id", "wave"]]).isin(
        pd.MultiIndex.from_frame(told[["person_id", "wave"]])
    )
    rows = interviews[~has & ~surely(interviews["skip"] == 1)]
    return _whole_window(rows).assign(act=float(_NONE), place=float(_PLACE_UNKNOWN), on=False, carried=False)


def _whole_window(rows: pd.DataFrame) -> pd.DataFrame:
    start = floats(rows["from_cm"])
    return rows.assign(
        position=0,
        beg_lo=start,
        beg_hi=start,
        start_lo=start - 1,
        start=start - 1,
        stop=floats(rows["int_cm"]),
    )


def _cut(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Each row ended where the first later row may begin; rows of which nothing is left are logged."""
    upward = rows[::-1]
    first_later = upward.groupby("person_id", sort=False)["start_lo"].cummin()[::-1]
    following = first_later.groupby(rows["person_id"], sort=False).shift(-1)
    cut = rows.assign(stop=np.fmin(rows["stop"], following))
    empty = surely(cut["stop"] <= cut["start"])
    gone = cut[empty & ~surely(cut["carried"]) & surely(cut["act"] != _NONE)]
    return cut[~empty].reset_index(drop=True), [
        Finding(
            "note",
            "spell.no_month",
            _where(row),
            "The period ends before the window or within one month; no month is left for it.",
        )
        for row in gone.to_dict("records")
    ]


def _conflicts(rows: pd.DataFrame) -> list[Finding]:
    """Overlaps and gaps inside one calendar, and changes between two that nobody saw."""
    after = rows.shift(-1)
    person = surely(rows["person_id"] == after["person_id"])
    wave = person & surely(rows["wave"] == after["wave"])
    seen_on = person & ~wave & surely(rows["on"]) & surely(after["beg_hi"] < after["from_cm"])
    other = surely(rows["act"] != after["act"]) & surely(after["act"] != _NONE) & ~surely(after["carried"])
    overlap = wave & surely(rows["stop"] > after["start_lo"] + 1)
    dated = surely(rows["end_lo"] == rows["end_hi"]) & surely(after["beg_lo"] == after["beg_hi"])
    gap = wave & dated & surely(rows["stop"] < after["start_lo"])
    kinds = {
        "overlap": (overlap, "overlaps the next; cut where that begins"),
        "gap": (gap, "ends before the next begins; unknown between"),
        "teleport": (
            seen_on & other,
            "was still going on, but the next calendar tells another activity then",
        ),
    }
    return [
        Finding("warning", f"spell.{kind}", _where(row), f"Period {int(row['position'])} {words}.")
        for kind, (mask, words) in kinds.items()
        for row in rows[mask].to_dict("records")
    ]


def _undated(rows: pd.DataFrame) -> list[Finding]:
    return [
        Finding(
            "warning",
            "spell.no_date",
            _where(row),
            f"Period {int(row['position'])} has no start that fits its neighbours; left unknown.",
        )
        for row in rows.to_dict("records")
    ]


def _where(row: dict) -> str:
    return f"calendar/{row['person_id']}/wave {int(row['wave'])}"


def _joined(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of later waves that continue the spell before, joined to it."""
    before = rows.shift()
    touching = surely(rows["person_id"] == before["person_id"]) & surely(rows["start"] == before["stop"])
    later = surely(rows["wave"] > before["wave"]) & surely(rows["beg_hi"] <= rows["from_cm"])
    alike = surely(rows["act"] == before["act"]) & surely(rows["place"] == before["place"])
    same = touching & (surely(rows["carried"]) | (surely(before["on"]) & later & alike))
    spells = rows.groupby(np.cumsum(~same), sort=False)
    first, last = spells.nth(0).reset_index(drop=True), spells.nth(-1).reset_index(drop=True)
    return first.assign(stop=last["stop"], on=last["on"])


def _filled(rows: pd.DataFrame, interviews: pd.DataFrame) -> pd.DataFrame:
    """The rows with every month between them, before the first and after the last as unknown spells."""
    met = interviews.groupby("person_id", sort=False)
    ends = met.agg(first=("from_cm", "first"), last=("int_cm", "last"), wave=("wave", "last"))
    first = ~surely(rows["person_id"] == rows["person_id"].shift())
    before = rows["stop"].shift().where(~first, rows["person_id"].map(ends["first"]).astype("Float64") - 1)
    gaps = rows.assign(start=floats(before), stop=rows["start"])
    final = rows[~surely(rows["person_id"] == rows["person_id"].shift(-1))]
    tails = final.assign(start=final["stop"], stop=floats(final["person_id"].map(ends["last"])))
    nothing = ends[~ends.index.isin(rows["person_id"])].reset_index()
    whole = nothing.assign(
        start=floats(nothing["first"]) - 1, stop=floats(nothing["last"]), int_cm=nothing["last"]
    )
    blanks = pd.concat([gaps, tails, whole], ignore_index=True)
    blanks = blanks[surely(blanks["stop"] > blanks["start"])]
    blanks = blanks.assign(
        act=float(_NONE), place=np.nan, on=False, beg_lo=np.nan, beg_hi=np.nan, filler=True
    )
    return pd.concat([rows.assign(filler=False), blanks], ignore_index=True)


def _flagged(rows: pd.DataFrame, interviews: pd.DataFrame) -> pd.DataFrame:
    rows = numbered(rows)
    act = rows["act"].where(~rows["act"].isin([_NONE, 98])).astype("Int64")
    place = rows["place"].where(rows["place"] != _PLACE_UNKNOWN).astype("Int64")
    first = surely(rows["spell"] == 1)
    last = ~surely(rows["person_id"] == rows["person_id"].shift(-1))
    told = ~surely(rows["filler"])
    early = surely(rows["beg_lo"] < rows["from_cm"]) | surely(rows["beg_lo"].isna())
    return rows.assign(
        state=group(act, place),
        act=act,
        place=place,
        beg_fuzzy=_int(told & ~surely(rows["beg_lo"] == rows["beg_hi"])),
        seam=_int(told & ~first & _at_seam(rows, interviews)),
        recalled=rows["int_cm"] - rows["start"] - 1,
        source_wave=rows["wave"],
        src=1,
        left_trunc=_int(first & early),
        right_cens=_int(last & surely(rows["on"])),
        act_fix=_corrections(rows, interviews),
    )


def _int(mask: np.ndarray) -> pd.api.extensions.ExtensionArray:
    return pd.array(mask.astype("int64"), dtype="Int64")


def _at_seam(rows: pd.DataFrame, interviews: pd.DataFrame) -> np.ndarray:
    """Whether a spell begins in the month of an interview or the month after it."""
    met = interviews["person_id"].to_numpy(dtype=object), floats(interviews["int_cm"])
    here = pd.MultiIndex.from_arrays([rows["person_id"].to_numpy(dtype=object), floats(rows["start"]) + 1])
    return here.isin(pd.MultiIndex.from_arrays(met)) | here.isin(
        pd.MultiIndex.from_arrays([met[0], met[1] + 1])
    )


def _corrections(rows: pd.DataFrame, interviews: pd.DataFrame) -> pd.Series:
    """What a later interview told instead, on the spell that held at the interview it corrects."""
    fixes = interviews[interviews["act_fix"].notna()]
    made = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for fix in fixes.itertuples():  # a handful of persons
        before = surely(rows["person_id"] == fix.person_id) & surely(rows["wave"] < fix.wave)
        held = np.flatnonzero(before & surely(rows["start"] < fix.from_cm))
        if len(held):
            made.iloc[held[-1]] = fix.act_fix
    return made
