"""Panel: the frames of a release, what their columns are, and that a frame keeps its contract.

`FRAMES` states each frame once as columns and types; everything in `analysis` that reads or makes one of them
trusts it. Months are century months, intervals (L, R] months since return, flags 0/1. A column that no
computation makes (`marital`, `sav_ret`, …) is the answer itself under its name in the form; computed ones are
rows of `instruments/derived.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

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

FRAMES: Mapping[str, Columns] = {
    "persons": PERSONS,
    "person_waves": PERSON_WAVES,
    "spells": SPELLS,
    "person_months": PERSON_MONTHS,
    "attempts": ATTEMPTS,
}


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
