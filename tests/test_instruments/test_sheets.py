"""Requirements.

1. Folder and .xlsx give back what was written, for the real forms and for any tidy table.
2. The same sheets give the same .xlsx bytes, whatever the time.
3. The digest does not change with column order, empty columns or Unicode form; it does with any word.
4. A row longer than its header is refused with file and row; blank rows and unnamed columns do not count.
"""

from __future__ import annotations

import io
import tempfile
import time
import unicodedata
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.instrument import FORMS, forms
from instruments.sheets import (
    Sheets,
    canonical,
    digest,
    read_folder,
    read_xlsx,
    rows,
    table,
    write_folder,
    write_xlsx,
)

CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn"), include_characters="\n\t"),
    max_size=12,
)


@st.composite
def tidy_tables(draw: st.DrawFn) -> list[list[str]]:
    """Tables as the readers give them: named columns, no blank rows."""
    header = draw(st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=4, unique=True))
    cells = st.lists(CELL, min_size=len(header), max_size=len(header))
    return [header, *draw(st.lists(cells.filter(any), max_size=4))]


SHEETS = st.fixed_dictionaries(
    {"survey": tidy_tables()}, optional={"choices": tidy_tables(), "x": tidy_tables()}
)


@given(SHEETS)
@settings(max_examples=60, deadline=None)
def test_an_xlsx_gives_back_what_was_written(sheets: Sheets) -> None:  # 1
    assert read_xlsx(write_xlsx(sheets)) == sheets


@given(SHEETS)
@settings(max_examples=60, deadline=None)
def test_a_folder_gives_back_what_was_written(sheets: Sheets) -> None:  # 1
    with tempfile.TemporaryDirectory() as folder:
        write_folder(sheets, Path(folder))
        assert read_folder(Path(folder)) == sheets


@pytest.mark.parametrize("name", forms())
def test_the_real_forms_pass_through_excel_and_back(name: str, tmp_path: Path) -> None:  # 1
    sheets = read_folder(FORMS / name)
    assert read_xlsx(write_xlsx(sheets)) == sheets
    write_folder(sheets, tmp_path)
    for path in (FORMS / name).glob("*.csv"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_same_sheets_give_the_same_bytes_at_another_time() -> None:  # 2
    sheets = {"survey": [["type", "name"], ["text", "=1+1"]]}
    first = write_xlsx(sheets)
    time.sleep(2.1)  # zip archives tell time in steps of two seconds
    assert write_xlsx(sheets) == first


def test_numbers_typed_into_excel_read_as_a_person_would_type_them() -> None:
    book = openpyxl.Workbook()
    book.active.title = "choices"
    for row in (["name", "weight", "on"], [1.0, 0.5, True], [None, None, None], [2, None, False]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    assert read_xlsx(stream.getvalue()) == {
        "choices": [["name", "weight", "on"], ["1", "0.5", "TRUE"], ["2", "", "FALSE"]]
    }


def test_the_digest_ignores_what_says_nothing() -> None:  # 3
    one = {"survey": [["type", "name", "label"], ["text", "q", "Tuổi"]]}
    other = {
        "survey": [["label", "hint", "name", "type"], [unicodedata.normalize("NFD", "Tuổi"), "", "q", "text"]]
    }
    assert canonical(one) == canonical(other)
    assert digest(one) == digest(other)


def test_the_digest_changes_with_a_word_and_with_the_order_of_questions() -> None:  # 3
    base = {"survey": [["type", "name"], ["text", "a"], ["text", "b"]]}
    word = {"survey": [["type", "name"], ["text", "a"], ["note", "b"]]}
    order = {"survey": [["type", "name"], ["text", "b"], ["text", "a"]]}
    assert len({digest(base), digest(word), digest(order)}) == 3


def test_a_row_longer_than_its_header_is_named(tmp_path: Path) -> None:  # 4
    (tmp_path / "survey.csv").write_text("type,name\ntext,q1\nnote,q2,too, much\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"survey.csv row 3: more cells"):
        read_folder(tmp_path)


def test_blank_rows_and_unnamed_columns_do_not_count(tmp_path: Path) -> None:  # 4
    (tmp_path / "survey.csv").write_text("\ufefftype,,name\ntext,,q1\n,,\nnote\n", encoding="utf-8")
    assert read_folder(tmp_path) == {"survey": [["type", "name"], ["text", "q1"], ["note", ""]]}


def test_a_folder_without_a_survey_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no survey\.csv"):
        read_folder(tmp_path)


def test_rows_and_table_are_inverse() -> None:
    grid = [["type", "name"], ["text", ""], ["", "q"]]
    assert rows(grid) == [{"type": "text"}, {"name": "q"}]
    assert table(rows(grid), ["type", "name"]) == grid
