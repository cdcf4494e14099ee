"""Requirements.

1. Groups, repeats, modules and lists are read from the sheets; row numbers are those an editor sees.
2. The version is the author's number and the beginning of the digest.
3. Media are files to attach; entity lists are told apart.
4. The five forms are complete: same names as the specification's sheets, both languages, wave and preloads.
5. The province lists map 64 historical codes to 34, seven of them under another name; 3,321 communes fit in.
6. A missing list or form is named in the error.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from instruments.instrument import Instrument, forms, lists, load

Form = Callable[[str], Instrument]


def test_places_of_questions_are_read_from_the_sheets(form: Form) -> None:  # 1
    instrument = form("""
    | survey  | type          | name | label::English (en) | codebook::module | codebook::type | calculation |
    |         | begin_group   | a    | A                   | people           |                |             |
    |         | begin repeat  | kids | Kids                |                  |                |             |
    |         | select_one yn | boy  | Boy?                |                  |                |             |
    |         | end repeat    |      |                     |                  |                |             |
    |         | end_group     |      |                     |                  |                |             |
    |         | calculate     | last |                     |                  | select_one yn  | ${boy}      |
    |         | note          | bye  | Bye                 |                  |                |             |
    | choices | list_name     | name | label::English (en) | missing          |
    |         | yn            | 1    | Yes                 |                  |
    |         | yn            | 99   | No answer           | refused          |
    """)
    boy, last, bye = instrument.questions
    assert (boy.row, boy.groups, boy.repeat, boy.module) == (4, ("a", "kids"), "kids", "people")
    assert (last.repeat, last.module, last.list_name) == ("", "", "yn")
    assert instrument.repeats == ("kids",)
    assert not bye.is_stored
    variables = {variable.name: variable for variable in instrument.variables}
    assert list(variables) == ["boy", "last"]
    assert variables["last"].missing == {"99": "refused"}
    assert variables["last"].inputs == ("boy",)


def test_the_version_carries_the_authors_number_and_the_digest(form: Form) -> None:  # 2
    one, other = (
        form("| survey | type | name |\n| | text | a |"),
        form("| survey | type | name |\n| | text | b |"),
    )
    assert one.version == f"3.{one.digest[:8]}"
    assert one.version != other.version
    assert one == form("| survey | type | name |\n| | text | a |")


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        ({"settings": [["form_id"], ["x"]]}, "no survey sheet"),
        ({"survey": [["type", "name"]], "settings": [["version"], ["1"]]}, "names no form_id"),
    ],
)
def test_sheets_that_are_no_form_say_what_to_add(sheets: dict[str, list[list[str]]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Instrument.from_sheets(sheets)


def test_entity_lists_are_told_apart_from_files_to_attach() -> None:  # 3
    baseline, contact, followup = map(load, ("rm_baseline", "rm_contact", "rm_followup"))
    assert baseline.media == (
        *("enumerators.csv", "psu.csv", "vn_prov_hist.csv", "vn_prov34.csv", "vn_commune.csv"),
    )
    assert (baseline.entity_list, baseline.entity_lists_used) == ("returnee", ())
    assert followup.media == ("enumerators.csv", "vn_prov34.csv", "vn_commune.csv")
    assert (followup.entity_list, followup.entity_lists_used) == ("returnee", ("returnee",))
    assert contact.media == ("enumerators.csv",)
    assert (contact.entity_list, contact.entity_lists_used) == (None, ("returnee", "tracing"))
    leaving, check = load("rm_exit"), load("rm_backcheck")
    assert leaving.media == check.media == ("enumerators.csv",)
    assert (leaving.entity_list, leaving.entity_lists_used) == (None, ("returnee",))
    assert (check.entity_list, check.entity_lists_used) == (None, ("backcheck",))


@pytest.mark.parametrize(
    ("name", "stored", "preloads"),
    [
        ("rm_baseline", 406, ()),
        ("rm_contact", 36, ("panel_id", "wave", "tr_phone1")),
        ("rm_exit", 42, ("panel_id", "wave", "px_held")),
        ("rm_backcheck", 36, ("panel_id", "wave", "pl_rc_unit")),
        ("rm_followup", 310, ("panel_id", "wave", "pl_last_cm", "pl_state", "pl_job", "pl_mdebt", "pl_loc")),
    ],
)
def test_the_forms_are_complete(name: str, stored: int, preloads: tuple[str, ...]) -> None:  # 4
    instrument = load(name)
    assert len(instrument.variables) == stored
    assert instrument.languages == ("en", "vi")
    assert instrument.question("today").kind == "today"
    for preload in preloads:
        assert "instance('" in instrument.question(preload).cell("calculation")
    for question in instrument.questions:
        if question.list_name and question.kind.startswith("select"):
            assert instrument.choices(question.list_name), question.name


def test_an_other_option_has_its_companion_row() -> None:  # 4
    for instrument in map(load, forms()):
        for question in instrument.questions:
            codes = {choice.name for choice in instrument.choices(question.list_name)}
            if question.kind in ("select_one", "select_multiple") and codes & {"96", "996"}:
                assert instrument.question(f"{question.name}_oth"), question.name


def read(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(lists(name).decode())))


def test_historical_provinces_map_to_those_of_2025() -> None:  # 5
    old = {row["name"]: row for row in read("vn_prov_hist")}
    new = {row["name"]: row for row in read("vn_prov34.csv")}
    assert (len(old), len(new)) == (64, 34)
    assert {row["prov34"] for row in old.values()} == set(new)
    assert old["28"] | {"label": "Hà Tây", "prov34": "01", "valid_to": "2008-07-31"} == old["28"]
    renamed = {code for code in new if new[code]["label_en"] != old[code]["label_en"]}
    assert renamed == {
        "15",
        "24",
        "44",
        "46",
        "52",
        "80",
        "82",
        "91",
    }  # seven mergers, and Thua Thien Hue → Hue
    assert new["91"]["label"] == "An Giang"
    assert old["91"]["label"] == "Kiên Giang"


def test_communes_lie_in_the_provinces_of_2025() -> None:  # 5
    communes = read("vn_commune")
    assert len(communes) == len({row["name"] for row in communes}) == 3321
    assert all(len(row["name"]) == 5 and row["name"].isdecimal() for row in communes)
    assert {row["prov"] for row in communes} == {row["name"] for row in read("vn_prov34")}


def test_communes_can_be_narrowed_to_the_provinces_of_a_study() -> None:
    some = list(csv.DictReader(io.StringIO(lists("vn_commune.csv", provinces=["40", "42"]).decode())))
    assert {row["prov"] for row in some} == {"40", "42"}
    assert len(some) == 130 + 69
    assert lists("vn_prov34", provinces=["40"]) == lists("vn_prov34")


def test_a_list_or_form_that_is_not_there_is_named() -> None:  # 6
    with pytest.raises(FileNotFoundError, match=r"'psu.csv' is shipped .*the study has to provide it"):
        lists("psu.csv")
    with pytest.raises(FileNotFoundError, match="rm_nothing"):
        load("rm_nothing")
