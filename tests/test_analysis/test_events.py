"""Events as intervals (indicators.md, sections 8 and 9).

1. Leaving known to the month is (d, d + 1]; without a date, from the last interview at home to the report.
2. Own reports replace the contact record; the first event counts; a boundary change is no move.
3. Whoever nobody has a trace of is censored at the last certain month.
4. The first job is at risk from the return on, and may be told by a later calendar.
"""

import pandas as pd
import pytest

from analysis.events import (
    ABROAD,
    DEATH,
    INTERNAL,
    OWN,
    RECORD,
    calendar_reports,
    first_event,
    first_job,
    leaving_again,
    own_reports,
    record_reports,
)


def whole(rows, columns):
    frame = pd.DataFrame(rows, columns=list(columns))
    text = {"person_id", "state", "sp_prov"}
    return frame.astype({c: "string" if c in text else "Int64" for c in frame})


FOLLOWUP = (
    *("person_id", "int_cm", "home_cm", "cur_loc", "move_why", "move_y", "move_m"),
    *("abr_since", "rm_dep_y", "rm_dep_m", "rm_ctry"),
)
REPORT = ["person_id", "cause", "lo", "hi", "src"]


@pytest.mark.parametrize(
    ("answers", "report"),
    [
        ((4, None, None, None, None, 2024, 5, 392), [ABROAD, 1493, 1493]),
        ((4, None, None, None, None, 2024, 98, 392), [ABROAD, 1491, 1497]),  # cut by both interviews
        ((4, None, None, None, None, 9998, 98, 392), [ABROAD, 1491, 1497]),
        ((1, None, None, None, 1, 2024, 4, 410), [ABROAD, 1492, 1492]),  # left and came back
        ((3, 1, 2024, 6, 0, None, None, None), [INTERNAL, 1494, 1494]),
        ((3, 5, None, None, 0, None, None, None), None),  # the boundary moved, not the person
        ((2, 1, 2024, 6, 0, None, None, None), None),  # inside the province
        ((1, None, None, None, 0, None, None, None), None),
    ],
)
def test_follow_ups_tell_leaving_and_moving(answers, report):  # 1, 2
    made = own_reports(whole([("A", 1497, 1491, *answers)], FOLLOWUP))
    assert made[["cause", "lo", "hi"]].to_numpy().tolist() == ([report] if report else [])


def test_calendar_spells_count_from_three_months_or_while_they_go_on():  # 2
    columns = ("person_id", "state", "place", "start", "stop", "beg_lo", "beg_hi", "right_cens", "sp_prov")
    rows = [
        ("A", "abroad", 4, 1499, 1501, 1500, 1500, 0, None),  # two months and back: a visit
        ("B", "abroad", 4, 1499, 1502, 1500, 1500, 0, None),
        ("C", "abroad", 4, 1499, 1500, 1500, 1500, 1, None),  # just left
        ("D", "employed", 3, 1499, 1505, 1500, 1500, 0, "01"),
        ("E", "employed", 3, 1499, 1505, 1500, 1500, 0, "37"),  # another unit then, the same of the 34
        ("F", "abroad", 4, 1480, 1505, 1481, 1481, 0, None),  # before the baseline
    ]
    people = list("ABCDEF")
    base = pd.Series(1490, index=people)
    made = calendar_reports(whole(rows, columns), base, pd.Series("37", index=people))
    assert made[["person_id", "cause"]].to_numpy().tolist() == [["B", ABROAD], ["C", ABROAD], ["D", INTERNAL]]


RECORDS = (
    *("person_id", "att_cm", "att_res", "att_who", "att_mode", "whereab"),
    *("wh_ctry", "wh_since_y", "wh_since_m"),
)


@pytest.mark.parametrize(
    ("attempts", "report"),
    [
        ([(1500, 2240, 2, 1, 4, 392, 2024, 5)], [ABROAD, 1493, 1493]),
        ([(1500, 2240, 2, 1, 4, 392, 9998, 98)], [ABROAD, 1490, 1500]),
        ([(1500, 2240, 0, 3, None, None, None, None)], [ABROAD, 1490, 1500]),
        (
            [(1496, 2210, 4, 1, 1, None, None, None), (1500, 2240, 2, 1, 4, 392, 9998, 98)],
            [ABROAD, 1496, 1500],
        ),
        ([(1500, 3100, 2, 1, 3, None, 2024, 98)], [INTERNAL, 1490, 1500]),
        ([(1500, 4100, 2, 1, None, None, None, None)], [DEATH, 1490, 1500]),
        ([(1500, 3200, 0, 1, None, None, None, None)], None),
        ([(1480, 2240, 2, 1, 4, 392, 9998, 98)], None),  # before the last interview at home
    ],
)
def test_the_contact_record_bounds_a_date_nobody_knows(attempts, report):  # 1
    rows = whole([("A", *attempt) for attempt in attempts], RECORDS)
    made = record_reports(rows, pd.Series({"A": 1490}))
    assert made[["cause", "lo", "hi"]].to_numpy().tolist() == ([report] if report else [])


def reports(*rows):
    return whole([(*row, None) for row in rows], (*REPORT, "ctry"))


def test_the_first_event_of_the_best_source_counts():  # 2
    made = first_event(
        reports(
            ("A", ABROAD, 1495, 1495, RECORD),
            ("A", ABROAD, 1498, 1498, OWN),
            ("B", ABROAD, 1499, 1499, OWN),
            ("B", INTERNAL, 1495, 1496, OWN),
        )
    )
    assert made[["cause", "lo"]].to_numpy().tolist() == [[ABROAD, 1498], [INTERNAL, 1495]]


def test_leaving_again_is_an_interval_with_delayed_entry():  # 1, 3
    persons = whole(
        [
            ("A", 1480, 1480, 1490, 1500),
            ("B", 1480, 1480, 1490, 1500),
            ("C", 1469, 1480, 1490, 1496),
            ("D",) + (None,) * 4,
        ],
        ("person_id", "ret_lo", "ret_hi", "base_cm", "last_cm"),
    )
    made = leaving_again(persons, reports(("A", ABROAD, 1494, 1494, OWN), ("B", ABROAD, 1492, 1499, RECORD)))
    assert made["rm_start"].tolist() == [10, 10, 10, pd.NA]
    assert made["rm_L"].tolist() == [14, 12, 16, pd.NA]
    assert made["rm_R"].tolist() == [15, 20, pd.NA, pd.NA]
    assert made["rm_cause"].tolist() == [1, 1, 0, pd.NA]
    assert made["rm_src"].tolist() == [1, 3, pd.NA, pd.NA]


PERSON = ("person_id", "ret_lo", "ret_hi", "base_cm", "job1_any", "job1_y", "job1_m", "told_cm", "left_cm")
SPELL = ("person_id", "state", "act", "start", "stop", "beg_lo", "beg_hi")
WORKED = ("A", "employed", 1, 1497, 1510, 1498, 1498)


@pytest.mark.parametrize(
    ("answers", "spell", "expected"),
    [
        ((1, 2023, 8, 1506, None), None, [0, 1, 1, 1]),  # in the month of return, 1484
        ((1, 2023, 98, 1506, None), None, [0, 5, 1, 1]),  # August to December
        ((0, None, None, 1506, None), None, [22, pd.NA, 0, pd.NA]),
        ((0, None, None, 1506, None), WORKED, [14, 15, 1, 2]),  # told by a later calendar
        ((0, None, None, 1506, 1494), WORKED, [10, pd.NA, 0, pd.NA]),  # left before it
        ((None, None, None, 1506, None), WORKED, [pd.NA] * 4),  # not told
    ],
)
def test_the_first_job_counts_from_the_return(answers, spell, expected):  # 4
    persons = whole([("A", 1484, 1484, 1490, *answers)], PERSON)
    made = first_job(persons, whole([spell] if spell else [], SPELL))
    assert made.iloc[0].tolist() == expected


def test_helping_without_pay_and_farming_for_oneself_are_no_first_job():  # 4
    persons = whole([("A", 1484, 1484, 1490, 0, None, None, 1506, None)], PERSON)
    helped = whole(
        [("A", "employed", 4, 1497, 1500, 1498, 1498), ("A", "own_farm", 5, 1500, 1506, 1501, 1501)], SPELL
    )
    assert first_job(persons, helped)["ttfj_event"].tolist() == [0]
