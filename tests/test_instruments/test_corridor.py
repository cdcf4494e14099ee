"""Requirements.

1. The corridor the forms are written for replaces nothing: its text is that of the forms, to the letter.
2. Every corridor is data that can be read; a key that is missing or misspelt is refused by name.
3. A corridor is known by its name or by its countries; what a form calls its corridor and its country of
   origin are codes of lists.
4. Words for money, choice lists, labels and places are the corridor's; a module may be guarded by consent.
5. Amounts are said in the corridor's money and confirmed from its threshold.
6. A language comes with a form when every text is there in it, and not before; that is a note.
7. A province code is read by the list of the corridor; communes belong to provinces there are.
8. Education is mapped to ISCED wherever the list of levels has a code.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from instruments.corridor import CORRIDORS, DEFAULT, Corridor, CorridorError, corridor, corridors, read
from instruments.decode import decode
from instruments.expand.includes import shared_lists, write_out
from instruments.instrument import Instrument, forms, lists, load
from instruments.lint import lint
from instruments.places import code_lists, list_files

OTHERS = [name for name in corridors() if name != DEFAULT]
HEAD = ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "codebook::unit"]


def written(*rows: list[str], where: Corridor, head: list[str] = HEAD) -> Instrument:
    sheets = {"survey": [head, *rows], "settings": [["form_id"], ["small"]]}
    whole = write_out(sheets, where=where)
    return Instrument.from_sheets(whole.sheets, whole.places, whole.awaited)


def labels(form: Instrument, name: str) -> Mapping[str, str]:
    variable = next(one for one in form.variables if one.name == name)
    return variable.label


def test_the_corridor_of_the_forms_comes_first_and_replaces_nothing() -> None:  # 1
    home = corridor()
    assert corridors() == (DEFAULT, "id-jp", "kh-jp", "mm-jp", "ph-jp")
    assert (home.lists, home.labels, home.places, home.guarded) == ({}, (), {}, ())
    for name in forms():
        assert load(name, corridor=DEFAULT).version == load(name).version


def test_the_form_as_written_is_kept_to_the_letter() -> None:  # 1
    form = load("rm_baseline")
    assert labels(form, "pre_inc") == {
        "en": "How much did you earn in a month then? (million dong)",
        "vi": "Khi đó mỗi tháng thu nhập bao nhiêu? (triệu đồng)",
    }
    assert form.settings["default_language"] == "Tiếng Việt (vi)"
    asked = form.question("int_dest1")
    assert asked is not None
    assert asked.cell("choice_filter") == "name != 704"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("title =", "titel ="), "there is no key 'titel'"),
        (('time_zone = "Asia/Jakarta"\n', ""), "the key 'time_zone' is missing"),
        (("title = ", "title = ="), "corridor.toml: "),
    ],
)
def test_a_corridor_that_cannot_be_read_is_refused(
    change: tuple[str, str], says: str, tmp_path: Path
) -> None:
    copytree(CORRIDORS / "id-jp", tmp_path / "id-jp")  # 2
    file = tmp_path / "id-jp" / "corridor.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(CorridorError, match=says):
        read(tmp_path / "id-jp")


def test_a_corridor_is_known_by_its_countries_too() -> None:  # 3
    assert corridor("PHL-JPN") is corridor("ph-jp")
    with pytest.raises(CorridorError, match="no corridor 'xx-jp'; there are vn-jp, id-jp"):
        corridor("xx-jp")
    with pytest.raises(ValueError, match="no corridor 'xx-jp'"):
        load("rm_exit", corridor="xx-jp")


def test_each_corridor_has_codes_of_its_own() -> None:  # 3
    every = [corridor(name) for name in corridors()]
    titles = {row["name"]: row["label::English (en)"] for row in shared_lists()["corridor"]}
    assert {one.code: one.title for one in every} == titles
    assert len({one.country for one in every}) == len({one.money.unit for one in every}) == 5


@pytest.mark.parametrize(
    ("name", "money", "unit", "place", "app"),
    [
        ("id-jp", "(million rupiah)", "million IDR/month", "Regency or city now", "WhatsApp number or name"),
        ("kh-jp", "(US dollars)", "USD/month", "Commune or sangkat now", "Telegram number or name"),
        ("mm-jp", "(lakh kyat, 1 lakh = 100,000)", "lakh MMK/month", "Township now", "Viber number or name"),
        ("ph-jp", "(thousand pesos)", "thousand PHP/month", "City or municipality now", "Messenger or Viber"),
    ],
)
def test_a_form_speaks_of_the_money_and_places_of_the_corridor(
    name: str, money: str, unit: str, place: str, app: str
) -> None:  # 4
    form = load("rm_baseline", corridor=name)
    variables = {one.name: one for one in form.variables}
    assert labels(form, "pre_inc")["en"].endswith(money)
    assert variables["pre_inc"].unit == unit
    assert labels(form, "comm_cur")["en"].startswith(place)
    assert labels(form, "zalo")["en"].startswith(app)
    assert variables["prov_cur"].list_name == f"{name[:2]}_prov.csv"
    text = " ".join(cell for table in form.sheets.values() for row in table for cell in row)
    for word in ("dong", "Zalo", "Tet,", "People's Committee", "vn_", "{money", "{home"):
        assert word not in text


def test_lists_are_replaced_whole_and_single_labels_alone() -> None:  # 4
    here, there = load("rm_baseline", corridor="ph-jp"), load("rm_baseline")
    names = {choice.name: choice.label["en"] for choice in here.choices("ast_org")}
    assert names["16"] == "Overseas Workers Welfare Administration (OWWA)"
    assert [choice.name for choice in here.choices("ccy")] == ["10", "2", "3", "4"]
    changed = {
        choice.name
        for choice, before in zip(here.choices("place"), there.choices("place"), strict=True)
        if choice.label["en"] != before.label["en"]
    }
    assert changed == {"1"}


def test_plans_are_guarded_where_they_can_endanger_people() -> None:  # 4
    form, before = load("rm_followup", corridor="mm-jp"), load("rm_followup")
    plans = next(block for block in form.blocks if block.name == "mod_j")
    assert plans.cells["relevant"] == "(${con_part} = 1 and ${cur_loc} != 4) and ${con_sens} = 1"
    inside = [question for question in form.questions if "mod_j" in question.groups]
    assert {question.sensitivity for question in inside} == {"sensitive", "free_text"}
    assert not any(question.cell("required") for question in inside)
    musts = [
        {q.name for q in one.questions if q.cell("required") and "mod_j" not in q.groups}
        for one in (form, before)
    ]
    assert musts[0] == musts[1]


def test_an_amount_is_said_and_confirmed_in_the_money_of_the_corridor() -> None:  # 5
    form = load("rm_baseline", corridor="mm-jp")
    said, check = form.question("inc_own_en"), next(b for b in form.blocks if b.name == "inc_own_chk")
    assert said is not None
    assert said.cell("calculation").endswith("'kyat')")
    assert "round(${inc_own} * 100000) >= 1000000000" in said.cell("calculation")
    assert check.cells["relevant"] == "(${inc_own} > 1000 div 3)"


ROWS = (["note", "hello", "Pay ({money})", "Lương ({money})", ""],)
BOTH = [*HEAD[:3], "label::Bahasa Indonesia (id)", *HEAD[3:]]


def test_a_language_that_is_complete_comes_with_the_form() -> None:  # 6
    form = written(
        ["note", "hello", "Pay ({money})", "Gaji ({money})", "Lương", ""],
        where=corridor("id-jp"),
        head=BOTH,
    )
    question = form.question("hello")
    assert question is not None
    assert form.languages == ("en", "id")
    assert question.cell("label::Bahasa Indonesia (id)") == "Gaji (juta rupiah)"


def test_a_language_that_is_not_complete_is_a_note_and_stays_out() -> None:  # 6
    form = written(*ROWS, where=corridor("id-jp"))
    assert form.languages == ("en",)
    (note,) = [found for found in lint(form) if found.code == "translation.awaited"]
    assert note.level == "note"
    assert "1 of 1 texts are not translated" in note.message
    assert [f for f in lint(written(*ROWS, where=corridor())) if f.code == "translation.awaited"] == []


def test_a_form_in_the_language_of_the_default_corridor_alone_keeps_it() -> None:  # 6
    head = [column for column in HEAD if "English" not in column]
    form = written(["note", "hello", "Lương", ""], where=replace(corridor("id-jp"), labels=()), head=head)
    assert form.languages == ("vi",)


@pytest.mark.parametrize("name", OTHERS)
def test_places_of_a_corridor_hold_together(name: str) -> None:  # 7
    here = corridor(name)
    provinces, communes = (
        list(csv.DictReader(lists(here.places[file]).decode().splitlines()))
        for file in ("vn_prov34", "vn_commune")
    )
    assert {row["prov"] for row in communes} == {row["name"] for row in provinces}
    for rows in (provinces, communes):
        assert len({row["name"] for row in rows}) == len(rows)
        assert len({len(row["name"]) for row in rows}) == 1
        assert all(row["label"] for row in rows)
    ours = {item.file for item in code_lists().values() if item.corridor == name}
    assert (
        ours
        == {f"{file}.csv" for file in here.places.values()}
        == {file for file, path in list_files().items() if path.parent.parent == here.folder}
    )


@pytest.mark.parametrize(
    ("file", "rows", "code", "label"),
    [
        ("id_prov", 38, "96", "Papua Barat Daya"),
        ("id_regency", 514, "33.74", "Kota Semarang"),
        ("kh_prov", 25, "25", "Tboung Khmum ត្បូងឃ្មុំ"),
        ("kh_commune", 1661, "010201", "Banteay Neang បន្ទាយនាង (Mangkul Bourei)"),
        ("mm_prov", 15, "07", "Ayeyarwady Region"),
        ("mm_township", 15, "07000", "Ayeyarwady Region"),
        ("ph_prov", 102, "13000", "Metro Manila"),
        ("ph_city", 1642, "0730600", "Cebu City"),
    ],
)
def test_place_lists_are_as_long_as_their_source_says(file: str, rows: int, code: str, label: str) -> None:
    found = {row["name"]: row["label"] for row in csv.DictReader(lists(file).decode().splitlines())}  # 7
    assert (len(found), found[code]) == (rows, label)


def test_answers_are_read_by_the_lists_of_the_corridor() -> None:  # 7
    form = load("rm_baseline", corridor="id-jp")
    told = "<a id='rm_baseline'><mod_c><prov_birth>96</prov_birth><edu_now>5</edu_now></mod_c></a>"
    frame = decode([("uuid:1", told)], form).frames[""]
    variables = {one.name: one for one in form.variables}
    assert (frame["prov_birth"][0], frame["edu_now"][0]) == ("96", 5)
    assert variables["prov_birth"].choices[-1].label == {"en": "Papua Barat Daya", "id": "Papua Barat Daya"}
    assert next(c.label["en"] for c in variables["edu_now"].choices if c.name == "5").endswith("(SMK, MAK)")
    wrong = decode([("uuid:1", told.replace(">5<", ">9<"))], form)
    assert [(f.code, f.where) for f in wrong.findings] == [
        ("value.outside_list", "rm_baseline/uuid:1/edu_now")
    ]


@pytest.mark.parametrize("name", corridors())
def test_every_level_of_education_has_its_isced_level(name: str) -> None:  # 8
    here = corridor(name)
    with (here.folder / "education.csv").open(encoding="utf-8", newline="") as stream:
        levels = {row["code"]: row["isced"] for row in csv.DictReader(stream)}
    codes = [
        c.name for c in load("rm_baseline", corridor=name).choices("edu") if not c.attributes.get("missing")
    ]
    assert list(levels) == codes
    lowest = [int(level[0]) for level in levels.values()]
    assert lowest == sorted(lowest)
    assert (lowest[0], lowest[-1]) == (0, 7)
