"""Spells as (start, stop]: grouping, the four faults between neighbours, merging, and months.

1. Groups are those of indicators.md, section 3; place abroad beats any activity.
2. overlap, gap, jump and teleport are found, each by its own name.
3. Neighbours of one group merge for group analyses and stay apart for job analyses.
4. Spells to months to spells changes nothing, nor does months to spells to months.
"""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.spells import STATES, from_months, group, merge, person_months, validate


def spells(*rows, columns=("person_id", "start", "stop", "state")):
    frame = pd.DataFrame(rows, columns=columns)
    whole = {c: "Int64" for c in ("start", "stop", "act", "right_cens") if c in frame}
    return frame.astype({"person_id": "string", "state": "string", **whole})


@pytest.mark.parametrize(
    ("act", "place", "state"),
    [
        (1, 1, "employed"),
        (4, 2, "employed"),
        (5, 1, "own_farm"),
        (6, 1, "looking"),
        (7, 1, "waiting"),
        (8, 3, "study"),
        (10, 1, "home"),
        (12, 1, "abroad"),
        (6, 4, "abroad"),
        (96, 1, "unknown"),
        (98, 1, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_activities_are_grouped_and_abroad_is_a_matter_of_place(act, place, state):  # 1
    grouped = group(pd.Series([act], dtype="Int64"), pd.Series([place], dtype="Int64"))
    assert grouped.tolist() == [state]


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        (("A", 1498, 1505, "looking"), "overlap"),
        (("A", 1502, 1505, "employed"), "gap"),
        (("A", 1502, 1505, "looking"), "jump"),
        (("A", 1500, 1505, "looking"), None),
        (("B", 1490, 1495, "looking"), None),
    ],
)
def test_each_fault_between_neighbours_has_its_name(second, fault):  # 2
    found = validate(spells(("A", 1490, 1500, "employed"), second))
    assert [f.code for f in found] == ([f"spell.{fault}"] if fault else [])


def test_a_spell_seen_going_on_cannot_be_followed_at_once_by_another_state():  # 2
    columns = ("person_id", "start", "stop", "state", "right_cens")
    rows = spells(("A", 1490, 1500, "employed", 1), ("A", 1500, 1505, "looking", 0), columns=columns)
    (found,) = validate(rows)
    assert found.code == "spell.teleport"
    assert found.where == "spells/A"
    assert validate(rows.assign(right_cens=0)) == []


def test_two_jobs_in_a_row_are_one_spell_of_employment_and_two_of_activity():  # 3
    columns = ("person_id", "start", "stop", "state", "act")
    rows = spells(
        ("A", 1490, 1495, "employed", 1),
        ("A", 1495, 1500, "employed", 2),
        ("A", 1503, 1505, "employed", 2),
        columns=columns,
    )
    assert merge(rows)[["start", "stop"]].to_numpy().tolist() == [[1490, 1500], [1503, 1505]]
    assert len(merge(rows, by=("state", "act"))) == 3


def test_a_spell_holds_in_the_months_after_start_up_to_stop():  # 4
    months = person_months(spells(("A", 1490, 1492, "employed"), ("A", 1492, 1493, "looking")))
    assert months["cm"].tolist() == [1491, 1492, 1493]
    assert months["state"].tolist() == ["employed", "employed", "looking"]


sequences = st.dictionaries(
    st.sampled_from(["A", "B", "C"]),
    st.lists(st.sampled_from(STATES[:3]), min_size=1, max_size=12),
    min_size=1,
)


@settings(max_examples=25, deadline=None)
@given(sequences, st.integers(1400, 1500))
def test_months_to_spells_to_months_changes_nothing(people, first):  # 4
    rows = [(p, first + i, s) for p in sorted(people) for i, s in enumerate(people[p])]
    months = pd.DataFrame(rows, columns=["person_id", "cm", "state"])
    months = months.astype({"person_id": "string", "cm": "Int64", "state": "string"})
    made = from_months(months)
    assert validate(made) == []
    pd.testing.assert_frame_equal(person_months(made), months)
    pd.testing.assert_frame_equal(from_months(person_months(made)), made)


@settings(max_examples=25, deadline=None)
@given(sequences)
def test_the_order_of_the_rows_does_not_matter(people):
    rows = [(p, 1400 + i, 1401 + i, s) for p in people for i, s in enumerate(people[p])]
    straight, turned = spells(*rows), spells(*rows[::-1])
    pd.testing.assert_frame_equal(merge(straight), merge(turned))


def test_no_argument_is_changed():
    rows = spells(("A", 1490, 1492, "employed"), ("A", 1492, 1493, "employed"))
    before = rows.copy(deep=True)
    merge(rows), person_months(rows), validate(rows)
    pd.testing.assert_frame_equal(rows, before)
