"""Requirements.

1. An amount, a plan, a feeling, help or a problem is refused a preload: by annotation, by mode, or by hand in
   a label, hint, default or calculation, also at some remove. What counts is data: unit, module, list.
2. What is asked independently is refused a preload in the same ways.
3. No such answer is saved as a property for the next interview, by itself or inside a calculation.
4. Facts may be preloaded, and so may what frames a question: who, since when, in which unit.
5. A proactive question starts from an earlier answer.
6. Findings say row and column; the forms of the package keep all of this.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments.expand.includes import write_out
from instruments.findings import Finding
from instruments.instrument import Instrument, forms, load
from instruments.lint import lint
from instruments.preloads import properties_of, rules, troubles

from .conftest import read_markdown

Form = Callable[[str], Instrument]
HEAD = (
    "| survey | type | name | label::English (en) | default | calculation | codebook::unit "
    "| codebook::preload | codebook::type | codebook::list | codebook::module | save_to | relevant |"
)
WHO = "| | select_one_from_file returnee.csv | returnee | Who? | | | | | | entity | | | |"
LISTS = """
| choices | list_name | name | label::English (en) |
|         | sat5      | 1    | Satisfied           |
|         | job       | 1    | Farmer              |
|         | ast_org   | 1    | Union               |
|         | jp_problem | 1   | Pay                 |
"""
READ = "instance('returnee')/root/item[name = ${returnee}]/"


def found(*lines: str) -> list[Finding]:
    """The findings about preloads of a form with these rows."""
    whole = write_out(read_markdown("\n".join([HEAD, WHO, *lines]) + LISTS))
    instrument = Instrument.from_sheets(whole.sheets, whole.places)
    return [finding for finding in lint(instrument) if finding.code.startswith("preload.")]


def row(kind: str, name: str, **cells: str) -> str:
    columns = (
        "label",
        "default",
        "calculation",
        "unit",
        "preload",
        "type",
        "list",
        "module",
        "save_to",
        "relevant",
    )
    return f"| | {kind} | {name} | " + " | ".join(cells.get(column, "") for column in columns) + " |"


AMOUNT = {"label": "How much?", "unit": "million VND/month"}
NEVER = [
    ("decimal", AMOUNT, "an amount"),
    ("decimal", {"label": "How much?", "unit": "unit of rc_ccy"}, "an amount"),
    ("integer", {"label": "How sure?", "unit": "scale 0-10", "module": "plans"}, "a plan"),
    (
        "integer",
        {"label": "How happy?", "unit": "scale 0-10", "module": "wellbeing"},
        "a feeling or an opinion",
    ),
    ("select_one sat5", {"label": "How content?"}, "a feeling or an opinion"),
    ("select_one ast_org", {"label": "Who helped?"}, "help received"),
    ("select_one jp_problem", {"label": "What went wrong?"}, "a problem met abroad"),
]


@pytest.mark.parametrize(("kind", "cells", "what"), NEVER)
@pytest.mark.parametrize("mode", ["proactive from last_x", "dependent from last_x", "dependent"])
def test_no_annotation_preloads_it(kind: str, cells: dict[str, str], what: str, mode: str) -> None:  # 1
    told = found(row(kind, "x", **cells, preload=mode))
    assert [(f.code, f.where) for f in told] == [
        ("preload.never", "small: survey row 3 (x), column codebook::preload")
    ]
    assert f"preloaded and is {what}: " in told[0].message


@pytest.mark.parametrize(("kind", "cells", "what"), NEVER)
@pytest.mark.parametrize("column", ["label", "default", "calculation"])
def test_no_hand_preloads_it(kind: str, cells: dict[str, str], what: str, column: str) -> None:  # 1
    direct = READ + "last_x"
    if column != "label":
        (told,) = found(row(kind, "x", **cells | {column: direct}))
        assert (told.code, told.where.rpartition(", ")[2]) == ("preload.never", f"column {column}")
        assert f"{what} and shows what was told last time (last_x)" in told.message
    preload = row("calculate", "pl", calculation=direct, type="text")
    words = row("calculate", "said", calculation="concat('', ${pl})", type="text")
    (told,) = found(preload, words, row(kind, "x", **cells | {column: "${said}"}))
    assert told.code == "preload.never"
    assert "(said)" in told.message


def test_older_ways_of_reading_a_list_count_too() -> None:  # 1
    (told,) = found(
        row("decimal", "x", **AMOUNT, default="pulldata('returnee', 'last_x', 'name', ${returnee})")
    )
    assert told.code == "preload.never"


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"preload": "independent from last_x"}, "codebook::preload"),
        ({"preload": "independent", "default": READ + "last_x"}, "default"),
        ({"preload": "independent", "label": "Last time ${pl}. Now?"}, "label::English (en)"),
    ],
)
def test_what_is_asked_independently_is_never_preloaded(cells: dict[str, str], column: str) -> None:  # 2
    preload = row("calculate", "pl", calculation=READ + "last_job", type="text")
    (told,) = found(preload, row("select_one job", "x", **{"label": "What?"} | cells))
    assert told.code == "preload.independent"
    assert told.where == f"small: survey row 4 (x), column {column}"


@pytest.mark.parametrize(("kind", "cells", "what"), NEVER)
def test_it_is_not_saved_for_the_next_interview(kind: str, cells: dict[str, str], what: str) -> None:  # 3
    (told,) = found(row(kind, "x", **cells, save_to="last_x"))
    assert (told.code, told.where) == ("preload.saved", "small: survey row 3 (x), column save_to")
    inside = row("calculate", "sv", calculation="if(1 = 1, ${x}, '')", type="text", save_to="last_x")
    (told,) = found(row(kind, "x", **cells), inside)
    assert told.where == "small: survey row 4 (sv), column save_to"
    assert f"x is {what}: " in told.message


def test_what_is_asked_independently_is_not_saved() -> None:  # 3
    (told,) = found(row("select_one job", "x", label="What?", preload="independent", save_to="last_x"))
    assert told.code == "preload.saved"
    assert "asked independently" in told.message


@pytest.mark.parametrize(
    "cells",
    [
        {"preload": "proactive from last_job"},
        {"preload": "dependent"},
        {"default": READ + "last_job"},
        {"label": "Since ${month}?", "preload": "independent"},
        {"label": "How much, since ${month}?", "unit": "million VND"},
        {"save_to": "last_job"},
    ],
)
def test_facts_and_what_frames_a_question_may_be_there(cells: dict[str, str]) -> None:  # 4
    month = row("calculate", "month", calculation=READ + "last_txt", type="text")
    assert found(month, row("select_one job", "x", **{"label": "What?"} | cells)) == []


def test_the_unit_of_an_amount_may_come_from_last_time() -> None:  # 4
    unit = row("calculate", "pl_unit", calculation=READ + "ccy", type="text")
    asked = {"label": "How much (${pl_unit})?", "unit": "unit in pl_unit"}
    assert found(unit, row("decimal", "x", **asked)) == []
    assert [f.code for f in found(unit, row("decimal", "x", **asked | {"unit": "million VND"}))] == [
        "preload.never"
    ]


def test_a_proactive_question_starts_from_an_earlier_answer() -> None:  # 5
    (told,) = found(row("select_one job", "x", label="What?", preload="proactive"))
    assert (told.code, told.where) == ("preload.absent", "small: survey row 3 (x), column codebook::preload")
    preload = row("calculate", "pl", calculation=READ + "last_job", type="text")
    by_hand = row("select_one job", "x", label="What?", preload="proactive", relevant="${pl} != ''")
    assert found(preload, by_hand) == []


def test_a_group_asked_independently_is_refused_a_preload() -> None:  # 2
    (told,) = found(
        row("begin_group", "g", label="G", preload="independent from last_x"),
        row("note", "n", label="N"),
        "| | end_group | g | | | | | | | | | | |",
    )
    assert told.where == "small: survey row 3 (g), column codebook::preload"


@pytest.mark.parametrize("name", forms())
def test_the_forms_of_the_package_carry_facts_alone(name: str) -> None:  # 6
    instrument = load(name)
    assert list(troubles(instrument)) == []


def test_what_the_follow_up_reads_is_known() -> None:  # 6
    form = load("rm_followup")
    read = {name for q in form.questions for name in properties_of(q, ["returnee"])}
    facts = read - rules()[1]
    assert facts == {"comm_txt", "last_state", "last_state_txt", "last_job", "mdebt_st", "last_loc"}
