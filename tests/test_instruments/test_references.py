"""Requirements.

1. A name in any cell that no question or group has is an error, with the name that comes closest.
2. A list of choices, and a list to look up in, has to be there: on the choices sheet, or attached.
3. Names that the engine gives, choices made of a repeat, and attached lists are no faults.
4. A name named twice in one cell is told once; several faults are told together, also on other sheets.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments.instrument import Instrument
from instruments.lint import lint
from instruments.references import broken

Form = Callable[[str], Instrument]

FORM = """
| survey  | type | name | label | relevant | calculation | codebook::type | codebook::list |
|         | integer | inc_own | Pay? | | | | |
|         | csv-external | people | | | | | study |
|         | select_one_from_file areas.csv | area | Area? | | | | package |
|         | {type} | q | {label} | {relevant} | | | |
|         | calculate | c | | | {calculation} | {said} | |
| choices | list_name | name | label |
|         | yn        | 1    | Yes   |
"""


def faults(form: Form, **cells: str) -> list[tuple[str, int, str, str]]:
    plain = {"type": "text", "label": "Q", "relevant": "", "calculation": "1", "said": "text"}
    return [(f.sheet, f.row, f.column, f.message) for f in broken(form(FORM.format(**plain | cells)))]


@pytest.mark.parametrize("column", ["label", "relevant", "calculation"])
def test_a_name_that_is_not_there_is_told_with_the_nearest(form: Form, column: str) -> None:  # 1, 4
    row = 6 if column == "calculation" else 5
    message = "There is no question 'inc_won'; did you mean 'inc_own'."
    assert faults(form, **{column: "${inc_won} > 0 and ${inc_won} < 9"}) == [("survey", row, column, message)]
    assert "take it out" in faults(form, **{column: "${zzz}"})[0][3]


@pytest.mark.parametrize(
    ("cells", "column", "message"),
    [
        ({"type": "select_one yns"}, "type", "no list of choices 'yns'; did you mean 'yn'"),
        ({"type": "select_multiple fruit"}, "type", "write it on the choices sheet"),
        ({"said": "select_one fruit"}, "codebook::type", "no list of choices 'fruit'"),
        ({"calculation": "instance('peple')/root/item/a"}, "calculation", "did you mean 'people'"),
    ],
)
def test_a_list_that_is_not_there_is_told(form: Form, cells: dict, column: str, message: str) -> None:  # 2
    (fault,) = faults(form, **cells)
    assert fault[2] == column
    assert message in fault[3]


@pytest.mark.parametrize(
    "cells",
    [
        {"type": "select_one yn"},
        {"type": "select_one ${inc_own}"},
        {"relevant": "${last-saved#inc_own} > 0"},
        {"calculation": "instance('people')/root/item/a + instance('areas')/root/item/b"},
        {"calculation": "instance('yn')/root/item[name = ${inc_own}]/label"},
        {"calculation": "instance('__entities')/root/item/a"},
    ],
)
def test_what_is_there_is_no_fault(form: Form, cells: dict[str, str]) -> None:  # 3
    assert faults(form, **cells) == []


def test_other_sheets_are_looked_through_as_well(form: Form) -> None:  # 4
    sheets = "| entities | list_name | label |\n| | people | ${nobody} |"
    plain = {"type": "text", "label": "${a} ${b}", "relevant": "", "calculation": "1", "said": "text"}
    found = list(broken(form(FORM.format(**plain) + sheets)))
    assert [(f.sheet, f.row, f.name, f.column) for f in found] == [
        ("survey", 5, "q", "label"),
        ("survey", 5, "q", "label"),
        ("entities", 2, "", "label"),
    ]
    where = "small: entities row 2 (), column label"
    assert where in [f.where for f in lint(form(FORM.format(**plain) + sheets))]
