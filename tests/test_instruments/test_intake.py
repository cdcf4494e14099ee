"""A form back from Excel: what differs by question, and what it goes on sharing.

1. Edits name sheet, question or choice, column, before and after; rows that came, went or moved are one edit;
   equal forms give none. Applying nothing changes nothing.
2. A shipped form that comes back as it went keeps its text to the letter: modules, lists, quotes.
3. A cell changed in a row of the form's own is patched there; one changed in a module becomes a `change` row;
   a row that is added stands where it was put.
4. A row taken from the middle of a module ends the sharing, and that is said; a shared list that nothing uses
   any more goes; a changed shared list becomes the form's own.
5. Whatever is folded writes out to what came back.
6. `take_in` tells a new form from one that is there and counts what breaks; `put` takes away sheets that
   went. A name that is no name of a folder is refused.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from instruments.excel.edits import PLACE, ROW, Edit, edits
from instruments.excel.folding import fold
from instruments.excel.intake import put, take_in
from instruments.excel.workbook import write
from instruments.expand.includes import write_out
from instruments.instrument import FORMS, forms, load
from instruments.sheets import Sheets, read_folder, rows, table, write_folder

SURVEY = [
    ["type", "name", "label", "relevant"],
    ["text", "a", "A", ""],
    ["integer", "b", "B", ""],
    ["select_one yn", "c", "C", "${b} = 1"],
]
CHOICES = [["list_name", "name", "label"], ["yn", "1", "Yes"], ["yn", "0", "No"]]
SETTINGS = [["form_id", "form_title"], ["small", "Small"]]
SMALL: Sheets = {"survey": SURVEY, "choices": CHOICES, "settings": SETTINGS}


def with_cell(sheets: Sheets, sheet: str, name: str, column: str, cell: str) -> Sheets:
    """The same form with one cell of one named row changed."""
    found = [row | {column: cell} if row.get("name") == name else row for row in rows(sheets[sheet])]
    return dict(sheets) | {sheet: table(found, sheets[sheet][0])}


def without(sheets: Sheets, *names: str) -> Sheets:
    kept = [row for row in rows(sheets["survey"]) if row.get("name") not in names]
    return dict(sheets) | {"survey": table(kept, sheets["survey"][0])}


# 1


def test_a_changed_cell_is_told_by_its_question() -> None:
    assert edits(SMALL, with_cell(SMALL, "survey", "b", "label", "Bee")) == [
        Edit("survey", "b", "label", "B", "Bee")
    ]
    assert edits(SMALL, with_cell(SMALL, "choices", "0", "label", "Never")) == [
        Edit("choices", "yn 0", "label", "No", "Never")
    ]
    assert edits(SMALL, SMALL) == []


def test_rows_that_came_went_and_moved_are_told_once() -> None:
    after = dict(SMALL) | {"survey": [SURVEY[0], SURVEY[3], SURVEY[1], ["note", "d", "D", ""]]}
    assert edits(SMALL, after) == [
        Edit("survey", "c", PLACE, "row 4", "row 2"),
        Edit("survey", "d", ROW, "", "note D"),
        Edit("survey", "b", ROW, "integer B", ""),
    ]


# 2 to 5


@pytest.mark.parametrize("name", forms())
def test_a_form_that_comes_back_as_it_went_keeps_its_text(name: str) -> None:
    before = read_folder(FORMS / name)
    folded, findings = fold(dict(load(name).sheets), before)
    assert (folded, findings) == (before, [])


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A module of three questions and a file of two shared lists."""
    module = [
        ["type", "name", "label"],
        ["begin_group", "m", "Module {when}"],
        ["select_one yn", "m1", "One"],
        ["integer", "m2", "Two"],
        ["end_group", "m", ""],
    ]
    write_folder({"survey": module}, tmp_path / "modules" / "mod")
    lists = [["list_name", "name", "label"], ["yn", "1", "Yes"], ["yn", "0", "No"], ["wh", "1", "Where"]]
    write_folder({"choices": lists}, tmp_path / "modules")
    return tmp_path / "modules"


FORM: Sheets = {
    "survey": [
        ["type", "name", "label"],
        ["text", "first", "First"],
        ["include", "mod", ""],
        ["fill", "when", "last week"],
        ["select_one wh", "last", "Last"],
    ],
    "settings": [["form_id"], ["f"]],
}


def folded(whole: Sheets, modules: Path) -> tuple[list[list[str]], Sheets, list[str]]:
    """The rows of the survey sheet, the sheets and the codes of the findings; the round trip is checked."""
    sheets, findings = fold(whole, FORM, modules)
    told = [edit for edit in edits(write_out(sheets, modules).sheets, whole) if edit.column != PLACE]
    assert told in ([], UNUSED)
    return [list(row.values()) for row in rows(sheets["survey"])], sheets, [f.where for f in findings]


UNUSED = [Edit("choices", "wh 1", ROW, "", "Where")]
"""All that an import may leave out, apart from the order of lists: a shared one no question uses any more."""


def test_a_row_of_its_own_is_patched_and_a_row_of_a_module_changed(modules: Path) -> None:  # 3
    whole = write_out(FORM, modules).sheets
    whole = with_cell(with_cell(whole, "survey", "first", "label", "Name"), "survey", "m2", "label", "Zwei")
    assert folded(whole, modules)[0] == [
        ["text", "first", "Name"],
        ["include", "mod"],
        ["fill", "when", "last week"],
        ["change", "m2", "Zwei"],
        ["select_one wh", "last", "Last"],
    ]


def test_a_row_that_is_added_stands_where_it_was_put(modules: Path) -> None:
    whole = write_out(FORM, modules).sheets
    found = rows(whole["survey"])
    found.insert(1, {"type": "note", "name": "new", "label": "New"})
    told, _, findings = folded(dict(whole) | {"survey": table(found)}, modules)
    assert [row[1] for row in told] == ["first", "new", "mod", "when", "last"]
    assert findings == []


def test_a_row_taken_from_a_module_ends_the_sharing_and_is_said(modules: Path) -> None:  # 4
    whole = without(write_out(FORM, modules).sheets, "m2")
    told, _, findings = folded(whole, modules)
    assert [row[:2] for row in told] == [
        ["text", "first"], ["begin_group", "m"], ["select_one yn", "m1"], ["end_group", "m"],
        ["select_one wh", "last"],
    ]  # fmt: skip
    assert findings == ["f: module mod"]


def test_a_cell_emptied_in_a_module_ends_the_sharing_too(modules: Path) -> None:
    whole = with_cell(write_out(FORM, modules).sheets, "survey", "m2", "label", "")
    assert folded(whole, modules)[2] == ["f: module mod"]


def test_a_list_that_nothing_uses_goes_and_a_changed_one_becomes_its_own(modules: Path) -> None:
    whole = write_out(FORM, modules).sheets
    _, sheets, findings = folded(without(whole, "last"), modules)
    assert ("choices" in sheets, findings) == (False, [])
    _, sheets, _ = folded(with_cell(whole, "choices", "0", "label", "Never"), modules)
    assert [row["label"] for row in rows(sheets["choices"])] == ["Yes", "Never"]


# 6


def test_a_new_form_is_written_and_one_that_is_there_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "small.xlsx"
    file.write_bytes(write(SMALL)[0])
    taken = take_in(file, tmp_path / "forms")
    assert (taken.is_new, taken.folder.name, len(taken.edits), taken.breaking) == (True, "small", 6, 0)
    put(taken)
    text = {path.name: path.read_text("utf-8") for path in taken.folder.iterdir()}
    assert set(text) == {"survey.csv", "choices.csv", "settings.csv"}
    again = take_in(file, tmp_path / "forms")
    assert (again.is_new, again.edits) == (False, ())
    put(again)
    assert {path.name: path.read_text("utf-8") for path in taken.folder.iterdir()} == text


def test_what_breaks_is_counted_and_a_sheet_that_went_is_taken_away(tmp_path: Path) -> None:
    write_folder(SMALL, tmp_path / "small")
    file = tmp_path / "small.xlsx"
    gone = without(SMALL, "c")
    del gone["choices"]
    file.write_bytes(write(gone)[0])
    taken = take_in(file, tmp_path)
    assert (taken.breaking, [edit.row for edit in taken.edits]) == (1, ["c", "yn 1", "yn 0"])
    put(taken)
    assert not (tmp_path / "small" / "choices.csv").exists()
    assert read_folder(tmp_path / "small") == gone


def test_a_name_that_is_no_name_of_a_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    file.write_bytes(write(dict(SMALL) | {"settings": [["form_id"], ["../elsewhere"]]})[0])
    with pytest.raises(ValueError, match="cannot be the name of a folder"):
        take_in(file, tmp_path / "forms")
