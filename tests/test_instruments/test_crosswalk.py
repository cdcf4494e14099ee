"""Crosswalks.

1. A ruling covers changes of that variable and kind from versions published up to its day; with before and
   after it covers that change alone, from a version of any day.
2. What does not break needs no ruling; what breaks and is not covered is an error that says what to write.
3. A row without reason, author, day or a known kind is a finding and covers nothing; a file that lacks
   columns is one too; no file is no ruling.
4. The template, filled in, covers the changes it was made for.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from instruments.comparability.changes import Change
from instruments.comparability.crosswalk import Ruling, path_of, read, template, to_findings, uncovered

UNIT = Change("unit", "pay", "million VND", "yen", True, "the same number is another amount")
WORDS = Change("reworded", "pay", "Pay?", "Your pay?", True, "people hear other words", "vi")
NEW = Change("added", "age", "", "Age", False, "earlier waves have no answer to it")
DAY = date(2026, 3, 2)


def ruling(**more: str) -> Ruling:
    told = {"variable": "pay", "kind": "unit", "reason": "abroad", "author": "An"} | more
    return Ruling(**told, day=DAY)


def test_a_ruling_covers_its_variable_and_kind() -> None:  # 1
    assert ruling().covers(UNIT)
    assert not ruling().covers(WORDS)
    assert not ruling(variable="age").covers(UNIT)


def test_a_ruling_is_over_when_a_version_was_published_after_it() -> None:
    assert ruling().covers(UNIT, DAY)
    assert not ruling().covers(UNIT, date(2026, 3, 3))


def test_with_before_and_after_it_covers_that_change_alone() -> None:
    assert ruling(before="million VND", after="yen").covers(UNIT)
    assert not ruling(before="million VND", after="USD").covers(UNIT)


def test_a_ruling_on_one_exact_change_is_never_over() -> None:
    assert ruling(before="million VND", after="yen").covers(UNIT, date(2036, 3, 3))
    assert not ruling(before="million VND").covers(UNIT, date(2036, 3, 3))
    came = Change("unit", "pay", "", "yen", True, "a unit came")
    assert ruling(after="yen").covers(came, date(2036, 3, 3))


def test_what_does_not_break_needs_no_ruling() -> None:  # 2
    assert uncovered([UNIT, WORDS, NEW], [ruling()], DAY) == [WORDS]


def test_an_error_says_what_changed_and_what_to_write() -> None:
    (finding,) = to_findings([UNIT], "rm_followup", "1.abc")
    assert (finding.level, finding.code, finding.where) == (
        "error",
        "comparability.broken",
        "rm_followup: pay",
    )
    assert "Since version 1.abc it is unit (another unit): million VND → yen" in finding.message
    assert "rm_followup.crosswalk.csv: pay,unit,REASON,AUTHOR,DATE" in finding.message


def write(folder: Path, *rows: str, header: str = "variable,kind,reason,author,date") -> Path:
    path = path_of("f", folder)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("pay,unit,,An,2026-03-02", "The reason is empty"),
        ("pay,unit,abroad,,2026-03-02", "The author is empty"),
        ("pay,unit,abroad,An,2 March", "'2 March' is no day"),
        ("pay,units,abroad,An,2026-03-02", "'units' is no kind of change; there are added, dropped"),
    ],
)
def test_a_row_that_says_too_little_covers_nothing(tmp_path: Path, row: str, message: str) -> None:  # 3
    rulings, (finding,) = read(write(tmp_path, "pay,reworded,same,An,2026-03-02", row))
    assert [one.kind for one in rulings] == ["reworded"]
    assert (finding.level, finding.code, finding.where) == ("error", "crosswalk.row", "f.crosswalk.csv row 3")
    assert message in finding.message


def test_a_file_that_lacks_columns_is_a_finding(tmp_path: Path) -> None:
    rulings, (finding,) = read(write(tmp_path, "pay,unit", header="variable,kind"))
    assert (rulings, finding.code) == ([], "crosswalk.columns")
    assert "reason, author, date" in finding.message


def test_no_file_is_no_ruling(tmp_path: Path) -> None:
    assert read(path_of("f", tmp_path)) == ([], [])


def test_the_template_filled_in_covers_what_it_was_made_for(tmp_path: Path) -> None:  # 4
    rows = list(csv.DictReader(io.StringIO(template([UNIT, WORDS], DAY))))
    for row in rows:
        row |= {"reason": "known", "author": "An"}
    with path_of("f", tmp_path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    rulings, findings = read(path_of("f", tmp_path))
    assert findings == []
    assert uncovered([UNIT, WORDS], rulings, DAY) == []
