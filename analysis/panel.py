"""Panel: from typed responses to the frames of a release, and the contract of each frame.

`FRAMES` states each frame once as columns and types; everything in `analysis` that reads or makes one of them
trusts it. Months are century months, intervals (L, R] months since return, flags 0/1. A column that no
computation makes (`marital`, `sav_ret`, …) is the answer itself under its name in the form; computed ones are
rows of `instruments/derived.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import answers, events
from analysis.calendars import spells_of, with_record
from analysis.claims import same, surely
from analysis.months import at_risk, floats
from analysis.outcomes import final_outcome
from analysis.persons import person_rows
from analysis.spells import person_months
from analysis.waves import wave_rows
from instruments.codebook import Codebook
from instruments.findings import Finding

Columns = tuple[tuple[str, str], ...]

PERSONS: Columns = (
    ("person_id", "string"),
    ("track", "string"),  # inflow or stock
    ("corridor", "Int64"),
    ("frame_src", "Int64"),
    ("psu", "string"),
    ("stratum", "string"),
    ("incl_prob", "Float64"),
    ("case_status", "string"),
    ("sex", "Int64"),
    ("birth_y", "Int64"),
    ("age_ret", "Int64"),
    ("edu_now", "Int64"),
    ("area", "Int64"),
    ("prov_birth", "string"),
    ("prov_ret", "string"),
    ("prov_ret34", "string"),
    ("pre_act", "Int64"),
    ("jp_prog1", "Int64"),
    ("jp_prog2", "Int64"),
    ("jp_sector", "Int64"),
    ("jp_pref", "Int64"),
    ("ret_why", "Int64"),
    ("dep_lo", "Int64"),
    ("dep_hi", "Int64"),
    ("ret_lo", "Int64"),
    ("ret_hi", "Int64"),
    ("abroad_mo", "Int64"),
    ("base_cm", "Int64"),  # month of the baseline interview; missing if there was none
    ("entry", "Int64"),
    ("inflow", "Int64"),
    ("loan_amt", "Float64"),
    ("rc_ccy", "Int64"),
    ("sav_ret", "Float64"),
    ("sav_ccy", "Int64"),
    ("mdebt_open0", "Int64"),
    ("debt_any0", "Int64"),
    ("willing", "Float64"),
    ("ready", "Float64"),
    ("assisted0", "Int64"),
    ("intent0", "Int64"),
    ("ladder0", "Int64"),
    ("unsd98", "Int64"),
    ("unsd98_long", "Int64"),
    ("icls20_ret_worker", "Int64"),
    ("hoang2020", "Int64"),
    ("cris", "Int64"),
    ("ttfj_L", "Int64"),
    ("ttfj_R", "Int64"),  # missing where no first job was seen
    ("ttfj_event", "Int64"),
    ("ttfj_src", "Int64"),  # 1 told at baseline, 2 calendar of a later wave
    ("rm_start", "Int64"),  # delayed entry
    ("rm_L", "Int64"),
    ("rm_R", "Int64"),  # missing where nothing happened
    ("rm_cause", "Int64"),  # 0 censored, 1 abroad, 2 internal move, 3 death
    ("rm_src", "Int64"),  # 1 own report, 3 contact record
    ("rm_ctry", "Int64"),
    ("lost", "Int64"),
    ("last_cm", "Int64"),
    ("outcome0", "Int64"),
)

PERSON_WAVES: Columns = (
    ("person_id", "string"),
    ("wave", "Int64"),
    ("track", "string"),
    ("psu", "string"),
    ("stratum", "string"),
    ("due_cm", "Int64"),
    ("int_cm", "Int64"),
    ("outcome", "Int64"),  # AAPOR × 1000
    ("outcome_class", "string"),  # I P R NC O U NE; missing while the wave is open and undecided
    ("n_attempts", "Int64"),
    ("mode", "Int64"),
    ("interviewed", "Int64"),
    ("status_known", "Int64"),
    ("t_ret", "Int64"),
    ("cur_loc", "Int64"),
    ("abroad", "Int64"),
    ("act", "Int64"),
    ("state", "string"),
    ("act_fix", "Int64"),
    ("lf", "Int64"),
    ("lf_why", "string"),
    ("lf_dom", "Int64"),
    ("lf_13", "Int64"),
    ("own_use", "Int64"),
    ("employed", "Int64"),
    ("discouraged", "Int64"),
    ("underemployed", "Int64"),
    ("job_pay", "Float64"),
    ("job_hours", "Int64"),
    ("int_prob", "Int64"),
    ("ladder", "Int64"),
    ("intent", "Int64"),
    ("int_unwilling", "Int64"),
    ("prep_no_plan", "Int64"),
    ("int_dest1", "Int64"),
    ("inc_own", "Float64"),
    ("debt_any", "Int64"),
    ("debt_amt", "Float64"),
    ("debt_pay", "Float64"),
    ("dsr", "Float64"),
    ("dsr_inf", "Int64"),
    ("dti", "Float64"),
    ("mdebt_open", "Int64"),
    ("sav_any", "Int64"),
    ("marital", "Int64"),
    ("hh_size", "Int64"),
    ("hh_child", "Int64"),
    ("hh_abroad", "Int64"),
    ("com_rich", "Int64"),
    ("fam_index", "Float64"),
    ("distress", "Int64"),
    ("life_sat", "Int64"),
    ("assisted", "Int64"),
    ("train_any", "Int64"),
    ("skill_index", "Float64"),
)

SPELLS: Columns = (
    ("person_id", "string"),
    ("spell", "Int64"),
    ("state", "string"),
    ("act", "Int64"),
    ("place", "Int64"),
    ("start", "Int64"),  # months m with start < m <= stop
    ("stop", "Int64"),
    ("beg_lo", "Int64"),
    ("beg_hi", "Int64"),
    ("beg_fuzzy", "Int64"),
    ("seam", "Int64"),
    ("recalled", "Int64"),
    ("source_wave", "Int64"),
    ("src", "Int64"),
    ("left_trunc", "Int64"),
    ("right_cens", "Int64"),
    ("act_fix", "Int64"),
)

PERSON_MONTHS: Columns = (
    ("person_id", "string"),
    ("cm", "Int64"),
    ("t_ret", "Int64"),
    ("state", "string"),
    ("act", "Int64"),
    ("employed", "Int64"),
    ("abroad", "Int64"),
    ("pre_entry", "Int64"),
    ("at_risk", "Int64"),
    ("recalled", "Int64"),
    ("wave", "Int64"),
    ("src", "Int64"),
)

ATTEMPTS: Columns = (
    ("person_id", "string"),
    ("wave", "Int64"),
    ("att_no", "Int64"),
    ("mode", "Int64"),
    ("who", "Int64"),
    ("res", "Int64"),
    ("att_cm", "Int64"),
)

RETRACTIONS: Columns = (
    ("person_id", "string"),
    ("wave", "Int64"),  # of the answer that is said to be wrong
    ("variable", "string"),
    ("old", "string"),
    ("new", "string"),
    ("source_wave", "Int64"),
    ("source", "string"),
)

FRAMES: Mapping[str, Columns] = {
    "persons": PERSONS,
    "person_waves": PERSON_WAVES,
    "spells": SPELLS,
    "person_months": PERSON_MONTHS,
    "attempts": ATTEMPTS,
    "retractions": RETRACTIONS,
}


class Panel(NamedTuple):
    """The frames of a release by name, and what was doubted while they were built."""

    frames: dict[str, pd.DataFrame]
    findings: list[Finding]


def build_frames(responses: Mapping[str, pd.DataFrame], codebook: Codebook) -> dict[str, pd.DataFrame]:
    """The frames of `FRAMES` from typed responses; `build` gives the findings too."""
    return build(responses, codebook).frames


def build(responses: Mapping[str, pd.DataFrame], codebook: Codebook) -> Panel:
    """The frames of a release, and findings about what had to be cut, dropped or doubted.

    Parameters
    ----------
    responses
        "baseline" and "followup": person_id, wave, interview_cm and the answers of the form, missing codes
        kept. "baseline_calendar" and "followup_calendar": person_id, wave, position and the `sp_` columns.
        "attempts": the contact form with att_cm. "issued": one row per person and wave whose window has
        opened. "retractions", if there are any: person_id, wave, variable, old, new, source_wave, source.
    codebook
        Of the forms, for their missing codes.
    """
    issued = responses["issued"].sort_values(["person_id", "wave"], ignore_index=True)
    tried = answers.known(responses["attempts"], codebook, answers.CONTACT_FORM)
    talked, doubts = answers.interviews(responses, codebook)
    final, claims = final_outcome(tried, talked)
    baseline = talked[surely(talked["wave"] == 0) & talked["usable"]]
    returned = answers.returns(baseline)
    held = answers.windows(talked, returned)
    line = spells_of(answers.calendar(responses), held)
    waves = wave_rows(issued, talked, tried, final, returned, line.spells)
    persons = person_rows(issued, baseline, returned, waves, tried, talked, line.spells)
    spells = with_record(line.spells, _known_by_record(persons, tried, held))
    frames = {
        "persons": persons,
        "person_waves": waves,
        "spells": spells,
        "person_months": _months(spells, persons, held),
        "attempts": _attempts(tried),
        "retractions": responses.get("retractions", conform(pd.DataFrame(), RETRACTIONS)),
    }
    made = {name: conform(_in_order(frames[name]), columns) for name, columns in FRAMES.items()}
    return Panel(made, [*doubts, *claims, *line.findings])


def conform(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The frame with exactly these columns in this order and type; a column it lacks is missing throughout.

    Raises
    ------
    ValueError
        A column cannot take its type; the message names it.
    """
    made = {name: _as(frame, name, dtype) for name, dtype in columns}
    return pd.DataFrame(made).reset_index(drop=True)


def _as(frame: pd.DataFrame, name: str, dtype: str) -> pd.Series:
    if name not in frame:
        return pd.Series(pd.NA, index=frame.index, dtype=dtype)
    try:
        return frame[name].astype(dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Column {name} does not hold {dtype}.") from error


def _attempts(tried: pd.DataFrame) -> pd.DataFrame:
    """The contact record, numbered in the order in which the attempts were made."""
    number = tried.groupby(["person_id", "wave"], sort=False).cumcount() + 1
    return tried.rename(columns={"att_mode": "mode", "att_who": "who", "att_res": "res"}).assign(
        att_no=number
    )


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    known = ("person_id", "wave", "spell", "cm", "att_no", "source_wave", "source")
    keys = [k for k in known if k in frame and not (k == "source_wave" and "spell" in frame)]
    order = ["person_id", "cm"] if "cm" in keys else keys
    return frame.sort_values(order, ignore_index=True, kind="stable")


def _known_by_record(persons: pd.DataFrame, tried: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """What the contact record alone knows: abroad from `hi`, or in place until `seen`."""
    by_record = surely(same(persons["rm_cause"], events.ABROAD)) & surely(
        same(persons["rm_src"], events.RECORD)
    )
    away = tried[surely(tried["whereab"] == 4) | surely(tried["att_res"] == 2240)]
    last = away.sort_values(["person_id", "att_cm"]).drop_duplicates("person_id", keep="last")
    left = persons.loc[by_record, ["person_id", "event_hi"]].merge(last, on="person_id")
    left = left.rename(columns={"event_hi": "hi", "att_cm": "seen"})
    told = held.groupby("person_id").agg(told=("int_cm", "last"), wave=("wave", "last"))
    stay = persons.loc[surely(same(persons["rm_cause"], 0)), ["person_id", "last_cm"]].join(
        told, on="person_id"
    )
    stay = stay[surely(stay["last_cm"] > stay["told"])].rename(columns={"last_cm": "seen"}).assign(hi=pd.NA)
    rows = pd.concat([left, stay], ignore_index=True)[["person_id", "wave", "seen", "hi"]]
    return rows.astype({"hi": "Int64", "seen": "Int64"})


def _months(spells: pd.DataFrame, persons: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Person-months with time since return, the wave that told them and who is at risk."""
    rows = person_months(spells)
    person = persons.set_index("person_id")
    of = {c: floats(rows["person_id"].map(person[c])) for c in ("ret_hi", "base_cm", "last_cm", "event_hi")}
    cm = floats(rows["cm"])
    until = np.where(np.isnan(of["event_hi"]), of["last_cm"], of["event_hi"] + 1)
    unknown, abroad = surely(rows["state"] == "unknown"), surely(rows["state"] == "abroad")
    by_record = surely(rows["src"] == events.RECORD)
    wave, int_cm = _told_in(rows, held)
    return rows.assign(
        t_ret=cm - of["ret_hi"],
        employed=pd.array(np.where(unknown | abroad, np.nan, surely(rows["state"] == "employed"))),
        abroad=pd.array(np.where(unknown, np.nan, abroad)),
        pre_entry=(cm < of["base_cm"]).astype("int64"),
        at_risk=at_risk(cm, entry=of["base_cm"], until=until).astype("int64"),
        recalled=np.where(by_record, np.nan, int_cm - cm),
        wave=np.where(by_record, floats(rows["source_wave"]), wave),
    )


def _told_in(months: pd.DataFrame, held: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The wave that tells of each month, and the month of its interview.

    The month of an interview belongs to the next one, whose calendar holds from it on, if there is a next
    one.
    """
    keys = months[["person_id"]].assign(cm=floats(months["cm"]), row=np.arange(len(months))).sort_values("cm")
    told = held[["person_id", "wave", "int_cm"]].assign(int_cm=floats(held["int_cm"])).sort_values("int_cm")
    how = {"left_on": "cm", "right_on": "int_cm", "by": "person_id"}
    after = pd.merge_asof(keys, told, direction="forward", allow_exact_matches=False, **how)
    last = pd.merge_asof(keys, told, direction="backward", **how)
    joined = after.assign(
        wave=after["wave"].fillna(last["wave"]), int_cm=after["int_cm"].fillna(last["int_cm"])
    ).sort_values("row")
    return floats(joined["wave"]), floats(joined["int_cm"])
