"""The panel of five persons, read off their answers by hand.

A leaves and tells so; B is known abroad by a neighbour; C refuses at once; D is lost; E cannot be reached at
wave 1 and answers again at wave 2, but does not know the month of the return.

1. Every issued person and wave has a row with final code, attempts and mode, interviewed or not.
2. Leaving again and first job are intervals; loss is neither leaving nor staying.
3. Months before entry are marked and never at risk; person-months at risk add up to the intervals.
4. Codes for "do not know" are missing before anything is computed.
5. Columns are those of derived.csv and of the forms, and keep their types when nobody has answered yet.
"""

from functools import cache

import pandas as pd
import pytest

from analysis.panel import FRAMES, build, build_frames, conform
from instruments.codebook import codebook, read_derived
from instruments.instrument import load

BASE = 1513  # January 2026
ASKED_TEXT = {"person_id", "prov_birth", "prov_ret", "int_prep", "ret_res", "ast_org"}
AMOUNTS = {"inc_own", "debt_amt", "debt_pay", "loan_amt", "sav_ret", "job_pay"}
TEXT = ASKED_TEXT | {"track", "form", "state", "psu", "stratum", "case_status", "sp_prov", "enum_id"}


@cache
def book():
    return codebook([load(form) for form in ("rm_baseline", "rm_followup", "rm_contact")])


def typed(rows):
    frame = pd.DataFrame(rows)
    kind = {
        c: "string" if c in TEXT else "Float64" if c in AMOUNTS | {"incl_prob"} else "Int64" for c in frame
    }
    return frame.astype(kind)


def at(cm):
    return 1900 + (cm - 1) // 12, (cm - 1) % 12 + 1


def interview(person, wave, cm, **more):
    answers = {"con_part": 1, "con_sens": 1, "int_mode": 1, "res_code": 1100, "int_des": 1, "int_plan": 0}
    working = {"atw_pay": 1, "atw_bus": 0, "debt_any": 0, "inc_own": 8.0, "ast_org": "0"}
    return {"person_id": person, "wave": wave, "interview_cm": cm} | answers | working | more


def baseline(person, returned, month_known=True, **more):
    year, month = at(returned)
    stay = {"dep_y": year - 3, "dep_m": month, "ret_y": year, "ret_m": month if month_known else 98}
    who = {"elig": 1, "scr_citizen": 1, "scr_lives": 1, "scr_purpose": 1, "sex": 1, "birth_y": 1990}
    rest = {"prov_ret": "34", "area": 1, "ret_own": 4, "ret_stay12": 1, "jp_n_emp": 1, "mdebt_st": 3}
    return interview(person, 0, BASE, **stay, **who, **rest, **more)


def period(person, wave, position, begin, act, end=None, place=1):
    ended = dict(zip(("sp_end_y", "sp_end_m"), at(end), strict=True)) if end else {}
    year, month = at(begin)
    what = {
        "sp_beg_y": year,
        "sp_beg_m": month,
        "sp_state": act,
        "sp_place": place,
        "sp_on": int(end is None),
    }
    return {"person_id": person, "wave": wave, "position": position} | what | ended


def attempt(person, wave, cm, result, who=1, mode=1, **more):
    row = {
        "person_id": person,
        "wave": wave,
        "att_no": 1,
        "att_mode": mode,
        "att_who": who,
        "att_res": result,
    }
    return (
        row | {"att_cm": cm, "whereab": None, "wh_ctry": None, "wh_since_y": None, "wh_since_m": None} | more
    )


def issued(person, wave, track="inflow"):
    due = BASE + 6 * wave
    when = {"opens_cm": due - 1, "due_cm": due, "closes_cm": due + 2, "state": "closed"}
    design = {"frame_src": 1, "psu": "7", "stratum": "s", "incl_prob": 0.1, "case_status": "active"}
    return {"person_id": person, "wave": wave, "track": track, "form": "rm_followup"} | when | design


def world():
    return {
        "baseline": typed(
            [
                baseline("A", 1508, job1_any=1, job1_y=2025, job1_m=8),
                baseline("B", 1507, job1_any=1, job1_y=2025, job1_m=98),
                {
                    "person_id": "C",
                    "wave": 0,
                    "interview_cm": BASE,
                    "con_part": 0,
                    "elig": 1,
                    "res_code": 2110,
                },
                baseline("D", 1508, job1_any=0, atw_pay=0, atw_fam=0, abs_job=0, srch_4w=1, avail_2w=1)
                | {"wait_abr": 0, "fut_start": 0, "int_plan": 98},
                baseline("E", 1508, False, job1_any=0),
            ]
        ),
        "baseline_calendar": typed(
            [
                period("A", 0, 1, 1508, 1),
                period("B", 0, 1, 1507, 1),
                period("D", 0, 1, 1508, 6),
                period("E", 0, 1, 1508, 6),
            ]
        ),
        "followup": typed(
            [
                interview("A", 1, 1519, cur_loc=1, abr_since=0, di_state=1, ehc_skip=1, mdebt_now=2),
                interview(
                    "A", 2, 1525, cur_loc=4, di_state=2, ehc_skip=0, rm_dep_y=2026, rm_dep_m=9, rm_ctry=392
                )
                | dict.fromkeys(("atw_pay", "atw_bus", "int_des", "int_plan", "ast_org")),
                interview("E", 2, 1525, cur_loc=1, abr_since=0, di_state=2, ehc_skip=0, mdebt_now=3),
            ]
        ),
        "followup_calendar": typed(
            [
                period("A", 2, 1, 1519, 1, 1521),
                period("A", 2, 2, 1521, 12, place=4),
                period("E", 2, 1, 1513, 6, 1520),
                period("E", 2, 2, 1520, 1),
            ]
        ),
        "attempts": typed(
            [
                attempt("A", 0, BASE, 2210, who=0),
                attempt("A", 0, BASE, 1100),
                attempt("A", 1, 1519, 1100),
                attempt("A", 2, 1525, 1100, mode=4),
                attempt("B", 0, BASE, 1100),
                attempt("B", 1, 1519, 2240, who=4, whereab=4, wh_ctry=410, wh_since_y=9998, wh_since_m=98),
                attempt("C", 0, BASE, 2110),
                attempt("D", 0, BASE, 1100),
                attempt("D", 1, 1519, 2210, who=0),
                attempt("D", 2, 1525, 3200, who=0),
                attempt("E", 0, BASE, 1100),
                attempt("E", 1, 1519, 2220, who=0, mode=3),
                attempt("E", 2, 1525, 1100),
            ]
        ),
        "issued": typed([issued(p, w) for p in "ABDE" for w in (0, 1, 2)] + [issued("C", 0)]),
    }


@cache
def frames():
    return build(world(), book()).frames


def persons():
    return frames()["persons"].set_index("person_id")


def wave_column(name):
    waves = frames()["person_waves"]
    return {(p, int(w)): v for p, w, v in zip(waves["person_id"], waves["wave"], waves[name], strict=True)}


def test_every_issued_person_and_wave_has_a_row_with_its_final_code():  # 1
    assert wave_column("outcome") == {
        **{("A", 0): 1100, ("A", 1): 1100, ("A", 2): 1100},
        **{("B", 0): 1100, ("B", 1): 2240, ("B", 2): pd.NA, ("C", 0): 2110},
        **{("D", 0): 1100, ("D", 1): 2210, ("D", 2): 3200},
        **{("E", 0): 1100, ("E", 1): 2220, ("E", 2): 1100},
    }
    classes = wave_column("outcome_class")
    assert (classes["B", 1], classes["B", 2], classes["D", 2]) == ("NC", "U", "U")
    assert wave_column("n_attempts")["A", 0] == 2
    assert wave_column("n_attempts")["B", 2] == 0
    assert wave_column("interviewed")["E", 1] == 0
    assert [wave_column("status_known")["B", w] for w in (0, 1, 2)] == [1, 1, 0]


def test_answers_lie_in_the_row_of_their_wave():  # 1
    assert [wave_column("lf")["A", w] for w in (0, 1, 2)] == [1, 1, 5]
    assert wave_column("lf_why")["D", 0] == "seeker"
    assert [wave_column("abroad")["A", w] for w in (0, 1, 2)] == [0, 0, 1]
    assert wave_column("abroad")["B", 1] == 1  # by the record
    assert [wave_column("state")["A", w] for w in (0, 1, 2)] == ["employed", "employed", "abroad"]
    assert [wave_column("mdebt_open")["A", w] for w in (0, 1, 2)] == [1, 0, 0]
    assert [wave_column("mdebt_open")["E", w] for w in (0, 1, 2)] == [1, pd.NA, 1]
    assert [wave_column("t_ret")["A", w] for w in (0, 1, 2)] == [5, 11, 17]


def test_do_not_know_is_missing_and_never_no():  # 4
    assert wave_column("intent")["D", 0] is pd.NA
    assert wave_column("ladder")["D", 0] is pd.NA
    assert wave_column("intent")["A", 0] == 0


def test_leaving_again_is_an_interval_and_loss_is_censored():  # 2
    made = persons()[["rm_start", "rm_L", "rm_R", "rm_cause", "rm_src", "rm_ctry", "lost"]]
    assert made.loc["A"].tolist() == [5, 13, 14, 1, 1, 392, 0]  # September 2026 is 1521
    assert made.loc["B"].tolist() == [6, 6, 13, 1, 3, 410, 0]  # between baseline and report
    assert made.loc["C"].isna().all()
    assert made.loc["D"].tolist() == [5, 5, pd.NA, 0, pd.NA, pd.NA, 1]
    assert made.loc["E"].tolist() == [1, 13, pd.NA, 0, pd.NA, pd.NA, 0]  # return January to December


def test_the_first_job_is_an_interval_from_the_return():  # 2
    made = persons()[["ttfj_L", "ttfj_R", "ttfj_event", "ttfj_src"]]
    assert made.loc["A"].tolist() == [0, 1, 1, 1]
    assert made.loc["B"].tolist() == [0, 6, 1, 1]
    assert made.loc["D"].tolist() == [5, pd.NA, 0, pd.NA]
    assert made.loc["E"].tolist() == [8, 20, 1, 2]  # August 2026, counted from the interval of the return


def test_persons_carry_what_was_told_once():
    row = persons().loc["A"]
    assert row[["ret_lo", "abroad_mo", "entry", "inflow", "age_ret"]].tolist() == [1508, 36, 5, 1, 35]
    assert row["prov_ret34"] == "33"  # Thai Binh is Hung Yen since July 2025
    assert row[["unsd98", "hoang2020", "cris", "mdebt_open0"]].tolist() == [1, 1, 1, 1]
    assert persons().loc["E", ["ret_lo", "ret_hi", "abroad_mo"]].tolist() == [1501, 1512, pd.NA]
    assert persons().loc["C", "outcome0"] == 2110


def test_months_before_entry_are_marked_and_never_at_risk():  # 3
    months = frames()["person_months"]
    assert months["pre_entry"].sum() > 0
    assert (months["pre_entry"] * months["at_risk"]).sum() == 0


def test_months_at_risk_add_up_to_the_intervals():  # 3
    at_risk = frames()["person_months"].groupby("person_id")["at_risk"].sum()
    table = persons().loc[["A", "B", "D", "E"]]
    stop = table["rm_R"].where(table["rm_cause"] > 0, table["rm_L"])
    assert (stop - table["rm_start"]).tolist() == at_risk.tolist()


def test_months_after_the_last_interview_come_from_the_record():
    months = frames()["person_months"]
    known = months[(months["person_id"] == "B") & (months["cm"] > BASE)]
    assert known["state"].tolist() == ["unknown"] * 5 + ["abroad"]
    assert known["src"].unique().tolist() == [3]
    assert known["employed"].isna().all()


def test_a_month_is_told_by_the_interview_after_it():
    months = frames()["person_months"].set_index(["person_id", "cm"])
    assert [months.loc[("A", cm), "wave"] for cm in (1512, 1513, 1519, 1525)] == [0, 1, 2, 2]
    assert months.loc[("A", 1512), "recalled"] == 1


def test_columns_are_those_of_derived_csv_and_of_the_forms():  # 5
    computed = {(v.frame, v.name) for v in read_derived()}
    asked = {v.name for v in book().variables if v.form}
    made = {(frame, name) for frame, columns in FRAMES.items() for name, _ in columns}
    assert computed <= made
    assert {name for frame, name in made if (frame, name) not in computed} <= asked


@pytest.mark.parametrize(
    "kept", [(), ("issued",), ("issued", "attempts"), ("issued", "baseline", "baseline_calendar")]
)
def test_frames_keep_their_types_when_hardly_anybody_has_answered(kept):  # 5
    empty = {name: frame if name in kept else frame.iloc[:0] for name, frame in world().items()}
    made = build_frames(empty, book())
    for name, columns in FRAMES.items():
        assert [(c, str(t)) for c, t in made[name].dtypes.items()] == list(columns)
    assert len(made["persons"]) == (5 if kept else 0)


def test_the_order_of_the_rows_handed_in_does_not_matter():
    turned = {k: f if k == "attempts" else f[::-1].reset_index(drop=True) for k, f in world().items()}
    for name, frame in build_frames(turned, book()).items():
        pd.testing.assert_frame_equal(frame, frames()[name])


def test_no_argument_is_changed():
    given, before = world(), world()
    build(given, book())
    for name, frame in given.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_two_interviews_of_one_wave_are_an_error_to_decide():
    doubled = world()
    doubled["followup"] = pd.concat([doubled["followup"], doubled["followup"].iloc[[0]]], ignore_index=True)
    made = build(doubled, book())
    assert [f.where for f in made.findings if f.code == "response.repeated"] == ["rm_followup/A/wave 1"]
    assert len(made.frames["person_waves"]) == len(frames()["person_waves"])


def test_a_tablet_that_left_out_the_calendar_against_the_rule_is_reported():
    odd = world()
    odd["followup"].loc[2, "ehc_skip"] = 1
    codes = [f.code for f in build(odd, book()).findings]
    assert "calendar.skip" in codes


def test_a_frame_that_cannot_take_its_type_says_which_column():
    with pytest.raises(ValueError, match="Column wave"):
        conform(pd.DataFrame({"wave": ["first"]}), (("wave", "Int64"),))
