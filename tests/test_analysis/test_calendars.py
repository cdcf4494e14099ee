"""Calendars of several waves joined into one line of spells (indicators.md, section 3).

1. A calendar row of months b to e holds from b to the month before the next one begins.
2. Nothing changed since the last interview: the last spell runs on.
3. Else the new rows replace everything from the month of the last interview on.
4. A spell that was there already is the same spell; another activity from before is a teleport.
5. Overlaps are cut at the start of the later spell and logged; gaps become unknown.
6. A month not known leaves unknown what may have been one or the other, bounded by order.
7. Seam, recall, truncation and censoring are marked; a later correction stands beside.
8. No spell lies before the window or after the last interview, and no month is told twice.
"""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.calendars import spells_of, with_record
from analysis.spells import person_months, validate

CALENDAR = (
    *("person_id", "wave", "position", "sp_beg_y", "sp_beg_m", "sp_state", "sp_place", "sp_on"),
    *("sp_end_y", "sp_end_m"),
)
INTERVIEWS = ("person_id", "wave", "int_cm", "from_cm", "origin_lo", "skip", "act_fix")
JAN24 = 1489


def frame(columns, rows):
    made = pd.DataFrame(rows, columns=list(columns))
    return made.astype({c: "string" if c == "person_id" else "Int64" for c in columns})


def told(*rows):
    """(wave, begin, activity, end or None[, place]); begin and end as (year, month)."""
    made, seen = [], {}
    for wave, begin, act, end, *place in rows:
        seen[wave] = seen.get(wave, 0) + 1
        ended = end or (None, None)
        made.append(("A", wave, seen[wave], *begin, act, place[0] if place else 1, int(end is None), *ended))
    return frame(CALENDAR, made)


def interviews(*rows):
    """(wave, month of interview, month from which the calendar holds[, skip[, correction]])."""
    full = [("A", w, c, f, JAN24, *(rest + [0, None][len(rest) :])) for w, c, f, *rest in map(list, rows)]
    return frame(INTERVIEWS, full)


def line(calendar, met):
    spells, findings = spells_of(calendar, met)
    assert validate(spells) == [] or any(f.code == "spell.teleport" for f in validate(spells))
    rows = [(s.state, int(s.start), int(s.stop)) for s in spells.itertuples()]
    return rows, [f.code for f in findings]


def test_a_calendar_of_two_periods_is_two_spells_that_touch():  # 1
    rows, findings = line(
        told((0, (2024, 1), 6, (2024, 4)), (0, (2024, 4), 1, None)), interviews((0, JAN24 + 5, JAN24))
    )
    assert rows == [("looking", 1488, 1491), ("employed", 1491, 1494)]
    assert findings == []


def test_a_period_that_ends_the_month_before_the_next_leaves_no_gap():  # 1
    rows, findings = line(
        told((0, (2024, 1), 6, (2024, 3)), (0, (2024, 4), 1, None)), interviews((0, JAN24 + 5, JAN24))
    )
    assert rows == [("looking", 1488, 1491), ("employed", 1491, 1494)]
    assert findings == []


def test_nothing_changed_lets_the_last_spell_run_on():  # 2
    rows, _ = line(
        told((0, (2024, 1), 1, None)), interviews((0, 1494, JAN24), (1, 1500, 1494, 1), (2, 1506, 1500, 1))
    )
    assert rows == [("employed", 1488, 1506)]


def test_a_spell_that_began_in_the_month_of_the_interview_runs_on():  # 2
    """It used to vanish: work until May was carried on for a year, though the search began in May."""
    rows, findings = line(
        told((0, (2024, 1), 1, (2024, 5)), (0, (2024, 5), 6, None)),
        interviews((0, 1493, JAN24), (1, 1500, 1493, 1), (2, 1506, 1500, 1)),
    )
    assert rows == [("employed", 1488, 1492), ("looking", 1492, 1506)]
    assert findings == []


def test_a_second_interview_in_the_same_month_changes_nothing():  # 2
    rows, _ = line(
        told((0, (2024, 1), 1, (2024, 5)), (0, (2024, 5), 6, None)),
        interviews((0, 1493, JAN24), (1, 1493, 1493, 1)),
    )
    assert rows == [("employed", 1488, 1492), ("looking", 1492, 1493)]


def test_new_rows_replace_everything_from_the_last_interview_on():  # 3
    rows, findings = line(
        told((0, (2024, 1), 6, None), (1, (2024, 6), 6, (2024, 9)), (1, (2024, 9), 1, None)),
        interviews((0, 1494, JAN24), (1, 1500, 1494)),
    )
    assert rows == [("looking", 1488, 1496), ("employed", 1496, 1500)]
    assert findings == []


def test_a_job_that_began_before_the_last_interview_is_the_same_spell():  # 4
    rows, _ = line(
        told((0, (2024, 2), 1, None), (1, (2024, 2), 1, (2024, 8)), (1, (2024, 8), 7, None)),
        interviews((0, 1494, JAN24), (1, 1500, 1494)),
    )
    assert rows == [("unknown", 1488, 1489), ("employed", 1489, 1495), ("waiting", 1495, 1500)]


def test_another_activity_from_before_the_last_interview_is_a_teleport():  # 4
    rows, findings = line(
        told((0, (2024, 1), 6, None), (1, (2024, 3), 9, None)), interviews((0, 1494, JAN24), (1, 1500, 1494))
    )
    assert rows == [("looking", 1488, 1493), ("home", 1493, 1500)]
    assert findings == ["spell.teleport"]


def test_an_overlap_is_cut_where_the_later_spell_begins_and_logged():  # 5
    rows, findings = line(
        told((0, (2024, 1), 1, (2024, 6)), (0, (2024, 4), 2, None)), interviews((0, 1494, JAN24))
    )
    assert rows == [("employed", 1488, 1491), ("employed", 1491, 1494)]
    assert findings == ["spell.overlap"]


def test_a_gap_becomes_unknown_and_not_the_state_before():  # 5
    rows, findings = line(
        told((0, (2024, 1), 1, (2024, 2)), (0, (2024, 5), 6, None)), interviews((0, 1494, JAN24))
    )
    assert rows == [("employed", 1488, 1490), ("unknown", 1490, 1492), ("looking", 1492, 1494)]
    assert findings == ["spell.gap"]


def test_an_interview_without_a_calendar_leaves_its_months_unknown():  # 5
    rows, _ = line(told((0, (2024, 1), 1, None)), interviews((0, 1494, JAN24), (1, 1500, 1494)))
    assert rows == [("employed", 1488, 1493), ("unknown", 1493, 1500)]


def test_a_month_not_known_leaves_unknown_what_may_have_been_either():  # 6
    calendar = told((0, (2024, 1), 1, (2024, 3)), (0, (2024, 98), 6, None))
    rows, _ = line(calendar, interviews((0, 1494, JAN24)))
    assert rows == [("employed", 1488, 1490), ("unknown", 1490, 1493), ("looking", 1493, 1494)]
    spells, _ = spells_of(calendar, interviews((0, 1494, JAN24)))
    assert spells.loc[2, ["beg_lo", "beg_hi", "beg_fuzzy"]].tolist() == [1491, 1494, 1]


def test_a_first_period_of_unknown_year_covers_the_first_month_of_the_window():  # 6
    calendar = told((0, (9998, 98), 1, None))
    rows, _ = line(calendar, interviews((0, 1494, JAN24)))
    assert rows == [("employed", 1488, 1494)]


def test_a_date_that_fits_no_neighbour_is_logged_and_left_unknown():  # 6
    calendar = told((0, (2024, 1), 1, (2024, 3)), (0, (2023, 98), 6, None))
    rows, findings = line(calendar, interviews((0, 1494, JAN24)))
    assert rows == [("employed", 1488, 1491), ("unknown", 1491, 1494)]
    assert "spell.no_date" in findings


def test_a_person_whose_rows_all_lie_outside_the_window_is_unknown_throughout():  # 8
    rows, findings = line(told((0, (2021, 1), 1, (2021, 5))), interviews((0, 1494, JAN24)))
    assert rows == [("unknown", 1488, 1494)]
    assert findings == ["spell.no_month"]


def test_marks_tell_seam_recall_truncation_censoring_and_corrections():  # 7
    spells, _ = spells_of(
        told((0, (2023, 5), 6, None), (1, (2024, 7), 1, None)),
        interviews((0, 1494, JAN24), (1, 1500, 1494, 0, 9)),
    )
    marks = spells[["state", "seam", "recalled", "left_trunc", "right_cens", "source_wave"]]
    assert marks.to_numpy().tolist() == [["looking", 0, 5, 1, 0, 0], ["employed", 1, 5, 0, 1, 1]]
    assert spells["act_fix"].tolist() == [9, pd.NA]
    assert spells["act"].tolist() == [6, 1]


def test_whoever_is_known_abroad_by_the_record_alone_is_abroad_from_the_first_certain_month():
    spells, _ = spells_of(told((0, (2024, 1), 1, None)), interviews((0, 1494, JAN24)))
    record = pd.DataFrame({"person_id": ["A"], "wave": [2], "seen": [1503], "hi": [1501]})
    made = with_record(spells, record.astype({"person_id": "string"}))
    rows = [(s.state, int(s.start), int(s.stop), s.src) for s in made.itertuples()]
    assert rows == [("employed", 1488, 1494, 1), ("unknown", 1494, 1500, 3), ("abroad", 1500, 1503, 3)]
    assert made["right_cens"].tolist()[-1] == 1
    assert with_record(spells, record.assign(person_id="B"))["state"].tolist() == ["employed"]


def test_whoever_is_known_in_place_by_the_record_is_there_in_a_state_not_known():
    spells, _ = spells_of(told((0, (2024, 1), 1, None)), interviews((0, 1494, JAN24)))
    record = pd.DataFrame({"person_id": ["A"], "wave": [1], "seen": [1499], "hi": pd.array([None], "Int64")})
    made = with_record(spells, record)
    assert [(s.state, int(s.stop)) for s in made.itertuples()] == [("employed", 1494), ("unknown", 1499)]


periods = st.lists(
    st.tuples(
        st.integers(2022, 2024), st.sampled_from([1, 4, 9, 12, 98]), st.integers(1, 12), st.integers(0, 14)
    ),
    min_size=0,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(periods, periods)
def test_whatever_is_told_every_month_of_the_window_has_one_state(first, second):  # 8
    rows = []
    for wave, answers in ((0, first), (1, second)):
        for n, (year, month, act, length) in enumerate(answers, 1):
            end = (year - 1900) * 12 + (6 if month == 98 else month) + length
            rows.append(("A", wave, n, year, month, act, 1, 0, 1900 + (end - 1) // 12, (end - 1) % 12 + 1))
    met = interviews((0, 1494, 1478), (1, 1500, 1494))
    spells, _ = spells_of(frame(CALENDAR, rows), met)
    assert person_months(spells)["cm"].tolist() == list(range(1478, 1501))
    assert validate(spells.drop(columns="right_cens")) == []
