"""Requirements.

1. What a corridor has otherwise is lists, labels, units of money and languages; the country that is nobody's
   destination and guarded modules are the two things it may say besides. All forms of all corridors are so.
2. A corridor that gets at names, types, routing or calculations is refused.
3. So is data that fits nothing: a list, question or code that is not there, a column a corridor has no say
   in, a code forms decide by that is gone, a missing code that means something else, words or places lacking.
4. What only follows from another change is no change of its own: amounts in another unit, an exchanged list,
   calculations for a language that went.
5. All forms of all corridors build, are clean of lint errors, and ODK Validate reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from instruments.comparability.compare import compare
from instruments.comparability.structure import WORDS, check, differences
from instruments.corridor import DEFAULT, Corridor, Money, corridor, corridors
from instruments.findings import has_errors
from instruments.instrument import Instrument, forms, load
from instruments.lint import lint, lint_together
from instruments.sheets import Row, Sheets
from instruments.xform import build, validate

OTHERS = [name for name in corridors() if name != DEFAULT]
EN = "label::English (en)"


@pytest.fixture(scope="module")
def indonesia() -> Corridor:
    return corridor("id-jp")


@pytest.mark.parametrize("name", corridors())
def test_a_shipped_corridor_changes_lists_and_labels_alone(name: str) -> None:  # 1
    assert check(corridor(name)) == []


@pytest.mark.parametrize("form", ["rm_baseline", "rm_followup"])
def test_what_differs_between_two_corridors_are_words_lists_and_units(form: str) -> None:  # 1
    changes = compare(load(form), load(form, corridor="id-jp"))
    assert {change.kind for change in changes} == {*WORDS, "filtered"}
    assert {(c.before, c.after) for c in changes if c.kind == "filtered"} <= {
        ("name != 704", "name != 360"),
        ("name != 704 and name != 995", "name != 360 and name != 995"),
    }
    names = [question.name for question in load(form).questions if not question.name.endswith("_vi")]
    assert [question.name for question in load(form, corridor="id-jp").questions] == names


def test_a_guarded_module_is_all_that_is_asked_of_other_people() -> None:  # 1
    changes = compare(load("rm_baseline"), load("rm_baseline", corridor="mm-jp"))
    other = [change for change in changes if change.kind not in (*WORDS, "filtered")]
    assert {change.kind for change in other} == {"rerouted", "required", "sensitivity"}
    assert [change.variable for change in other if change.kind == "rerouted"] == ["mod_n"]
    assert {c.variable[:4] for c in other if c.kind == "required"} == {"int_"}


def with_cell(form: Instrument, name: str, column: str, cell: str) -> Instrument:
    """The form with another cell in the row of that name."""
    sheets: Sheets = {key: [list(row) for row in table] for key, table in form.sheets.items()}
    header, *rows = sheets["survey"]
    at = header.index("name")
    next(row for row in rows if row[at] == name)[header.index(column)] = cell
    return Instrument.from_sheets(sheets)


@pytest.mark.parametrize(
    ("name", "column", "cell", "kind"),
    [
        ("exit_type", "name", "exit_kind", "dropped exit_type"),
        ("exit_type", "type", "select_multiple exit_type", "retyped exit_type"),
        ("dup_of", "relevant", "${exit_type} = 5", "rerouted dup_of"),
        ("dup_of", "constraint", ". > 1900", "ranged dup_of"),
        ("exit_type", "required", "", "required exit_type"),
        ("px_ctry", "choice_filter", "name != 392", "filtered px_ctry"),
    ],
)
def test_a_corridor_that_changes_logic_is_refused(name: str, column: str, cell: str, kind: str) -> None:  # 2
    here = load("rm_exit", corridor="id-jp")
    found = [*differences(load("rm_exit"), with_cell(here, name, column, cell), corridor("id-jp"))]
    assert any(finding.message.startswith(kind) for finding in found)
    assert {(finding.level, finding.code) for finding in found} == {("error", "corridor.logic")}
    assert found[0].where == "id-jp: rm_exit"


def test_a_guard_may_be_nothing_but_the_consent() -> None:  # 2
    here, guarded = load("rm_baseline", corridor="mm-jp"), corridor("mm-jp")
    other = with_cell(here, "mod_n", "relevant", "(${con_part} = 1) and ${con_sens} = 1 and ${wave} > 0")
    (found,) = differences(load("rm_baseline"), other, guarded)
    assert found.message.startswith("rerouted mod_n")
    assert [*differences(load("rm_baseline"), here, replace(guarded, guarded=()))] != []


def rows(*codes: str, name: str = "sex", **more: str) -> tuple[Row, ...]:
    return tuple({"list_name": name, "name": code, EN: f"Answer {code}"} | more for code in codes)


BROKEN: list[tuple[Callable[[Corridor], dict[str, Any]], str, str]] = [
    (lambda c: {"lists": {"sxe": rows("1", name="sxe")}}, "corridor.list", "No shared list is called 'sxe'"),
    (lambda c: {"lists": {"sex": rows("1", relevant="1")}}, "corridor.column", "cannot set relevant"),
    (
        lambda c: {"lists": {"sex": rows("1", "99", missing="dont_know")}},
        "corridor.missing",
        "Code 99 is refus",
    ),
    (lambda c: {"lists": {"debt_src": c.lists["debt_src"][:3]}}, "corridor.code", "Code 4 is gone"),
    (lambda c: {"lists": {"ccy": rows("7", name="ccy")}}, "corridor.currency", "has no large"),
    (lambda c: {"labels": ({"name": "sav_blance", EN: "x"},)}, "corridor.label", "'sav_blance'"),
    (lambda c: {"labels": ({"list_name": "sex", "name": "7", EN: "x"},)}, "corridor.label", "no code '7'"),
    (lambda c: {"labels": ({"name": "sex", "type": "text"},)}, "corridor.column", "cannot set type"),
    (lambda c: {"places": {"vn_prov99": "id_prov"}}, "corridor.place", "No form attaches vn_prov99.csv"),
    (lambda c: {"places": {"vn_prov34": "id_nowhere"}}, "corridor.place", "There is no id_nowhere.csv"),
    (lambda c: {"places": {"vn_commune": "id_prov"}}, "corridor.place", "lacks the column prov"),
    (lambda c: {"words": {"en": c.words["en"]}}, "corridor.words", "no words for {money} in Bahasa"),
    (lambda c: {"default_language": "Basa Jawa (jv)"}, "corridor.language", "none of its languages"),
    (lambda c: {"time_zone": "Asia/Bandung"}, "corridor.time_zone", "no time zone"),
    (lambda c: {"country": "361"}, "corridor.code", "The list country has no code '361'"),
    (lambda c: {"money": Money("million IDR", "1")}, "corridor.code", "The list ccy has no code '1'"),
]


@pytest.mark.parametrize(("change", "code", "says"), BROKEN, ids=[says for _, _, says in BROKEN])
def test_data_that_fits_nothing_is_an_error(
    change: Callable[[Corridor], dict[str, Any]], code: str, says: str, indonesia: Corridor
) -> None:  # 3
    found = check(replace(indonesia, **change(indonesia)))
    assert [one.code for one in found if says in one.message] == [code]
    assert has_errors(found)


def test_what_follows_from_another_unit_is_not_told_again() -> None:  # 4
    changes = compare(load("rm_baseline"), load("rm_baseline", corridor="kh-jp"))
    assert {change.variable for change in changes if change.kind == "unit"} >= {"inc_own", "debt_amt"}
    assert not any(change.variable.endswith(("_chk", "_en", "_vi", "_ok")) for change in changes)
    same_unit = with_cell(load("rm_baseline"), "inc_own_chk", "relevant", "(${inc_own} > 700 div 3)")
    assert [c.variable for c in compare(load("rm_baseline"), same_unit)] == ["inc_own_chk"]


def test_an_exchanged_list_is_told_once_for_each_question() -> None:  # 4
    changes = compare(load("rm_followup"), load("rm_followup", corridor="ph-jp"))
    exchanged = {c.variable: (c.before, c.after) for c in changes if c.before.endswith(".csv")}
    assert exchanged == {
        "prov_cur": ("vn_prov34.csv", "ph_prov.csv"),
        "comm_cur": ("vn_commune.csv", "ph_city.csv"),
        "sp_prov": ("vn_prov34.csv", "ph_prov.csv"),
    }
    assert "sv_comm" not in {change.variable for change in changes}


@pytest.mark.parametrize("name", OTHERS)
def test_every_form_of_a_corridor_is_clean(name: str) -> None:  # 5
    loaded = [load(form, corridor=name) for form in forms()]
    found = [finding for form in loaded for finding in lint(form)] + lint_together(loaded)
    assert {finding.code for finding in found} == {"translation.awaited"}
    assert len(found) == len(loaded)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_odk_reads_every_form_of_a_corridor(name: str) -> None:  # 5
    for form in forms():
        built = build(load(form, corridor=name))
        assert built.warnings == ()
        assert validate(built) == []
