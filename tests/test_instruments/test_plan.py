"""Requirements.

1. Months are added from the anchor in one step and cut to the end of a shorter month.
2. Wave 0 opens on the day of recruitment; later waves from return (inflow) or from the baseline (stock).
3. A wave whose window is over at recruitment is left out; the numbers of the others stay.
4. Windows of a person are in order and do not overlap; a window may move, its due date is the anchor's.
5. While the return is not known, only waves that do not need it are planned.
6. The track follows from the months between return and recruitment.
7. A plan that cannot be followed is refused with the wave and the cure.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.plan import (
    Blackouts,
    PlanError,
    WavePlan,
    add_months,
    century_month,
    load_plan,
    months_between,
    windows,
)

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
MONTHS = st.integers(-240, 240)
PLAN = replace(load_plan(), blackouts=Blackouts())  # those have tests of their own


@pytest.mark.parametrize(
    ("day", "n", "result"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 8, 30), 6, date(2027, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
    ],
)
def test_a_month_without_that_day_ends_the_wait_on_its_last_day(day: date, n: int, result: date) -> None:  # 1
    assert add_months(day, n) == result


@given(DAYS, MONTHS)
def test_adding_months_keeps_the_day_or_ends_the_month(day: date, n: int) -> None:  # 1
    moved = add_months(day, n)
    last = monthrange(moved.year, moved.month)[1]
    assert century_month(moved) - century_month(day) == months_between(day, moved) == n
    assert moved.day == min(day.day, last)


@given(DAYS, MONTHS, st.integers(0, 40))
def test_a_later_day_never_falls_due_earlier(day: date, n: int, later: int) -> None:  # 1
    assert add_months(day, n) <= add_months(day + timedelta(days=later), n)


def test_the_inflow_is_followed_from_return() -> None:  # 2, 3
    planned = windows(PLAN, "inflow", returned=date(2026, 1, 1), recruited=date(2026, 1, 20))
    assert [(w.wave, w.opens, w.due, w.closes) for w in planned[:4]] == [
        (0, date(2026, 1, 20), date(2026, 1, 20), date(2026, 3, 17)),
        (1, date(2026, 3, 18), date(2026, 4, 1), date(2026, 5, 13)),
        (2, date(2026, 6, 17), date(2026, 7, 1), date(2026, 8, 12)),
        (3, date(2026, 11, 6), date(2027, 1, 1), date(2027, 2, 26)),
    ]
    assert [months_between(date(2026, 1, 1), w.due) for w in planned[3:]] == [12, 18, 24, 36, 48, 60]
    assert [w.form for w in planned[:2]] == ["rm_baseline", "rm_followup"]


def test_the_stock_is_followed_from_the_baseline() -> None:  # 2
    planned = windows(PLAN, "stock", returned=date(2021, 1, 1), recruited=date(2026, 1, 31))
    assert [w.due for w in planned[:3]] == [date(2026, 1, 31), date(2026, 7, 31), date(2027, 1, 31)]


def test_a_wave_that_is_over_at_recruitment_is_left_out_and_numbers_stay() -> None:  # 3
    planned = windows(PLAN, "inflow", returned=date(2026, 1, 1), recruited=date(2026, 6, 1))
    assert [w.wave for w in planned] == [0, 2, 3, 4, 5, 6, 7, 8]
    assert planned[1].opens == date(2026, 6, 29)  # 28 days after recruitment instead of 17 June


@given(recruited=DAYS, back=st.integers(0, 130), track=st.sampled_from(["inflow", "stock"]))
def test_windows_are_in_order_and_due_by_the_anchor(recruited: date, back: int, track: str) -> None:  # 4
    returned = add_months(recruited, -back).replace(day=1)
    planned = windows(PLAN, track, returned=returned, recruited=recruited)
    assert planned[0].wave == 0
    assert planned[0].opens == recruited
    anchor = {"return": returned, "baseline": recruited}
    told = {wave.number: wave for wave in PLAN.tracks[track].waves}
    for window in planned:
        wave = told[window.wave]
        assert window.due == add_months(anchor[wave.origin], wave.months)
        assert window.opens <= window.closes
        assert window.is_open(window.closes)
        assert not window.is_open(window.closes + timedelta(days=1))
    follow_ups = planned[1:]
    for before, after in pairwise(follow_ups):
        assert before.wave < after.wave
        assert before.closes < after.opens
    assert all(w.opens >= recruited + timedelta(days=PLAN.gap_days) for w in follow_ups)


def test_an_unknown_return_plans_the_baseline_only() -> None:  # 5
    assert [w.wave for w in windows(PLAN, "inflow", returned=None, recruited=date(2026, 1, 20))] == [0]
    assert len(windows(PLAN, "stock", returned=None, recruited=date(2026, 1, 20))) == 8


@pytest.mark.parametrize(
    ("months", "track"), [(0, "inflow"), (12, "inflow"), (13, "stock"), (120, "stock"), (121, None)]
)
def test_the_track_follows_from_the_months_since_return(months: int, track: str | None) -> None:  # 6
    recruited = date(2026, 1, 20)
    returned = add_months(recruited, -months).replace(day=1)
    assert PLAN.track_for(returned=returned, recruited=recruited) == track


def plan_of(tmp_path: Path, *waves: str) -> WavePlan:
    path = tmp_path / "plan.toml"
    path.write_text(f'corridor = "X"\n[track.a]\nwave = [{", ".join(waves)}]\n', encoding="utf-8")
    return load_plan(path)


def wave(number: int = 0, months: int = 0, opens: int = 0, closes: int = 9, more: str = "") -> str:
    keys = f"number = {number}, months = {months}, opens_days = {opens}, closes_days = {closes}"
    return f'{{ {keys}, form = "f"{more} }}'


@pytest.mark.parametrize(
    ("waves", "message"),
    [
        ((wave(more=', origin = "birth"'),), "wave 0: origin is return, baseline or calendar"),
        ((wave(opens=5, closes=4),), "wave 0: it closes before it opens"),
        ((wave(1), wave(1, 6)), "wave numbers must rise, 1 does not"),
        ((wave(1, 6, 0, 90), wave(2, 9)), "windows of waves 1 and 2 overlap"),
        ((wave(more=", forms = 1"),), "forms"),
        (("{ number = 0 }",), "months"),
        (("{ number = ",), r"plan\.toml"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(
    tmp_path: Path, waves: tuple[str, ...], message: str
) -> None:
    with pytest.raises(PlanError, match=message):  # 7
        plan_of(tmp_path, *waves)


def test_a_plan_without_tracks_is_refused(tmp_path: Path) -> None:  # 7
    path = tmp_path / "plan.toml"
    path.write_text('corridor = "X"\n', encoding="utf-8")
    with pytest.raises(PlanError, match="the key 'track' is missing"):
        load_plan(path)


def test_the_shipped_plan_names_forms_of_the_package() -> None:
    assert PLAN.forms == ("rm_baseline", "rm_followup")
    assert PLAN.corridor == "VNM-JPN"
