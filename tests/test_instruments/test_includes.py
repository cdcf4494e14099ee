"""Requirements.

1. An included module's rows stand in place of its include; a form without includes stays exactly as it is.
2. `fill` gives the text of a placeholder by column, so by language too; `change` replaces cells of one row.
3. What refers to nothing, and a placeholder nobody fills, is an error that names row and module.
4. A choice list a question or calculation uses and the form does not hold comes from the shared ones.
5. A module may have more languages than a form: only the form's are taken.
6. A finding about an included row names the module's file and row.
7. Digest and version follow the sheets written out, wherever they were written.
8. Baseline and follow-up share their modules; hardly a row is written twice.
9. One list name has one content in all forms; no shared list and no module is without use.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instruments.expand.includes import MODULES, modules, shared_lists, write_out
from instruments.instrument import FORMS, Instrument, forms, load
from instruments.lint import lint, lint_together
from instruments.sheets import read_csv, read_folder, rows, write_folder

Form = Callable[[str], Instrument]

UNTIL_WORDED = {"wg_ss"}  # for studies that have loaded the official wording
ANY_FACT = {"dependent_fact", "di_same"}  # wording and answers for whatever fact a study reads back
JOB = """type,name,label::English (en),label::Tiếng Việt (vi),label::日本語 (ja),relevant
integer,hours,Hours {since}?,Giờ {since}?,何時間？,{asked}
select_one yn,more,More?,Thêm?,,{asked} and ${hours} < 40
"""
LISTS = """list_name,name,label::English (en),label::Tiếng Việt (vi),label::日本語 (ja)
other,1,Unused,Thừa,
yn,1,Yes,Có,はい
yn,0,No,Không,いいえ
"""
HEAD = ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "relevant"]
INCLUDE = ["include", "job", "", "", ""]
SINCE = ["fill", "since", "last week", "tuần qua", ""]
ASKED = ["fill", "asked", "", "", "${works} = 1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "survey.csv").write_text(JOB, encoding="utf-8")
    (tmp_path / "choices.csv").write_text(LISTS, encoding="utf-8")
    return tmp_path


def survey(folder: Path, *table: list[str]) -> list[list[str]]:
    return write_out({"survey": [HEAD, *table]}, folder).sheets["survey"]


def test_rows_of_a_module_stand_in_its_place(folder: Path) -> None:  # 1, 2
    note = ["note", "bye", "Bye", "Chào", ""]
    assert survey(folder, ["text", "works", "W", "V", ""], INCLUDE, SINCE, ASKED, note) == [
        HEAD,
        ["text", "works", "W", "V", ""],
        ["integer", "hours", "Hours last week?", "Giờ tuần qua?", "${works} = 1"],
        ["select_one yn", "more", "More?", "Thêm?", "${works} = 1 and ${hours} < 40"],
        note,
    ]


def test_a_placeholder_filled_with_nothing_leaves_nothing(folder: Path) -> None:  # 2
    whole = survey(folder, INCLUDE, SINCE, ["fill", "asked", "", "", ""])
    assert [row[4] for row in whole[1:]] == ["", " and ${hours} < 40"]


def test_a_change_replaces_the_cells_it_gives_and_no_others(folder: Path) -> None:  # 2
    change = ["change", "hours", "", "Mấy giờ?", ""]
    hours = survey(folder, INCLUDE, SINCE, change, ASKED)[1]
    assert hours == ["integer", "hours", "Hours last week?", "Mấy giờ?", "${works} = 1"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([["include", "jobs", "", "", ""]], r"survey row 2: there is no module 'jobs'; there are job"),
        ([["include", "", "", "", ""]], r"survey row 2: there is no module ''"),
        ([INCLUDE, ASKED], r"survey row 2: module job asks for \{since\}; add a row fill since"),
        ([INCLUDE, SINCE, ASKED, ["fill", "sinse", "x", "", ""]], r"survey row 5: .*no placeholder 'sinse'"),
        ([INCLUDE, SINCE, ASKED, ["change", "hour", "x", "", ""]], r"survey row 5: .*no row 'hour'"),
        ([["note", "n", "N", "N", ""], SINCE], r"survey row 3: a row fill stands right below the include"),
    ],
)
def test_what_refers_to_nothing_is_an_error(folder: Path, table: list[list[str]], message: str) -> None:  # 3
    with pytest.raises(ValueError, match=message):
        survey(folder, *table)


def test_lists_come_from_the_shared_ones_unless_the_form_holds_them(folder: Path) -> None:  # 4, 5
    sheets = {"survey": [HEAD, INCLUDE, SINCE, ASKED]}
    head = ["list_name", "name", "label::English (en)", "label::Tiếng Việt (vi)"]
    yn = [["yn", "1", "Yes", "Có"], ["yn", "0", "No", "Không"]]
    assert write_out(sheets, folder).sheets["choices"] == [head, *yn]
    own = {**sheets, "choices": [["list_name", "name", "label"], ["yn", "1", "Yea"]]}
    assert write_out(own, folder).sheets["choices"] == own["choices"]
    other = {**sheets, "choices": [head, ["mine", "1", "One", "Một"]]}
    assert write_out(other, folder).sheets["choices"] == [head, ["mine", "1", "One", "Một"], *yn]


def test_a_calculation_of_a_list_takes_the_list_too(folder: Path) -> None:  # 4
    table = [["type", "name", "codebook::type"], ["calculate", "more", "select_one yn"]]
    assert len(write_out({"survey": table}, folder).sheets["choices"]) == 3


def test_a_module_gives_a_form_the_languages_it_has(folder: Path) -> None:  # 5
    japanese = ["type", "name", "label::日本語 (ja)", "relevant"]
    fills = [["fill", "since", "", ""], ["fill", "asked", "", ""]]
    whole = write_out({"survey": [japanese, ["include", "job", "", ""], *fills]}, folder).sheets
    assert whole["survey"][0] == japanese
    assert whole["choices"] == [
        ["list_name", "name", "label::日本語 (ja)"],
        ["yn", "1", "はい"],
        ["yn", "0", "いいえ"],
    ]


def test_a_finding_names_the_file_where_the_row_was_written(folder: Path) -> None:  # 6
    table = [["note", "n", "N", "N", ""], INCLUDE, SINCE, ASKED, ["note", "Bad", "B", "B", ""]]
    whole = write_out({"survey": [HEAD, *table], "settings": [["form_id"], ["f"]]}, folder)
    instrument = Instrument.from_sheets(whole.sheets, whole.places)
    wheres = {finding.code: finding.where for finding in lint(instrument)}
    assert wheres["codebook.unit"] == "f: module job survey row 2 (hours), column codebook::unit"
    assert wheres["name.pattern"] == "f: survey row 6 (Bad), column name"
    assert instrument.place("choices", 2) == "shared list yn"


def test_a_form_without_includes_stays_exactly_as_it_is(form: Form) -> None:  # 1
    instrument = form("""
    | survey  | type          | name | label::English (en) | unused |
    |         | select_one yn | q    | Q                   |        |
    | choices | list_name     | name | label::English (en) | also   |
    |         | yn            | 1    | Yes                 |        |
    """)
    assert write_out(instrument.sheets).sheets == instrument.sheets


@pytest.mark.parametrize("name", forms())
def test_a_form_written_out_is_the_same_form(name: str, tmp_path: Path) -> None:  # 7
    instrument = load(name)
    write_folder(instrument.sheets, tmp_path / name)
    assert load(name, tmp_path).version == instrument.version


def test_baseline_and_followup_share_their_modules() -> None:  # 8
    both = [read_folder(FORMS / name)["survey"] for name in ("rm_baseline", "rm_followup")]
    included = [{r["name"] for r in rows(table) if r["type"] == "include"} for table in both]
    assert included[0] == included[1]
    assert included[0] >= {
        *("labour_force", "job", "money", "family", "help", "plans"),
        *("life_here", "wellbeing", "interviewer", "calendar"),
    }
    written = [
        [r for r in rows(table) if r["type"].startswith(("select", "integer", "decimal"))] for table in both
    ]
    both_alike = [row["name"] for row in written[0] if row in written[1]]
    assert both_alike == ["int_mode", "int_lang", "priv_ok", "ref_why"]  # each alone among rows that differ


def test_one_list_name_has_one_content() -> None:  # 9
    contents: dict[str, set[tuple[str, ...]]] = {}
    for instrument in map(load, forms()):
        assert "choices" not in read_folder(FORMS / instrument.form_id)
        for name, choices in instrument.lists.items():
            contents.setdefault(name, set()).add(tuple(map(str, choices)))
    assert {name for name, found in contents.items() if len(found) > 1} == set()


def test_a_list_with_two_contents_is_found(form: Form) -> None:  # 9
    table = """
    | survey   | type          | name        | label |
    |          | select_one yn | {name}      | Q     |
    | choices  | list_name     | name        | label |
    |          | yn            | 1           | {yes} |
    | settings | form_id       | version     |
    |          | {name}        | 1           |
    """
    one, same, other = (
        form(table.format(name=n, yes=y)) for n, y in (("a", "Yes"), ("b", "Yes"), ("c", "Yea"))
    )
    assert lint_together([one, same]) == []
    (finding,) = lint_together([one, same, other])
    assert (finding.code, finding.where) == ("list.other_content", "c: choices row 2 (yn), column list_name")


def test_every_module_and_shared_list_is_used() -> None:  # 9
    tables = [read_folder(FORMS / name)["survey"] for name in forms()]
    included = {row["name"] for table in tables for row in rows(table) if row["type"] == "include"}
    asked = {
        f"confirm_{row['codebook::confirm'].partition(':')[0]}"
        for table in [*tables, *(read_csv(MODULES / name / "survey.csv") for name in modules())]
        for row in rows(table)
        if "codebook::confirm" in row
    }
    modes = (row.get("codebook::preload", "") for table in tables for row in rows(table))
    asked |= {f"dependent_{mode.split()[2].removesuffix(':')}" for mode in modes if " from " in mode}
    assert included | asked == set(modules()) - UNTIL_WORDED - ANY_FACT
    used = {name for instrument in map(load, forms()) for name in instrument.lists}
    assert used == set(shared_lists()) - {"wg4"} - ANY_FACT
    names = [row["list_name"] for row in rows(read_csv(MODULES / "choices.csv"))]
    assert names == sorted(names)
