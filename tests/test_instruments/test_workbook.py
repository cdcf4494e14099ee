"""XLSForms of any hand. The forms here are our own; each shows one thing met in public forms.

1. Export and import give back exactly the sheets, in both dialects, for the shipped forms and any sheets in
   the way of writing kept here (property); what was read once is read the same again.
2. Headings, types, sheet names and languages in other spellings come to the one kept here, and the XForm
   built from what was read is the XForm of the workbook.
3. SurveyCTO's template reads: its headings, `value` for `name`, `begin group`, switched-off rows.
4. `or_other` is written out as the choice and the text question that pyxform would add.
5. What ODK does not do is an error with its row, and the row is kept; what is left out (remarks, switched-off
   rows, other sheets, cells under no heading) is said.
6. Formulas without a stored result are errors; a file that is no .xlsx is refused in words.
7. Texts that name no language get the default one where others name theirs; unknown ones are warned of.
8. Settings: a form without form_id gets the name of its file; encryption and foreign servers are warned of.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.excel.workbook import read, write
from instruments.findings import Finding
from instruments.instrument import Instrument, forms, load
from instruments.languages import code_of, named
from instruments.sheets import Sheets, rows
from instruments.xform import build, convert_workbook


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """An .xlsx as Excel would save it: numbers as numbers, formulas without results."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, table in sheets.items():
        sheet = book.create_sheet(title)
        for row in table:
            sheet.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(f.level, f.code.removeprefix("workbook."), f.where.partition(": ")[2]) for f in findings]


SETTINGS = [["form_title", "form_id"], ["A form", "f"]]


# 1


@pytest.mark.parametrize("dialect", ["odk", "surveycto"])
@pytest.mark.parametrize("name", forms())
def test_a_shipped_form_comes_back_exactly(name: str, dialect: str) -> None:
    sheets = dict(load(name).sheets)
    assert read(write(sheets, dialect)[0], name="other") == (sheets, [])


def test_the_same_form_gives_the_same_bytes() -> None:
    sheets = dict(load("rm_contact").sheets)
    assert write(sheets) == write(sheets)


WORD = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXT = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"], include_characters="\n"), max_size=20
)
COLUMNS = ("label::English (en)", "hint::Tiếng Việt (vi)", "relevant", "constraint_message::English (en)",
           "required", "read_only", "image::English (en)", "codebook::unit")  # fmt: skip
TYPES = st.sampled_from(
    ["text", "integer", "begin_group", "end_group", "begin_repeat", "select_one yn", "note"]
)


@st.composite
def canonical(draw: st.DrawFn) -> Sheets:
    """Sheets in the way of writing kept here."""
    columns = ["type", "name", *draw(st.lists(st.sampled_from(COLUMNS), unique=True, max_size=5))]
    survey = [
        [draw(TYPES), draw(WORD), *(draw(TEXT) for _ in columns[2:])] for _ in range(draw(st.integers(1, 5)))
    ]
    choices = [["yn", draw(WORD), draw(TEXT)] for _ in range(draw(st.integers(0, 4)))]
    found = {"survey": [columns, *survey], "settings": [["form_id", "form_title"], [draw(WORD), "Title"]]}
    if choices:
        found["choices"] = [["list_name", "name", "label::English (en)"], *choices]
    return found


@given(sheets=canonical(), dialect=st.sampled_from(["odk", "surveycto"]))
@settings(deadline=None, max_examples=60)
def test_any_sheets_come_back_exactly(sheets: Sheets, dialect: str) -> None:
    assert read(write(sheets, dialect)[0])[0] == sheets


# 2


SPELT = {
    "Survey": [
        ["Type", "NAME", "Label::English(en)", "label::Kiswahili", "relevance", "Read Only",
         "media::image::fr"],
        ["select one from yn", "works", "Works?", "Anafanya kazi?", "", "", ""],
        ["begin group", "g", "Group", "Kundi", "${works} = 1", "", ""],
        ["photo", "pic ", "Picture", "Picha", "", "", ""],
        ["int", "hours", "Hours", "Saa", "", "yes", "clock.png"],
        ["end  group", "", "", "", "", "", ""],
        ["GPS", "where", "Where", "Wapi", "", "", ""],
        ["select_multiple yn", "both", "Which?", "Zipi?", "", "", ""],
    ],
    "CHOICES": [["list name", "value", "caption::English(en)", "label::kiswahili"],
                ["yn", 1, "Yes", "Ndiyo"], ["yn", 0.0, "No", "Hapana"]],
    "Settings": [["set form title", "id_string", "default_language", "version"],
                 ["Spelt", "spelt", "Kiswahili", 20240515]],
}  # fmt: skip


def test_other_spellings_come_to_the_one_kept_here() -> None:
    sheets, findings = read(workbook(SPELT))
    assert findings == []
    assert sheets["survey"][0] == [
        "type", "name", "label::English (en)", "label::Kiswahili (sw)", "relevant", "read_only",
        "image::French (fr)",
    ]  # fmt: skip
    assert [row["type"] for row in rows(sheets["survey"])] == [
        "select_one yn", "begin_group", "image", "integer", "end_group", "geopoint", "select_multiple yn",
    ]  # fmt: skip
    assert sheets["choices"][0] == ["list_name", "name", "label::English (en)", "label::Kiswahili (sw)"]
    assert [row["name"] for row in rows(sheets["choices"])] == ["1", "0"]
    (setting,) = rows(sheets["settings"])
    assert setting == {
        "form_title": "Spelt", "form_id": "spelt",
        "default_language": "Kiswahili (sw)", "version": "20240515",
    }  # fmt: skip


def essence(xml: str) -> str:
    """An XForm without its version, which every form here has."""
    return re.sub(r'(<data id="[^"]*")( version="[^"]*")?', r"\1", xml.partition("?>")[2])


PLAIN = {
    "survey": [
        ["type", "name", "label", "required", "choice_filter", "note"],
        ["text", "who", "Who?", True, "", "ask twice"],
        ["select1 area", "area", "Area", "", "", ""],
        ["select_one town", "town", "Town", "", "area = ${area}", ""],
        ["begin repeat", "kids", "Children", "", "", ""],
        ["string", "kid", "Name", "", "", ""],
        ["end repeat", "", "", "", "", ""],
        ["select_multiple area or_other", "seen", "Seen", "", "", ""],
    ],
    "choices": [["list_name", "name", "label", "area"],
                ["area", "n", "North", ""], ["town", 7, "Seven", "n"]],
    "settings": [*SETTINGS],
}  # fmt: skip


def test_the_form_built_from_it_is_the_form_of_the_workbook() -> None:
    data = workbook(PLAIN)
    sheets, _ = read(data)
    theirs, _ = convert_workbook(data)
    assert essence(build(Instrument.from_sheets(sheets)).xml) == essence(theirs)


def test_what_was_read_is_read_the_same_again() -> None:
    for book in (SPELT, PLAIN, SURVEYCTO):
        sheets, _ = read(workbook(book))
        assert read(write(sheets)[0])[0] == sheets


# 3 and 5


SURVEYCTO = {
    "survey": [
        ["type", "name", "label", "label:عربى", "constraint message", "relevance", "disabled", "publishable"],
        ["caseid", "caseid", "", "", "", "", "", ""],
        ["begin group", "g", "Group", "مجموعة", "", "", "", ""],
        ["integer", "age", "Age", "العمر", "Too old", "1 = 1", "", "yes"],
        ["note", "off", "Not now", "", "", "", "yes", ""],
        ["calculate_here", "t1", "", "", "", "", "", ""],
        ["end group", "g", "", "", "", "", "", ""],
        ["", "", "a remark", "", "", "", "", ""],
    ],
    "choices": [["list_name", "value", "label", "filter"], ["yn", 1, "Yes", ""],
                ["", "", "remark", ""], ["yn", "", "No code", ""]],
    "settings": [["form_title", "form_id", "default_language"], ["Form", "scto", "english"]],
    "help-survey": [["How to"], ["fill this in"]],
}  # fmt: skip


def test_a_form_of_surveycto_reads_and_says_what_odk_does_not_do() -> None:
    sheets, findings = read(workbook(SURVEYCTO))
    assert told(findings) == [
        ("note", "sheet", "help-survey sheet"),
        ("note", "column", "survey sheet"),
        ("note", "disabled", "survey row 5 (off)"),
        ("note", "remark", "survey row 8 ()"),
        ("note", "remark", "choices row 3 ()"),
        ("error", "choice", "choices row 4 (yn)"),
        ("error", "unsupported", "survey row 2 (caseid), column type"),
        ("error", "unsupported", "survey row 6 (t1), column type"),
    ]
    assert "'calculate_here' is of SurveyCTO" in findings[-1].message
    assert "publishable" in findings[1].message
    assert [row["type"] for row in rows(sheets["survey"])] == [
        "caseid", "begin_group", "integer", "calculate_here", "end_group",
    ]  # fmt: skip
    age = rows(sheets["survey"])[2]
    assert age["relevant"] == "1 = 1"
    assert age["constraint_message::English (en)"] == "Too old"
    assert age["label::عربى (ar)"] == "العمر"


@pytest.mark.parametrize(
    "kind",
    [
        "begin loop over yn",
        "select_one_external yn",
        "osm tags",
        "include",
        "text audit",
        "begin_kobomatrix m",
    ],
)
def test_types_that_are_not_read_are_errors_and_kept(kind: str) -> None:
    survey = [["type", "name", "label"], ["text", "a", "A"], [kind, "b", "B"]]
    sheets, findings = read(workbook({"survey": survey, "settings": SETTINGS}))
    assert told(findings) == [("error", "unsupported", "survey row 3 (b), column type")]
    assert rows(sheets["survey"])[1]["type"] == kind


def test_external_choices_are_said_to_be_unsupported() -> None:
    book = {"survey": [["type", "name"], ["text", "a"]], "settings": SETTINGS}
    _, findings = read(workbook(book | {"external_choices": [["list_name", "name"], ["a", "1"]]}))
    assert told(findings) == [("error", "unsupported", "external_choices sheet")]


def test_cells_under_no_heading_and_headings_twice_are_said() -> None:
    survey = [["type", "name", "label", None, "label"], ["text", "a", "A", "lost?", "B"]]
    sheets, findings = read(workbook({"survey": survey, "settings": SETTINGS}))
    assert told(findings)[:2] == [
        ("warning", "heading", "survey column D"),
        ("error", "heading", "survey column E"),
    ]
    assert rows(sheets["survey"])[0]["label (E)"] == "B"


def test_what_surveycto_does_not_do_is_said_at_export() -> None:
    sheets = {"survey": [["type", "name"], ["select_one_from_file a.csv", "a"]], "settings": SETTINGS,
              "entities": [["list_name"], ["people"]]}  # fmt: skip
    _, findings = write(sheets, "surveycto")
    assert told(findings) == [
        ("warning", "surveycto", "survey row 2 (a)"),
        ("warning", "surveycto", "entities sheet"),
    ]
    assert write(sheets)[1] == []
    with pytest.raises(ValueError, match="no dialect 'kobo'; there are odk, surveycto"):
        write(sheets, "kobo")


# 4


def test_or_other_is_written_out() -> None:
    survey = [["type", "name", "label::English (en)"], ["select_one yn or specify other", "a", "A"]]
    choices = [["list_name", "name", "label::English (en)"], ["yn", "1", "Yes"], ["z", "1", "Z"]]
    sheets, findings = read(workbook({"survey": survey, "choices": choices, "settings": SETTINGS}))
    assert told(findings) == [("note", "or_other", "survey row 2 (a), column type")]
    assert [list(row.values()) for row in rows(sheets["survey"])] == [
        ["select_one yn", "a", "A"],
        ["text", "a_other", "Specify other.", "selected(../a, 'other')"],
    ]
    assert [(row["list_name"], row["name"]) for row in rows(sheets["choices"])] == [
        ("yn", "1"), ("yn", "other"), ("z", "1"),
    ]  # fmt: skip


# 6


def test_a_formula_without_a_result_is_an_error() -> None:
    survey = [["type", "name", "label"], ["text", "a", '="Dear "&B2']]
    _, findings = read(workbook({"survey": survey, "settings": SETTINGS}))
    assert told(findings) == [("error", "formula", "survey row 2, column C")]


def test_what_is_no_workbook_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no \.xlsx that can be read; save it as Excel Workbook"):
        read(b"version https://git-lfs.github.com/spec/v1")
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(ValueError, match="save it as Excel Workbook"):
        read(old)
    with pytest.raises(ValueError, match="there is no survey sheet"):
        read(workbook({"Sheet1": [["a"], ["b"]]}))


# 7 and 8


def test_texts_without_a_language_get_the_default_one_where_others_name_theirs() -> None:
    header = ["type", "name", "label", "label::French", "hint"]
    settings_ = [["form_id", "default_language"], ["f", "English"]]
    sheets, findings = read(
        workbook({"survey": [header, ["text", "a", "A", "B", "C"]], "settings": settings_})
    )
    assert (sheets["survey"][0][2:], findings) == (
        ["label::English (en)", "label::French (fr)", "hint::English (en)"], [],
    )  # fmt: skip
    _, findings = read(workbook({"survey": [header, ["text", "a", "A", "B", "C"]], "settings": SETTINGS}))
    assert [place for _, _, place in told(findings)] == ["survey column label", "survey column hint"]


def test_a_form_in_one_language_stays_as_it_is_unless_its_language_is_given() -> None:
    book = workbook({"survey": [["type", "name", "label"], ["text", "a", "A"]], "settings": SETTINGS})
    assert read(book)[0]["survey"][0][2] == "label"
    assert read(book, language="Français")[0]["survey"][0][2] == "label::Français (fr)"


def test_a_language_that_is_not_known_is_warned_of() -> None:
    survey = [["type", "name", "label::Klingon"], ["text", "a", "A"]]
    _, findings = read(workbook({"survey": survey, "settings": SETTINGS}))
    assert told(findings) == [("warning", "language", "survey sheet")]


@pytest.mark.parametrize(
    ("said", "name", "code"),
    [
        ("English (en)", "English (en)", "en"),
        ("english(en)", "english (en)", "en"),
        ("fr", "French (fr)", "fr"),
        ("Bahasa Indonesia", "Bahasa Indonesia (id)", "id"),
        ("Tiếng Việt", "Tiếng Việt (vi)", "vi"),
        ("Filipino (tl)", "Filipino (tl)", "tl"),
        ("Klingon", "Klingon", ""),
    ],
)
def test_languages_are_named_with_their_code(said: str, name: str, code: str) -> None:
    assert (named(said), code_of(said)) == (name, code)


def test_settings_are_completed_and_dangers_said() -> None:
    key = [
        ["form_title", "public_key", "submission_url"],
        ["T", "MIIB", "https://other.example.org"],
        ["U", "", ""],
    ]
    survey = [["type", "name", "label"], ["text", "a", "A"]]
    sheets, findings = read(workbook({"survey": survey, "settings": key}), name="my form")
    assert rows(sheets["settings"])[0]["form_id"] == "my_form"
    assert [(level, place) for level, _, place in told(findings)] == [
        ("warning", "settings row 3"),
        ("note", "settings sheet"),
        ("warning", "settings row 2, column public_key"),
        ("warning", "settings row 2, column submission_url"),
    ]
    assert read(workbook({"survey": survey}))[0]["settings"] == [["form_id", "form_title"], ["form", "form"]]
