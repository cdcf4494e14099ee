"""Requirements.

1. Every corridor has a table of days without visits, from 2020 to 2035, with a source for each row.
2. Tết is three weeks around the lunar new year; Ramadan and Lebaran, Thingyan, Khmer New Year and Christmas
   have their days each year, and every corridor its main harvest.
3. What is computed is what the libraries compute that it says it is from.
4. A plan of waves takes the table by the name of the corridor, or some kinds of it.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from instruments.corridor import corridor, corridors
from instruments.plan import load_plan
from instruments.plan.blackouts import Blackout, read_blackouts

YEARS = range(2020, 2036)
FESTIVALS = {
    "vn-jp": ("Tết", "festival"),
    "id-jp": ("Ramadan and Lebaran", "fasting"),
    "kh-jp": ("Khmer New Year", "festival"),
    "mm-jp": ("Thingyan", "festival"),
    "ph-jp": ("Christmas", "festival"),
}


def spans(name: str, begins: str = "") -> list[Blackout]:
    return [b for b in read_blackouts(corridor(name).folder / "blackouts.csv") if b.name.startswith(begins)]


@pytest.mark.parametrize("name", corridors())
def test_a_corridor_says_for_each_year_when_not_to_visit_and_why(name: str) -> None:  # 1, 2
    festival, kind = FESTIVALS[name]
    assert {span.first.year for span in spans(name, festival)} >= set(YEARS)
    assert {span.kind for span in spans(name, festival)} == {kind}
    assert {span.first.year for span in spans(name) if span.kind == "harvest"} == set(YEARS)
    assert all(7 <= (span.last - span.first).days <= 50 for span in spans(name))
    with (corridor(name).folder / "blackouts.csv").open(encoding="utf-8", newline="") as stream:
        assert all(row["source"] for row in csv.DictReader(stream))


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("vn-jp", date(2026, 2, 17)),  # 1st of the 1st month, year of the horse
        ("vn-jp", date(2030, 2, 2)),  # a day before the Chinese one
        ("id-jp", date(2025, 3, 31)),  # Lebaran, 1 Shawwal 1446
        ("id-jp", date(2030, 1, 10)),  # two months of fasting begin in 2030
        ("id-jp", date(2030, 12, 28)),
        ("kh-jp", date(2027, 4, 14)),
        ("mm-jp", date(2027, 4, 14)),
        ("ph-jp", date(2028, 1, 1)),
    ],
)
def test_known_days_are_in_the_table(name: str, day: date) -> None:  # 2
    assert any(span.first < day < span.last for span in spans(name, FESTIVALS[name][0]))


def test_tet_is_three_weeks() -> None:  # 2
    assert {(span.last - span.first).days + 1 for span in spans("vn-jp", "Tết")} == {21}


def test_tet_is_what_the_library_computes() -> None:  # 3
    holidays = pytest.importorskip("holidays")
    for span in spans("vn-jp", "Tết"):
        named = holidays.country_holidays("VN", years=span.first.year, language="en_US")
        assert named[span.first + timedelta(days=10)] == "Lunar New Year"


def test_ramadan_and_lebaran_are_what_the_library_computes() -> None:  # 3
    hijri = pytest.importorskip("hijridate").Hijri
    for span in spans("id-jp", "Ramadan"):
        year = int(span.name.split()[-2])
        fasting, feast = (hijri(year, month, 1).to_gregorian() for month in (9, 10))
        assert (span.first + timedelta(days=1), span.last - timedelta(days=8)) == (fasting, feast)


def test_khmer_new_year_and_thingyan_are_what_the_library_computes() -> None:  # 3
    holidays = pytest.importorskip("holidays")
    from holidays.calendars.burmese import _BurmeseLunisolar

    for span in spans("kh-jp", "Khmer"):
        named = holidays.country_holidays("KH", years=span.first.year, language="en_US")
        days = sorted(day for day, name in named.items() if name.startswith("Khmer New Year"))
        assert (span.first + timedelta(days=5), span.last - timedelta(days=5)) == (days[0], days[-1])
    for span in spans("mm-jp", "Thingyan"):
        begins, ends = _BurmeseLunisolar().thingyan_dates(span.first.year)
        assert (span.first + timedelta(days=3), span.last - timedelta(days=5)) == (begins, ends)


def test_a_plan_takes_the_table_of_a_corridor(tmp_path: Path) -> None:  # 4
    path = tmp_path / "plan.toml"
    wave = '[track.a]\nwave = [{ number = 0, form = "f", months = 0, opens_days = 0, closes_days = 9 }]\n'
    asked = '[blackouts]\ntable = "id-jp"\nkinds = ["fasting"]\n'
    path.write_text(f'corridor = "IDN-JPN"\n{asked}{wave}', encoding="utf-8")
    assert load_plan(path).blackouts.spans == tuple(spans("id-jp", "Ramadan"))
