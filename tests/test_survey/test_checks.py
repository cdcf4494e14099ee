"""The checks on arrival: each says what it is for, where it looked, and nothing of the answer.

1. Consent against answers. 2. The window of the wave. 3. Clock: night, duration. 4. Money: outliers,
contract, total. 5. Order of dates. 6. Calendar without gaps. 7. The right person. 8. Interviewers apart
from the others. 9. A confirmed value is silent. 10. What is right gives no finding.
"""

import pandas as pd
import pytest

from instruments.codebook import Codebook, Variable
from instruments.findings import Finding
from survey import checks
from survey.responses import Responses

FIRST, NEXT, TRY = "rm_baseline", "rm_followup", "rm_contact"
MISSING = {"-98": "dont_know", "-99": "refused"}
BOOK = Codebook(
    [
        Variable("birth_y", FIRST, "integer", missing={"9998": "unknown"}, module="mod_a"),
        Variable("con_part", FIRST, "integer", module="mod_b"),
        Variable("con_sens", FIRST, "integer", module="mod_b"),
        Variable("inc_own", FIRST, "decimal", unit="million VND/month", missing=MISSING, module="mod_k",
                 sensitivity="sensitive"),
        Variable("pay_first", FIRST, "decimal", unit="JPY", missing=MISSING, module="mod_e"),
        Variable("pay_contr", FIRST, "decimal", unit="JPY", missing=MISSING, module="mod_e"),
        Variable("rc_total", FIRST, "decimal", missing=MISSING, module="mod_f"),
        Variable("rc_sum", FIRST, "calculate", module="mod_f"),
        Variable("inc_own", NEXT, "decimal", unit="million VND/month", missing=MISSING, module="mod_g"),
    ]
)  # fmt: skip
CM = 1515  # March 2026

GOOD = {
    "con_part": 1, "con_sens": 1, "interview_cm": CM, "enum_id": "E1", "wave": 0, "inc_own": 7.5,
    "start": "2026-03-05T09:00:00.000+07:00", "end": "2026-03-05T09:40:00.000+07:00", "birth_y": 1995,
    "dep_y": 2020, "dep_m": 4, "ret_y": 2025, "ret_m": 12, "job1_y": 2026, "job1_m": 1, "pay_first": 150000.0,
    "pay_contr": 160000.0, "rc_total": 150.0, "rc_sum": 145.0,
}  # fmt: skip
VISIT = {
    "con_part": 1,
    "interview_cm": CM + 3,
    "enum_id": "E1",
    "wave": 1,
    "di_state": 1,
    "id_ok": 1,
    "inc_own": 7.0,
}
PERIOD = {"sp_beg_cm": CM - 3, "sp_end_cm": CM, "sp_on": 1, "sp_unk": 0}


def frame(rows: list[dict], default: dict) -> pd.DataFrame:
    full = [default | {"instance_id": f"i{n}", "person_id": f"P{n}"} | row for n, row in enumerate(rows)]
    columns = ["instance_id", "person_id", *default, *(key for row in rows for key in row)]
    made = pd.DataFrame(full, columns=list(dict.fromkeys(columns)))
    numeric = [
        n for n in made if n not in ("instance_id", "person_id", "enum_id", "start", "end", "position")
    ]
    return made.assign(**{n: made[n].astype("Float64") for n in numeric})


def responses(first=(), later=(), tries=(), periods=(), okay=()) -> Responses:
    answers = {
        FIRST: frame(list(first), GOOD),
        NEXT: frame(list(later), VISIT),
        TRY: frame(list(tries), {"enum_id": "E1", "att_res": 2210}),
    }
    issued = pd.DataFrame(
        [
            {
                "person_id": row.person_id,
                "wave": row.wave,
                "opens_cm": CM + 3 * row.wave,
                "closes_cm": CM + 4 * row.wave,
            }
            for form in (FIRST, NEXT)
            for row in answers[form].itertuples()
        ],
        columns=["person_id", "wave", "opens_cm", "closes_cm"],
    )
    calendar = frame([{"instance_id": "i0", "position": n + 1} | p for n, p in enumerate(periods)], PERIOD)
    return Responses(
        {"issued": issued}, answers, {FIRST: calendar, NEXT: calendar.head(0)}, BOOK, okay=frozenset(okay)
    )


def run(**more) -> list[Finding]:
    return checks.run_checks(responses(**more), BOOK)


def told(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in found]


def test_answers_that_are_right_give_no_finding():
    assert run(first=[{}, {}], later=[{}], tries=[{}], periods=[{}]) == []


def test_an_empty_study_gives_no_finding():
    assert run() == []


@pytest.mark.parametrize("consent", [0, None])
def test_answers_without_consent_are_an_error(consent):
    found = run(first=[{"con_part": consent}])
    assert told(found)[0] == ("consent.answers", "rm_baseline/i0/con_part")
    assert found[0].level == "error"


def test_a_refused_interview_without_answers_is_right():
    empty = dict.fromkeys(["inc_own", "pay_first", "pay_contr", "rc_total", "rc_sum"])
    assert run(first=[{"con_part": 0, "con_sens": None} | empty]) == []


def test_sensitive_answers_need_their_own_consent():
    assert told(run(first=[{"con_sens": 0}])) == [("consent.sensitive", "rm_baseline/i0/con_sens")]
    assert run(first=[{"con_sens": 0, "inc_own": None}]) == []


@pytest.mark.parametrize(
    ("month", "codes"), [(CM + 2, ["wave.window"]), (CM + 3, []), (CM + 5, ["wave.window"])]
)
def test_an_interview_lies_in_its_window(month, codes):
    assert [f.code for f in run(later=[{"interview_cm": month}])] == codes


def test_a_wave_that_was_not_open_is_said():
    given = responses(later=[{}])
    given.frames["issued"] = given.frames["issued"].head(0)
    assert [f.code for f in checks.run_checks(given, BOOK)] == ["wave.not_open"]


@pytest.mark.parametrize(
    ("hour", "codes"), [("21", []), ("22", ["interview.night"]), ("05", ["interview.night"])]
)
def test_an_interview_at_night_is_asked_about(hour, codes):
    assert [f.code for f in run(first=[{"start": f"2026-03-05T{hour}:10:00.000+07:00"}])] == codes


def test_an_interview_far_shorter_than_the_others_is_asked_about():
    rows = [{} for _ in range(checks.ENOUGH)] + [{"end": "2026-03-05T09:08:00.000+07:00"}]
    assert told(run(first=rows)) == [("interview.duration", f"rm_baseline/i{checks.ENOUGH}/end")]
    assert run(first=rows[1:]) != []
    assert run(first=rows[5:]) == []


def test_dong_given_for_million_dong_stands_out():
    rows = [{"inc_own": 5 + n / 10} for n in range(30)] + [{"inc_own": 7_500_000}]
    found = run(first=rows)
    assert told(found) == [("money.outlier", "rm_baseline/i30/inc_own")]
    assert "7500000" not in found[0].message


def test_a_missing_code_is_no_amount():
    assert run(first=[{"inc_own": -99} for _ in range(30)]) == []


def test_a_high_income_among_high_incomes_is_no_outlier():
    assert run(first=[{"inc_own": 5 + n} for n in range(30)]) == []


@pytest.mark.parametrize(("first", "codes"), [(480_000, []), (490_000, ["money.contract"]), (-99, [])])
def test_pay_far_above_the_contract_is_asked_about(first, codes):
    assert [f.code for f in run(first=[{"pay_first": first}])] == codes


@pytest.mark.parametrize(("items", "codes"), [(121, []), (119, ["money.total"]), (181, ["money.total"])])
def test_cost_items_add_up_to_the_total_within_a_fifth(items, codes):
    assert [f.code for f in run(first=[{"rc_sum": items}])] == codes


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"birth_y": 2021}, "dep_y"),
        ({"dep_y": 2025, "dep_m": 12}, "ret_y"),
        ({"ret_y": 2026, "ret_m": 4, "job1_y": 2026, "job1_m": 4}, "ret_y"),
        ({"job1_y": 2025, "job1_m": 11}, "job1_y"),
        ({"job1_y": 2026, "job1_m": 4}, "job1_y"),
    ],
)
def test_dates_out_of_order_are_an_error(row, place):
    assert ("dates.order", f"rm_baseline/i0/{place}") in told(run(first=[row]))


@pytest.mark.parametrize(
    "row", [{"ret_m": 98}, {"dep_y": 9998}, {"job1_y": None, "job1_m": None}, {"birth_y": 9998}]
)
def test_unknown_dates_are_in_no_order(row):
    assert run(first=[row]) == []


def test_a_first_job_in_the_month_of_return_is_in_order():
    assert run(first=[{"job1_y": 2025, "job1_m": 12}]) == []


@pytest.mark.parametrize(
    ("periods", "faults"),
    [
        ([{"sp_end_cm": CM - 2, "sp_on": 0}, {"sp_beg_cm": CM - 2}], []),
        ([{"sp_end_cm": CM - 2, "sp_on": 0}, {"sp_beg_cm": CM - 1}], []),
        ([{"sp_end_cm": CM - 3, "sp_on": 0}, {"sp_beg_cm": CM - 1}], [("calendar.gap", 2)]),
        ([{"sp_end_cm": CM - 1, "sp_on": 0}, {"sp_beg_cm": CM - 2}], [("calendar.gap", 2)]),
        ([{"sp_end_cm": CM - 9, "sp_on": 1}], [("calendar.reversed", 1)]),
        ([{"sp_on": 0}], [("calendar.open", 1)]),
        ([{"sp_on": 1, "sp_end_cm": CM - 2}, {"sp_beg_cm": CM - 2}], [("calendar.open", 1)]),
        ([{"sp_end_cm": CM - 3, "sp_on": 0, "sp_unk": 1}, {"sp_beg_cm": CM}], []),
    ],
)
def test_a_calendar_joins_without_gap_and_ends_open(periods, faults):
    expected = [(code, f"rm_baseline/i0/sp_beg_y[{position}]") for code, position in faults]
    assert told(run(periods=periods)) == expected


def test_a_year_of_birth_that_does_not_fit_is_an_error_until_it_is_confirmed():
    assert told(run(later=[{"id_ok": 0}])) == [("identity.doubt", "rm_followup/i0/id_ok")]
    assert run(later=[{"id_ok": 0}], okay={("i0", "id_ok")}) == []
    assert run(later=[{"id_ok": 2}]) == []


@pytest.mark.parametrize(("changed", "codes"), [(10, ["interviewer.unchanged"]), (3, [])])
def test_an_interviewer_who_records_far_more_no_change_is_named(changed, codes):
    own = [{"enum_id": "E1", "di_state": 1}] * 20
    others = [{"enum_id": "E2", "di_state": 2 if n < changed else 1} for n in range(20)]
    found = run(later=own + others)
    assert [f.code for f in found] == codes
    assert all(f.where == "rm_followup/interviewer E1/di_state" for f in found)


def test_an_interviewer_with_far_more_missing_answers_is_named():
    own = [{"enum_id": "E1", "inc_own": -98 if n < 6 else 7} for n in range(20)]
    others = [{"enum_id": "E2"} for _ in range(20)]
    assert told(run(first=own + others)) == [("interviewer.missing", "rm_baseline/interviewer E1/inc_own")]


def test_an_interviewer_who_is_refused_far_more_often_is_named():
    own = [{"enum_id": "E1", "att_res": 2110 if n < 8 else 1100} for n in range(20)]
    others = [{"enum_id": "E2", "att_res": 1100} for _ in range(20)]
    assert told(run(tries=own + others)) == [("interviewer.refusals", "rm_contact/interviewer E1/att_res")]
    assert run(tries=own[:19] + others) == []


def test_a_new_check_is_a_function_and_its_name_is_free():
    with pytest.raises(ValueError, match="exists already"):
        checks.check("consent")(lambda responses, codebook: [])


def test_every_finding_says_what_is_wrong_and_then_what_to_do():
    for level, message in checks.WORDS.values():
        wrong, _, cure = message.partition("; ")
        assert level in ("error", "warning")
        assert len(wrong) > 10
        assert cure.endswith(".")
