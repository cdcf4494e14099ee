"""Requirements.

1. Every shared choice list, and every list a corridor has otherwise, has a version on record; a change of
   codes, order, words or amounts without a new version is an error that names the list.
2. A new version follows the last one of that list, from the day it is recorded; the others stay.
3. The version of a list is found by what is in it: in forms as they are, and as they were published.
4. The codebook shows it; for an attached list it is the name of the list of places.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from instruments import editions
from instruments.codebook import Choice
from instruments.dictionary import entries, rows, to_text
from instruments.editions import RECORD, recorded, unrecorded, version_of
from instruments.instrument import Instrument, load

DAY = date(2031, 3, 14)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A record to write to, in place of the package's own."""
    file = tmp_path / "list_versions.csv"
    file.write_bytes(RECORD.read_bytes())
    monkeypatch.setattr(editions, "RECORD", file)
    editions.editions.cache_clear()
    yield file
    editions.editions.cache_clear()


def spoilt(record: Path, *lists: str) -> None:
    """The record as if these lists had been otherwise when it was made."""
    text = record.read_text(encoding="utf-8")
    for name in lists:
        line = next(line for line in text.splitlines() if line.startswith(f"{name},"))
        text = text.replace(line, f"{line.rpartition(',')[0]},{'0' * 64}")
    record.write_text(text, encoding="utf-8")


def test_every_list_is_as_its_version_says() -> None:  # 1
    assert unrecorded() == [], "a list changed: survey corridor versions --record"


def test_a_silent_change_is_an_error(record: Path) -> None:  # 1
    spoilt(record, ",yesno", "id-jp,edu")
    found = unrecorded()
    assert [(one.level, one.code, one.where) for one in found] == [
        ("error", "list.unrecorded", "shared: yesno"),
        ("error", "list.unrecorded", "id-jp: edu"),
    ]


def test_a_change_that_is_recorded_is_the_next_version(record: Path) -> None:  # 2
    before = record.read_text(encoding="utf-8").splitlines()
    spoilt(record, ",yesno")
    record.write_text(recorded(DAY), encoding="utf-8")
    editions.editions.cache_clear()
    assert unrecorded() == []
    new = [row for row in csv.DictReader(io.StringIO(record.read_text())) if row["valid_from"] == str(DAY)]
    assert [(row["corridor"], row["list"], row["version"]) for row in new] == [("", "yesno", "2")]
    assert len(record.read_text().splitlines()) == len(before) + 1
    assert version_of("yesno", load("rm_exit").choices("yesno")) == "2"


def test_nothing_changed_is_nothing_recorded() -> None:  # 2
    assert recorded(DAY) == RECORD.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("corridor", "versions"),
    [("vn-jp", {"edu": "1", "yesno": "1"}), ("ph-jp", {"edu": "ph-jp/1", "yesno": "1"})],
)
def test_a_version_is_known_by_what_is_in_the_list(corridor: str, versions: dict[str, str]) -> None:  # 3
    form = load("rm_baseline", corridor=corridor)
    published = Instrument.from_sheets(form.sheets)
    for name, version in versions.items():
        assert version_of(name, published.choices(name)) == version


def test_other_words_are_no_version_on_record() -> None:  # 3
    yes, no = load("rm_exit").choices("yesno")
    assert version_of("yesno", [no, yes]) == ""
    assert version_of("yesno", [Choice("1", {"en": "Indeed"}), no]) == ""
    vietnamese = Choice("1", {**yes.label, "vi": "Vâng"}, yes.attributes)
    assert version_of("yesno", [vietnamese, no]) == "1"


def test_the_codebook_shows_versions() -> None:  # 4
    known = {
        entry.variable.name: entry for entry in entries([load("rm_baseline", corridor="id-jp")], None, None)
    }
    shown = {row["name"]: row["list_version"] for row in rows(list(known.values()))}
    assert (shown["edu_now"], shown["sex"]) == ("id-jp/1", "1")
    assert (shown["prov_cur"], shown["birth_y"]) == ("id_prov", "")
    assert "list version  id-jp/1" in to_text(known["edu_now"])
    old = {row["name"]: row["list_version"] for row in rows(entries([load("rm_baseline")], None, None))}
    assert (old["prov_birth"], old["prov_cur"]) == ("vn63", "vn34")
