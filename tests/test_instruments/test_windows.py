"""Requirements.

1. For every day from 2020 to 2035 and 1 to 60 months the due date is what pandas gives by its own arithmetic:
   clamped from the anchor, rising with the months, never drifting.
2. For every such anchor the waves of both tracks are due by that rule, in order, without overlap, none before
   recruitment, with and without blackouts.
3. A track goes on by a rule up to its horizon; the waves it gives are those one would write.
4. A calendar wave is due on the same day for all recruited before it, and gives way to a person's own.
5. A plan written as text reads back the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.plan import (
    Blackout,
    Blackouts,
    PlanError,
    WavePlan,
    add_months,
    from_text,
    lay_out,
    load_plan,
    to_text,
    windows,
)

PLAN = replace(load_plan(), blackouts=Blackouts())
ANCHORS = [day.date() for day in pd.date_range("2020-01-01", "2035-12-31")]
TET = tuple(
    Blackout(date(year, 1, 20), date(year, 2, 12), f"Tết {year}", "festival") for year in range(2020, 2045)
)
HARVEST = tuple(Blackout(date(y, 6, 1), date(y, 6, 20), f"Harvest {y}", "harvest") for y in range(2020, 2045))


def test_every_anchor_and_month_is_what_pandas_says() -> None:  # 1
    anchors = pd.Series(pd.to_datetime(ANCHORS))
    before = [date.min] * len(ANCHORS)
    for months in range(1, 61):
        expected = (anchors + pd.DateOffset(months=months)).dt.date.tolist()
        found = [add_months(day, months) for day in ANCHORS]
        assert found == expected
        assert all(earlier < later for earlier, later in zip(before, found, strict=True))
        before = found


def test_a_day_that_some_months_lack_comes_back_where_it_can() -> None:  # 1
    due = [add_months(date(2023, 12, 31), months) for months in range(1, 6)]
    assert [day.isoformat()[5:] for day in due] == ["01-31", "02-29", "03-31", "04-30", "05-31"]
    step = date(2023, 12, 31)
    for _ in range(5):
        step = add_months(step, 1)
    assert step == date(2024, 5, 29)  # what month after month would have come to


@pytest.mark.parametrize("spans", [(), TET, TET + HARVEST], ids=["none", "one a year", "two a year"])
@pytest.mark.parametrize("track", ["inflow", "stock"])
def test_every_anchor_lays_out_in_order(track: str, spans: tuple[Blackout, ...]) -> None:  # 2
    plan = replace(PLAN, blackouts=Blackouts(spans))
    told = {wave.number: wave for wave in plan.tracks[track].waves}
    for anchor in ANCHORS:
        recruited = anchor + timedelta(days=anchor.day) if track == "inflow" else anchor
        planned = windows(plan, track, returned=anchor, recruited=recruited)
        origin = anchor if track == "inflow" else recruited
        assert [w.due for w in planned[1:]] == [add_months(origin, told[w.wave].months) for w in planned[1:]]
        assert (planned[0].wave, planned[0].opens) == (0, recruited)
        for window in planned[1:]:
            assert recruited + timedelta(days=plan.gap_days) <= window.opens <= window.closes
        for before, after in pairwise(planned[1:]):
            assert before.wave < after.wave
            assert before.closes < after.opens
            assert before.due < after.due


def plan_of(tmp_path: Path, more: str, waves: str = "", above: str = "") -> WavePlan:
    path = tmp_path / "plan.toml"
    first = 'number = 0, months = 0, opens_days = 0, closes_days = 56, form = "b", origin = "baseline"'
    path.write_text(f'corridor = "X"\n{above}\n[track.a]\nwave = [{{ {first} }}{waves}]\n{more}\n', "utf-8")
    return load_plan(path)


THEN = 'then = { every_months = 12, until_months = 40, opens_days = -9, closes_days = 9, form = "f" }'


def test_a_rule_goes_on_to_its_horizon_from_the_last_wave_written(tmp_path: Path) -> None:  # 3
    last = ', { number = 4, months = 6, opens_days = -9, closes_days = 9, form = "f", origin = "baseline" }'
    track = plan_of(tmp_path, THEN, last).tracks["a"]
    assert [(w.number, w.months) for w in track.waves] == [(0, 0), (4, 6), (5, 18), (6, 30)]
    assert {w.origin for w in track.waves} == {"baseline"}


def test_the_shipped_plan_goes_on_once_a_year_after_two_years() -> None:  # 3
    months = {name: [w.months for w in track.waves] for name, track in PLAN.tracks.items()}
    assert months["inflow"] == [0, 3, 6, 12, 18, 24, 36, 48, 60]
    assert months["stock"] == [0, 6, 12, 18, 24, 36, 48, 60]


CALENDAR = """
[track.a.calendar]
number = 101
month = 2
day = 29
first_year = 2027
until_year = 2029
form = "f"
opens_days = -14
closes_days = 14
"""


def test_a_calendar_wave_is_on_one_day_for_all_recruited_before(tmp_path: Path) -> None:  # 4
    plan = plan_of(tmp_path, CALENDAR)
    early = lay_out(plan, "a", returned=None, recruited=date(2026, 5, 1))
    late = lay_out(plan, "a", returned=None, recruited=date(2027, 2, 28))
    assert [(w.wave, w.due) for w in early.windows[1:]] == [
        (101, date(2027, 2, 28)),
        (102, date(2028, 2, 29)),
        (103, date(2029, 2, 28)),
    ]
    assert [w.wave for w in late.windows] == [0, 102, 103]
    assert late.left_out == ((101, "recruited after its day"),)


def test_a_calendar_wave_gives_way_to_a_wave_of_the_person(tmp_path: Path) -> None:  # 4
    own = ', { number = 1, months = 6, opens_days = -14, closes_days = 42, form = "f", origin = "baseline" }'
    plan = plan_of(tmp_path, CALENDAR, own)
    made = lay_out(plan, "a", returned=None, recruited=date(2026, 8, 20))  # wave 1 is due on 20 February
    assert [w.wave for w in made.windows] == [0, 1, 102, 103]
    assert made.left_out == ((101, "meets wave 1, which comes first"),)


def test_waves_of_different_origins_never_overlap(tmp_path: Path) -> None:  # 2
    mixed = (
        ', { number = 1, months = 6, opens_days = -14, closes_days = 42, form = "f", origin = "return" }'
        ', { number = 2, months = 6, opens_days = -14, closes_days = 42, form = "f", origin = "baseline" }'
    )
    plan = plan_of(tmp_path, "", mixed)
    near = windows(plan, "a", returned=date(2026, 1, 1), recruited=date(2026, 2, 3))
    assert [(w.wave, w.opens, w.due) for w in near[1:]] == [
        (1, date(2026, 6, 17), date(2026, 7, 1)),
        (2, date(2026, 8, 13), date(2026, 8, 3)),
    ]
    same = lay_out(plan, "a", returned=date(2026, 2, 3), recruited=date(2026, 2, 3))
    assert same.left_out == ((2, "within the window of wave 1"),)


@given(
    recruited=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    back=st.integers(0, 130),
    spans=st.lists(st.tuples(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.integers(0, 60)), max_size=8),
    track=st.sampled_from(["inflow", "stock"]),
    extend=st.integers(0, 60),
)
def test_blackouts_move_windows_and_never_due_dates(
    recruited: date, back: int, spans: list[tuple[date, int]], track: str, extend: int
) -> None:  # 2
    blackouts = Blackouts(tuple(Blackout(a, a + timedelta(days=n), "x") for a, n in spans), extend)
    returned = add_months(recruited, -back).replace(day=1)
    plain = windows(PLAN, track, returned=returned, recruited=recruited)
    moved = windows(replace(PLAN, blackouts=blackouts), track, returned=returned, recruited=recruited)
    assert [(w.wave, w.due) for w in moved] == [(w.wave, w.due) for w in plain]
    for old, new in zip(plain, moved, strict=True):
        assert old.opens <= new.opens
        assert old.closes <= new.closes <= old.closes + timedelta(days=extend)
    for before, after in pairwise(moved[1:]):
        assert before.closes < after.opens


def test_the_shipped_plan_keeps_clear_of_the_festivals_of_the_corridor() -> None:  # 2
    vietnam, indonesia = load_plan(), load_plan(corridor="IDN-JPN")
    assert (vietnam.corridor, indonesia.corridor) == ("VNM-JPN", "IDN-JPN")
    assert vietnam.blackouts.holds(date(2027, 2, 6))  # Tết
    assert not indonesia.blackouts.holds(date(2027, 2, 6))
    assert indonesia.blackouts.holds(date(2027, 3, 10))  # Lebaran
    (third,) = [
        w for w in windows(vietnam, "stock", returned=None, recruited=date(2026, 2, 1)) if w.wave == 2
    ]
    assert third.due == date(2027, 2, 1)
    assert not vietnam.blackouts.holds(third.closes)


def test_a_plan_written_as_text_reads_back_the_same(tmp_path: Path) -> None:  # 5
    plan = replace(plan_of(tmp_path, CALENDAR), blackouts=Blackouts(TET, 21, 10))
    assert from_text(to_text(plan)) == plan
    assert to_text(from_text(to_text(PLAN))) == to_text(PLAN)


@pytest.mark.parametrize(
    ("more", "above", "message"),
    [
        ("forms = 1", "", "track a has no key 'forms'"),
        ("", "gap = 3", "the plan has no key 'gap'"),
        ("then = { every_months = 12 }", "", "until_months"),
        (CALENDAR.replace("first_year", "from_year"), "", "from_year"),
        ("", '[blackouts]\ntable = "vn-mars"', "There is no corridor 'vn-mars'; there are vn-jp"),
        ("", "[effort]\nmood = 1", "mood"),
        (
            CALENDAR.replace("closes_days = 14", "closes_days = 360"),
            "",
            "windows of waves 101 and 102 overlap",
        ),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(
    tmp_path: Path, more: str, above: str, message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        plan_of(tmp_path, more, above=above)


def test_a_calendar_wave_without_a_day_is_refused(tmp_path: Path) -> None:
    wave = ', { number = 9, months = 0, opens_days = 0, closes_days = 9, form = "f", origin = "calendar" }'
    with pytest.raises(PlanError, match="wave 9: a calendar wave, and no other, has a day"):
        plan_of(tmp_path, "", wave)
