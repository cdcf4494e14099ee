"""Requirements.

1.  Every text of forms, modules, lists, computed values and phrases is found, by a key that is no row number.
2.  Writing translations changes the cells meant and nothing else; a new language gets a column of its own
    beside the others of its field. Files that get none stay byte for byte.
3.  A sheet goes out and comes in again without a change; states and who and when are kept in records.
4.  Refused by row: changed braces, an unknown state, a back-translation that is missing, Zawgyi, a key twice.
    The other rows stand. A text that is no longer there is told and its record kept; an empty cell takes
    nothing away. Texts are brought to NFC; blanks around a source stay around its translation.
5.  A translation is stale once its source changed and it did not; a reviewed text changed by hand is a draft.
6.  Lint says which form, sheet, row and column are stale and what to do. Where a study demands approval, what
    is stale or not approved is an error.
7.  One more language is data alone: a copy of forms and modules gains it through a sheet, and a form in three
    languages includes a module of them.
8.  From within a study only texts of its own forms are written; a shared one is refused by row.
9.  The package's Vietnamese is recorded as a draft, none of it stale; Indonesian is there for one module.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from instruments import sheets as sheet_io
from instruments.expand.includes import write_out
from instruments.findings import Finding
from instruments.instrument import Instrument, forms, load
from instruments.lint import lint
from instruments.sheets import Table, read_xlsx, rows, write_xlsx
from instruments.translation import exchange, records, stale, texts
from instruments.translation.texts import Library, Text
from instruments.translation.writing import changed_placeholders, is_zawgyi

Change = Callable[..., Table]
PLANS = ("survey", "int_plan", "label")
HEAD = ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "hint::English (en)",
        "hint::Tiếng Việt (vi)", "codebook::sensitivity"]  # fmt: skip
FORM: Table = [
    HEAD,
    ["text", "case_id", "Number", "Mã số", "", "", "identifying"],
    ["note", "hello", "Good day ${case_id}", "Xin chào ${case_id}", "Read it", "Đọc", ""],
    ["include", "pair", "", "", "", "", ""],
    ["fill", "when", "Last week", "Tuần trước", "", "", ""],
]
MODULE: Table = [
    ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)"],
    ["select_one yesno", "paid", "{when}, paid work?", "{when}, có việc không?"],
]
CHOICES: Table = [
    ["list_name", "name", "label::English (en)", "label::Tiếng Việt (vi)"],
    ["yesno", "1", "Yes", "Có"],
    ["yesno", "0", "No", "Không"],
]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A form, a module and a list, with two phrases."""
    settings = [["form_id", "form_title", "version"], ["small", "Small form", "1"]]
    sheet_io.write_folder({"survey": FORM, "settings": settings}, tmp_path / "forms" / "small")
    sheet_io.write_folder({"survey": MODULE}, tmp_path / "modules" / "pair")
    sheet_io.write_csv(CHOICES, tmp_path / "modules" / "choices.csv")
    (tmp_path / "phrases").mkdir()
    sheet_io.write_csv(
        [["key", "text"], ["comma", ", "], ["is", "{what} is"]], tmp_path / "phrases" / "en.csv"
    )
    return Library(tmp_path / "forms", tmp_path / "modules", tmp_path / "phrases")


def found(library: Library, language: str = "vi") -> dict[tuple[str, ...], Text]:
    return {text.key: text for text in texts.all_texts(language, library)}


def take(library: Library, language: str = "vi", **cells: dict[str, str]) -> exchange.Taken:
    """The sheet as it goes out, with other cells in the rows of these names, taken in again."""
    every = texts.all_texts(language, library)
    known = records.read(language, library.records)
    table = exchange.sheet(every, known)
    told = [row | cells.get(row["row"].replace(" ", "_"), {}) for row in rows(table)]
    return exchange.take_in(sheet_io.table(told, table[0]), every, known, language, "t.xlsx")


def keep(library: Library, taken: exchange.Taken, language: str = "vi") -> None:
    texts.put(taken.translations, language, library)
    records.write(records.read(language, library.records) | taken.records, language, library.records)


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_text_is_found_by_place_sheet_row_and_column(library: Library) -> None:  # 1
    told = found(library)
    assert list(told) == [
        ("forms/small", "settings", "title", "codebook::title"),
        ("forms/small", "survey", "case_id", "label"),
        ("forms/small", "survey", "hello", "label"),
        ("forms/small", "survey", "hello", "hint"),
        ("forms/small", "survey", "pair fill when", "label"),
        ("modules/pair", "survey", "paid", "label"),
        ("modules", "choices", "yesno 1", "label"),
        ("modules", "choices", "yesno 0", "label"),
        ("phrases", "phrases", "comma", "text"),
        ("phrases", "phrases", "is", "text"),
    ]
    asked = told["modules/pair", "survey", "paid", "label"]
    assert (asked.source, asked.translation) == ("{when}, paid work?", "{when}, có việc không?")
    assert asked.context == "question with one answer; in small"
    assert told["modules", "choices", "yesno 1", "label"].context == "answer to paid"


def test_writing_changes_the_cells_meant_and_nothing_else(library: Library, tmp_path: Path) -> None:  # 2
    before = snapshot(tmp_path)
    written = texts.put({("modules/pair", "survey", "paid", "label"): "{when}, ada kerja?"}, "id", library)
    assert [path.parent.name for path in written] == ["pair"]
    assert {name for name, data in snapshot(tmp_path).items() if before[name] != data} == {
        "modules/pair/survey.csv"
    }
    header, row = sheet_io.read_csv(written[0])
    assert header[2:] == ["label::English (en)", "label::Tiếng Việt (vi)", "label::Bahasa Indonesia (id)"]
    assert row[2:] == ["{when}, paid work?", "{when}, có việc không?", "{when}, ada kerja?"]


def test_the_files_of_the_package_come_back_byte_for_byte(tmp_path: Path) -> None:  # 2
    library = _copy(tmp_path)
    before = snapshot(tmp_path)
    texts.put({text.key: text.translation for text in texts.all_texts("vi", library)}, "vi", library)
    changed = {name for name, data in snapshot(tmp_path).items() if before[name] != data}
    assert changed == set()


def test_a_sheet_goes_out_and_comes_in_without_a_change(library: Library) -> None:  # 3
    first = take(library)
    assert (first.findings, first.translations) == ([], {})
    assert {record.state for record in first.records.values()} == {"draft"}
    keep(library, first)
    again = take(library)
    assert (again.findings, again.edits) == ([], [])


def test_states_and_who_and_when_are_kept(library: Library) -> None:  # 3
    review = {"state": "approved", "back_translation": "Yes.", "translator": "T1", "date": "2026-03-02"}
    keep(library, take(library, yesno_1=review | {"translation": "Vâng"}))
    record = records.read("vi", library.records)["modules", "choices", "yesno 1", "label"]
    assert (record.state, record.translator, record.date, record.back_translation) == (
        "approved", "T1", "2026-03-02", "Yes.",
    )  # fmt: skip
    assert found(library)["modules", "choices", "yesno 1", "label"].translation == "Vâng"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"translation": "Xin chào"}, "translation.placeholder"),
        ({"translation": "Xin chào ${case_id} ${other}"}, "translation.placeholder"),
        ({"state": "done"}, "translation.state"),
        ({"state": "back-translated"}, "translation.state"),
    ],
)
def test_a_row_that_would_do_harm_is_refused_and_the_others_stand(
    library: Library, cells: dict[str, str], code: str
) -> None:  # 4
    taken = take(library, hello=cells, case_id={"translation": "Số"})
    assert set(codes(taken.findings)) == {code}
    assert taken.findings[0].level == "error"
    assert taken.findings[0].where.startswith("t.xlsx: row 4 (hello), column ")
    assert taken.translations["forms/small", "survey", "case_id", "label"] == "Số"
    assert ("forms/small", "survey", "hello", "label") not in taken.translations


def test_a_text_that_is_gone_or_twice_is_told_and_nothing_is_lost(library: Library) -> None:  # 4
    keep(library, take(library))
    table = exchange.sheet(texts.all_texts("vi", library), records.read("vi", library.records))
    sheet_io.write_csv(FORM[:2], library.forms / "small" / "survey.csv")
    every = texts.all_texts("vi", library)
    known = records.read("vi", library.records)
    taken = exchange.take_in([*table, table[1]], every, known, "vi", "t.xlsx")
    assert codes(taken.findings) == ["translation.gone"] * 3 + ["translation.twice"]
    assert "its record is kept" in taken.findings[0].message
    assert len(records.gone(every, known | taken.records)) == 3


def test_from_within_a_study_what_all_share_is_refused(library: Library, tmp_path: Path) -> None:
    study = replace(library, forms=tmp_path / "study" / "forms")
    assert (library.owns("modules/pair"), study.owns("modules/pair"), study.owns("forms/small")) == (
        True,
        False,
        True,
    )
    every = texts.all_texts("vi", library)
    table = exchange.sheet(every, {})
    at = table[0].index("translation")
    told = [table[0], *([*row[:at], f"{row[at]}!", *row[at + 1 :]] for row in table[1:])]
    taken = exchange.take_in(told, every, {}, "vi", "t.xlsx", study.owns)
    assert {key[0] for key in taken.translations} == {"forms/small"}
    refused = [finding for finding in taken.findings if finding.code == "translation.shared"]
    named = {finding.where.partition("(")[2].partition(")")[0] for finding in refused}
    assert {"paid", "yesno 1", "yesno 0"} <= named
    assert "column translation" in refused[0].where


def test_an_empty_cell_takes_nothing_away(library: Library) -> None:  # 4
    taken = take(library, case_id={"translation": " "})
    assert codes(taken.findings) == ["translation.emptied"]
    assert taken.translations == {}


def test_texts_are_composed_and_keep_the_blanks_of_their_source(library: Library) -> None:  # 4
    taken = take(
        library,
        case_id={"translation": "Ma\u0303 so\u0302\u0301 mo\u031b\u0301i"},
        comma={"translation": "、"},
    )
    assert sorted(taken.translations.values()) == ["Mã số mới", "、 "]


@pytest.mark.parametrize(
    ("text", "zawgyi"),
    [
        ("မြန်မာဘာသာ", False),
        ("ဘယ်လောက်ရသလဲ", False),
        ("ကျေးဇူးတင်ပါတယ်", False),
        ("သင်္ဘော", False),
        ("ျမန္မာဘာသာ", True),
        ("ေက်းဇူးတင္ပါတယ္", True),
        ("ဘယ္ေလာက္ရသလဲ", True),
        ("Tiếng Việt", False),
    ],
)
def test_zawgyi_is_told_from_unicode(text: str, zawgyi: bool) -> None:  # 4
    assert is_zawgyi(text) == zawgyi


def test_burmese_in_zawgyi_is_refused_in_burmese_only(library: Library) -> None:  # 4
    cells = {"translation": "ေက်းဇူးတင္ပါတယ္", "state": "draft"}
    assert codes(take(library, "my", case_id=cells).findings) == ["translation.zawgyi"]
    assert take(library, "km", case_id=cells).findings == []


def test_what_is_in_braces_is_compared_without_its_blanks() -> None:  # 4
    assert changed_placeholders("${ a } and {when}", "{when} ${a}") == ()
    assert changed_placeholders("${a}", "${b}") == ("${a}", "${b}")


def test_a_sheet_of_another_kind_is_refused(library: Library) -> None:  # 4
    with pytest.raises(ValueError, match="no column 'place'"):
        exchange.take_in([["key", "text"]], [], {}, "vi")


def test_a_translation_is_stale_once_its_source_changed(library: Library) -> None:  # 5
    keep(library, take(library, yesno_1={"state": "approved"}))
    known = records.read("vi", library.records)
    text = found(library)["modules", "choices", "yesno 1", "label"]
    assert records.state_of(text, known) == "approved"
    assert records.state_of(replace(text, source="Yes!"), known) == "stale"
    assert records.state_of(replace(text, translation="Vâng"), known) == "draft"
    assert records.state_of(replace(text, source="Yes!", translation="Vâng"), known) == "draft"
    assert records.state_of(replace(text, translation=""), known) == ""
    assert records.state_of(text, {}) == "draft"


def test_a_stale_row_stays_stale_until_somebody_looked_at_it(library: Library) -> None:  # 5
    keep(library, take(library))
    _reword(library)
    untouched = take(library)
    assert untouched.edits == []
    keep(library, take(library, hello={"state": "draft"}))
    assert take(library).edits == []
    assert records.state_of(found(library)["forms/small", "survey", "hello", "label"],
                            records.read("vi", library.records)) == "draft"  # fmt: skip


def test_a_translation_made_from_an_older_text_is_written_and_told(library: Library) -> None:  # 5
    every = texts.all_texts("vi", library)
    table = exchange.sheet(every, {})
    _reword(library)
    now = texts.all_texts("vi", library)
    taken = exchange.take_in(table, now, {}, "vi", "t.xlsx")
    assert codes(taken.findings) == ["translation.stale"]
    keep(library, taken)
    known = records.read("vi", library.records)
    assert [text.row for text in now if records.state_of(text, known) == "stale"] == ["hello"]


def test_lint_names_what_is_stale_and_the_cure(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:  # 6
    keep(library, take(library))
    instrument = _load(library)
    assert "translation.stale" not in codes(lint(instrument))
    _reword(library)
    (finding,) = [f for f in lint(_load(library)) if f.code == "translation.stale"]
    assert finding.level == "warning"
    assert finding.where == "small: survey row 3 (hello), column label::Tiếng Việt (vi)"
    assert "survey instrument translate export vi" in finding.message


def test_a_study_that_demands_approval_gets_errors(library: Library) -> None:  # 6
    keep(library, take(library, hello={"state": "approved"}))
    _reword(library)
    form = _load(library)
    told = list(stale.demanded(form, lint(form), ["vi"]))
    assert {(f.level, f.code) for f in told if f.code.startswith("translation")} == {
        ("error", "translation.stale"),
        ("error", "translation.unapproved"),
    }
    (open_,) = [f for f in told if f.code == "translation.unapproved"]
    assert open_.message.startswith("4 of 7 texts are not approved in vi")  # its own, and the list yesno
    assert list(stale.demanded(form, lint(form), [])) == lint(form)


def test_one_more_language_is_data_alone(tmp_path: Path) -> None:  # 7
    library = _copy(tmp_path)
    before = snapshot(tmp_path)
    every = texts.all_texts("xx", library)
    assert not any(text.translation for text in every)
    table = read_xlsx(write_xlsx({"xx": exchange.sheet(every, {})}))["xx"]
    filled = [row | {"translation": f"«{row['source']}»"} for row in rows(table)]
    taken = exchange.take_in(sheet_io.table(filled, exchange.COLUMNS), every, {}, "xx")
    assert taken.findings == []
    texts.put(taken.translations, "xx", library, "Xish (xx)")
    after = snapshot(tmp_path)
    assert {Path(name).suffix for name in after if before.get(name) != after[name]} == {".csv"}
    assert all(text.translation for text in texts.all_texts("xx", library))
    survey = [
        ["type", "name", *(f"label::{one}" for one in ("English (en)", "Tiếng Việt (vi)", "Xish (xx)")),
         "codebook::sensitivity"],
        ["text", "case_id", "Number", "Mã số", "Xnumber", "identifying"],
        ["include", "plans", "", "", "", ""],
    ]  # fmt: skip
    settings = [["form_id", "form_title"], ["three", "Three languages"]]
    whole = write_out({"survey": survey, "settings": settings}, library.modules)
    made = Instrument.from_sheets(whole.sheets, whole.places)
    assert made.languages == ("en", "vi", "xx")
    label = made.question("int_plan").cells["label::Xish (xx)"]  # type: ignore[union-attr]
    assert label.startswith("«Do you plan to go abroad")
    assert [finding for finding in lint(made) if finding.level == "error"] == []


@pytest.mark.parametrize("language", ["ja", "km", "my", "tl"])
def test_a_language_nobody_began_has_an_empty_sheet(language: str) -> None:  # 7
    every = [text for text in texts.all_texts(language) if not text.place.startswith("corridors/")]
    table = exchange.sheet(every, {})
    assert len(table) > 1500
    assert {row.get("translation", "") for row in rows(table)} == {""}
    assert texts.heading(language).endswith(f" ({language})")


def test_the_vietnamese_of_the_package_is_a_draft_and_none_of_it_stale() -> None:  # 8
    known = records.read("vi", Library().records)
    counts = exchange.states(texts.all_texts("vi"), known)
    assert counts["stale"] == counts["approved"] == counts["back-translated"] == 0
    assert counts["draft"] > 1500
    assert {record.state for record in known.values()} == {"draft"}


def test_indonesian_is_there_for_the_module_of_plans() -> None:  # 8
    every = texts.all_texts("id")
    used = texts.lists_of(Library().modules / "plans" / "survey.csv")
    mine = texts.selected(every, {"modules/plans"}, used)
    assert len(mine) > 100
    assert all(text.translation for text in mine)
    assert exchange.states(mine, records.read("id", Library().records))["draft"] == len(mine)


@pytest.mark.parametrize("name", forms())
def test_the_forms_of_the_package_come_in_the_languages_their_columns_name(name: str) -> None:  # 8
    assert load(name).languages == ("en", "vi")


def _copy(folder: Path) -> Library:
    source = Library()
    for name in ("forms", "modules", "phrases"):
        shutil.copytree(getattr(source, name), folder / name)
    return Library(folder / "forms", folder / "modules", folder / "phrases")


def _load(library: Library) -> Instrument:
    """The small form with its module."""
    whole = write_out(sheet_io.read_folder(library.forms / "small"), library.modules)
    return replace(Instrument.from_sheets(whole.sheets, whole.places), home=library.forms)


def _reword(library: Library) -> None:
    path = library.forms / "small" / "survey.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Good day", "Good morning"), encoding="utf-8")
