"""Requirements.

1. A window that would open in a blackout opens on the day after it; one that would not keeps its day.
2. It closes later by the working days lost, counted without blackouts, up to the limit of the plan and to the
   day before the next window; it is never shortened.
3. With too few working days left it is tight; wholly covered it stays as it is and is tight.
4. Wave 0 opens on the day of recruitment, blackout or not.
5. A table is read by kinds; a bad row is refused by its number.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.plan import Blackout, Blackouts, BlackoutsError, WavePlan, read_blackouts, windows
from instruments.plan.tracks import Track, Wave

TET = Blackout(date(2027, 1, 30), date(2027, 2, 19), "Tết 2027", "festival")


def day(month: int, of_month: int) -> date:
    return date(2027, month, of_month)


@pytest.mark.parametrize(
    ("opens", "closes", "result", "says"),
    [
        (day(3, 1), day(4, 12), (day(3, 1), day(4, 12)), ""),
        (day(2, 1), day(3, 15), (day(2, 20), day(4, 3)), "opens 19 days later, closes 19 days later"),
        (day(1, 1), day(3, 1), (day(1, 1), day(3, 22)), "opens 0 days later, closes 21 days later"),
        (day(1, 1), day(2, 4), (day(1, 1), day(2, 25)), "opens 0 days later, closes 21 days later"),
    ],
)
def test_a_window_gives_way_and_gets_its_days_back(
    opens: date, closes: date, result: tuple[date, date], says: str
) -> None:  # 1, 2
    made = Blackouts((TET,)).shift(opens, closes)
    assert (made.opens, made.closes, made.is_tight) == (*result, False)
    assert says in made.why
    assert not says or made.why.startswith("Tết 2027 (2027-01-30 to 2027-02-19)")


def test_days_lost_to_a_second_blackout_do_not_count_as_made_good() -> None:  # 2
    feast = Blackout(day(3, 3), day(3, 9), "Feast")
    made = Blackouts((TET, feast), extend_days=60).shift(day(1, 1), day(3, 1))
    assert made.closes == day(3, 22) + timedelta(days=7)


def test_a_limit_and_the_next_window_end_the_extension() -> None:  # 2
    assert Blackouts((TET,), extend_days=10).shift(day(1, 1), day(3, 1)).closes == day(3, 11)
    assert Blackouts((TET,)).shift(day(1, 1), day(3, 1), latest=day(3, 5)).closes == day(3, 5)


def test_too_few_working_days_are_tight() -> None:  # 3
    made = Blackouts((TET,), least_days=14).shift(day(1, 25), day(2, 20), latest=day(2, 25))
    assert (made.opens, made.closes, made.is_tight) == (day(1, 25), day(2, 25), True)
    assert "11 working days" in made.why


def test_a_covered_window_stays_and_is_tight() -> None:  # 3
    made = Blackouts((TET,), extend_days=0).shift(day(2, 1), day(2, 10))
    assert (made.opens, made.closes, made.is_tight) == (day(2, 1), day(2, 10), True)
    assert "covers the window" in made.why


def test_wave_0_opens_at_recruitment_in_a_blackout_too() -> None:  # 4
    waves = (Wave(0, 0, 0, 56, "b", "baseline"), Wave(1, 6, -14, 42, "f", "baseline"))
    plan = WavePlan({"a": Track("a", waves)}, "X", blackouts=Blackouts((TET,)))
    first = windows(plan, "a", returned=None, recruited=day(2, 1))[0]
    assert (first.opens, first.closes) == (day(2, 1), day(3, 29) + timedelta(days=19))


@given(
    spans=st.lists(st.tuples(st.dates(day(1, 1), day(12, 31)), st.integers(0, 40)), max_size=6),
    opens=st.dates(day(1, 1), day(12, 31)),
    length=st.integers(0, 120),
)
def test_days_are_counted_as_one_would_by_hand(
    spans: list[tuple[date, int]], opens: date, length: int
) -> None:
    made = Blackouts(tuple(Blackout(a, a + timedelta(days=n), "x") for a, n in spans))
    out = {a + timedelta(days=k) for a, n in spans for k in range(n + 1)}
    days = [opens + timedelta(days=k) for k in range(length + 1)]
    assert made.lost(opens, days[-1]) == sum(one in out for one in days)
    assert [made.holds(one) for one in days] == [one in out for one in days]
    assert made.first_free(opens) not in out


def table(tmp_path: Path, *rows: str, header: str = "name,kind,from,to,source") -> Path:
    path = tmp_path / "blackouts.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_table_is_read_by_kinds_in_order_of_days(tmp_path: Path) -> None:  # 5
    path = table(tmp_path, "Tết,festival,2027-01-30,2027-02-19,x", "Rice,harvest,2026-06-01,2026-06-20,y")
    assert [span.name for span in read_blackouts(path)] == ["Rice", "Tết"]
    (only,) = read_blackouts(path, ["festival"])
    assert only == Blackout(date(2027, 1, 30), date(2027, 2, 19), "Tết", "festival")


@pytest.mark.parametrize(
    ("row", "kinds", "says"),
    [
        ("Tết,festival,30/1/2027,2027-02-19,x", None, "row 2: from and to must be days"),
        ("Tết,festival,2027-02-19,2027-01-30,x", None, "row 2: it ends before it begins"),
        ("Tết,festival,2027-01-30,2027-02-19,x", ["feast"], "no row is of kind feast; there are festival"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(
    tmp_path: Path, row: str, kinds: list[str] | None, says: str
) -> None:  # 5
    with pytest.raises(BlackoutsError, match=says):
        read_blackouts(table(tmp_path, row), kinds)


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:  # 5
    with pytest.raises(BlackoutsError, match="no column kind, to"):
        read_blackouts(table(tmp_path, header="name,from"))
