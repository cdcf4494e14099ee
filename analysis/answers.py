"""Answers: the interviews of both forms under one roof, without missing codes, one row per person and wave.

Only what the panel needs is read; a question that a form lacks is missing. "Do not know" is never "no": codes
that the codebook declares missing become NA here, before anything is computed, and the raw answer keeps the
reason. Routing variables of the tablet are recomputed and compared, not believed. Raw frames come from
`survey.responses`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.claims import flag, same, surely
from analysis.indicators import derive
from analysis.months import floats, interval
from analysis.outcomes import COMPLETE, PARTIAL, interview_outcome
from instruments.codebook import Codebook
from instruments.findings import Finding

BASELINE_FORM, FOLLOWUP_FORM, CONTACT_FORM = "rm_baseline", "rm_followup", "rm_contact"
CALENDAR_MONTHS = 24  # the first calendar goes back to the return, at most so far

Frames = Mapping[str, pd.DataFrame]


def known(frame: pd.DataFrame, codebook: Codebook, form: str) -> pd.DataFrame:
    """The frame with codes declared missing as NA; a multiple choice that holds one as a whole."""
    made = frame.copy()
    for column in map(str, frame.columns):
        variable = codebook.get(column, form) or codebook.get(column)
        if variable is not None and variable.missing:
            made[column] = _without(
                frame[column], tuple(variable.missing), variable.type == "select_multiple"
            )
    return made


def interviews(responses: Frames, codebook: Codebook) -> tuple[pd.DataFrame, list[Finding]]:
    """Baseline and follow-up answers as one frame in the order person_id, wave, and doubts about them.

    Added columns: int_cm, int_abroad (0/1: abroad at the interview), skip (nothing changed since the
    interview before), has_calendar, outcome (code the interview speaks for), usable (complete or partial).
    """
    baseline = known(responses["baseline"], codebook, BASELINE_FORM).assign(form=BASELINE_FORM)
    followup = known(responses["followup"], codebook, FOLLOWUP_FORM).assign(form=FOLLOWUP_FORM)
    rows = pd.concat([f for f in (baseline, followup) if len(f)] or [baseline], ignore_index=True)
    rows = _with_columns(rows, _READ)[list(_READ)].sort_values(
        ["person_id", "wave"], ignore_index=True, kind="stable"
    )
    twice = rows.duplicated(["person_id", "wave"]).to_numpy()
    findings = [_repeated(row) for row in rows[twice].itertuples()]
    rows = rows[~twice].reset_index(drop=True).rename(columns={"interview_cm": "int_cm"})
    at_baseline = surely(rows["form"] == BASELINE_FORM)
    here = same(rows["scr_lives"], 1).where(at_baseline, ~same(rows["cur_loc"], 4))
    consent = surely(same(rows["con_part"], 1))
    rows["int_abroad"] = flag(~here).where(consent)
    skip = _unchanged(rows) & consent & ~at_baseline
    findings += _compare_skip(rows, skip)
    rows["skip"] = skip.astype("int64")
    rows["has_calendar"] = (skip | _in(rows, calendar(responses))).astype("int64")
    rows = derive(rows, ["at_work"])
    rows["outcome"] = interview_outcome(rows)
    return rows.assign(usable=surely(rows["outcome"].isin([COMPLETE, PARTIAL]))), findings


def calendar(responses: Frames) -> pd.DataFrame:
    """The calendar rows of both forms, codes kept: `months.interval` reads unknown months and years."""
    columns = {"person_id": "string", **dict.fromkeys(_CALENDAR, "Int64"), "sp_prov": "string"}
    parts = [_with_columns(responses[key], columns) for key in ("baseline_calendar", "followup_calendar")]
    return pd.concat(parts, ignore_index=True)[list(columns)].astype(columns)


def windows(rows: pd.DataFrame, returned: pd.DataFrame) -> pd.DataFrame:
    """What `calendars.spells_of` needs of each usable interview, and from when its calendar holds.

    `returned`: ret_lo by person_id. The first calendar holds from the return, at most 24 months back; each
    later one from the interview before.
    """
    used = rows[rows["usable"]].reset_index(drop=True)
    origin = floats(used["person_id"].map(returned["ret_lo"]))
    int_cm = floats(used["int_cm"])
    before = floats(used.groupby("person_id", sort=False)["int_cm"].shift())
    start = np.where(np.isnan(before), np.fmax(origin, int_cm - CALENDAR_MONTHS), before)
    return pd.DataFrame(
        {
            "person_id": used["person_id"],
            "wave": used["wave"],
            "int_cm": int_cm,
            "from_cm": np.fmin(start, int_cm),
            "origin_lo": origin,
            "skip": np.where(np.isnan(before), 0, used["skip"]),
            "act_fix": used["di_fix"],
        }
    )


def returns(baseline: pd.DataFrame) -> pd.DataFrame:
    """Departure and return as closed months, indexed by person_id, and what lies between, as bounds.

    Columns: dep_lo, dep_hi, ret_lo, ret_hi, abroad_lo, abroad_hi, since_lo, since_hi; the months since return
    count to the baseline interview.
    """
    rows = baseline.set_index("person_id")
    int_cm = floats(rows["int_cm"])
    dep = interval(rows["dep_y"], rows["dep_m"], not_after=int_cm)
    ret = interval(rows["ret_y"], rows["ret_m"], not_before=dep.lo, not_after=int_cm)
    bounds = {"dep_lo": dep.lo, "dep_hi": np.fmin(dep.hi, ret.hi), "ret_lo": ret.lo, "ret_hi": ret.hi}
    made = pd.DataFrame(bounds, index=rows.index)
    return made.assign(
        abroad_lo=np.fmax(made["ret_lo"] - made["dep_hi"], 0),
        abroad_hi=made["ret_hi"] - made["dep_lo"],
        since_lo=int_cm - made["ret_hi"],
        since_hi=int_cm - made["ret_lo"],
    )


_CALENDAR = (
    "wave",
    "position",
    "sp_beg_y",
    "sp_beg_m",
    "sp_state",
    "sp_place",
    "sp_on",
    "sp_end_y",
    "sp_end_m",
)

_WHOLE = """
    wave interview_cm con_part elig res_code scr_citizen scr_lives scr_purpose birth_y dep_y dep_m ret_y
    ret_m sex edu_now area corridor pre_act jp_prog1 jp_prog2 jp_n_emp jp_sector jp_pref ret_why ret_own
    ret_ready ret_stay12 rc_ccy sav_ccy mdebt_st mdebt_now job1_any job1_y job1_m int_mode cur_loc
    move_why move_y move_m abr_since rm_dep_y rm_dep_m rm_ctry di_state di_fix ehc_skip atw_pay atw_bus
    atw_fam abs_job abs_why abs_3m agf_chk agf_use srch_4w fut_start wait_abr want_work why_nosrch
    avail_2w job_hours job_more skill_use skill_recog int_des int_plan int_prob int_dest1 debt_any
    sav_any marital hh_size hh_child hh_abroad fam_ask fam_press com_rich wb_low wb_worry wb_sleep
    wb_alone life_sat train_any
"""

_TEXT = ("person_id", "prov_birth", "prov_ret", "int_prep", "ret_res", "ast_org", "form")
_AMOUNTS = ("inc_own", "debt_amt", "debt_pay", "loan_amt", "sav_ret", "job_pay")
_READ = {
    **dict.fromkeys(_TEXT, "string"),
    **dict.fromkeys(_AMOUNTS, "Float64"),
    **dict.fromkeys(_WHOLE.split(), "Int64"),
}


def _with_columns(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The frame with these columns typed, missing throughout where it lacks one."""
    absent = {c: pd.Series(pd.NA, index=frame.index, dtype=t) for c, t in columns.items() if c not in frame}
    return frame.astype({c: t for c, t in columns.items() if c in frame}).assign(**absent)


def _without(column: pd.Series, codes: tuple[str, ...], several: bool) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.mask(column.isin([float(code) for code in codes]))
    text = column.astype("string")
    if several:
        held = text.str.split().map(
            lambda words: isinstance(words, list) and not set(codes).isdisjoint(words)
        )
        return text.mask(held.fillna(False).astype(bool))
    return text.mask(text.isin(codes))


def _unchanged(rows: pd.DataFrame) -> np.ndarray:
    """No change of activity, place or country since the interview before: `ehc_skip`, recomputed."""
    same_place = surely(rows["cur_loc"] == 1) | surely(rows["move_why"] == 5)
    return surely(rows["di_state"] == 1) & same_place & ~surely(rows["abr_since"] == 1)


def _compare_skip(rows: pd.DataFrame, skip: np.ndarray) -> list[Finding]:
    differs = rows["ehc_skip"].notna().to_numpy() & (surely(rows["ehc_skip"] == 1) != skip)
    return [
        Finding(
            "warning",
            "calendar.skip",
            f"{row.form}/{row.person_id}/wave {row.wave}",
            "Tablet and analysis differ on whether the calendar could be left out; see di_state.",
        )
        for row in rows[differs].itertuples()
    ]


def _repeated(row: object) -> Finding:
    where = f"{row.form}/{row.person_id}/wave {row.wave}"  # type: ignore[attr-defined]
    return Finding(
        "error",
        "response.repeated",
        where,
        "Two interviews of one wave; the first is used. Decide by correction.",
    )


def _in(rows: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    keys = ["person_id", "wave"]
    return pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(others[keys]))
