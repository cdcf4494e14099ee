"""A form as a questionnaire to read, and `survey instrument print`.

1. Questions are numbered by module, with name, text, hint, answers, limits and flags; notes have no number.
2. Routing is in words; a group with several questions is said before them, one with a single question lends
   it its condition. A repeat is marked. "Other: specify" is a line beside the answer it belongs to.
3. Calculations are left out unless asked for. Lists are named with their size, not printed.
4. What each consent opens and what distress leads to is read off the form.
5. A language the form does not have is refused; a text without translation and a phrase are told.
6. PDF, DOCX and HTML hold the same words and are the same bytes twice; a missing font is a finding.
"""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest
from pypdf import PdfReader

from analysis.document import Definitions, Document, Heading, Item, Note, Option
from instruments.instrument import Instrument, load
from instruments.sheets import Table, write_folder
from survey import cli
from survey.questionnaire import questionnaire

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HEAD = [
    "type",
    "name",
    "label::English (en)",
    "label::Tiếng Việt (vi)",
    "hint::English (en)",
    "relevant",
    "constraint",
    "required",
    "calculation",
    "codebook::type",
    "codebook::sensitivity",
    "codebook::missing",
    "codebook::unit",
    "codebook::preload",
]
ROWS = [
    {
        "type": "begin_group",
        "name": "mod_a",
        "en": "A. Work",
        "vi": "A. Việc làm",
        "relevant": "${con_sens} = 1",
    },
    {
        "type": "select_one yesno",
        "name": "con_sens",
        "en": "May we ask?",
        "vi": "Hỏi được không?",
        "required": "yes",
    },
    {
        "type": "select_multiple src",
        "name": "src",
        "en": "Sources",
        "vi": "Nguồn",
        "hint": "Read aloud",
        "required": "yes",
        "sens": "sensitive",
        "preload": "independent",
    },
    {
        "type": "text",
        "name": "src_oth",
        "en": "Other: specify",
        "vi": "Khác",
        "relevant": "selected(${src}, '96')",
        "sens": "free_text",
    },
    {
        "type": "integer",
        "name": "n",
        "en": "How many of ${src}?",
        "vi": "",
        "required": "yes",
        "missing": "-98=dont_know",
        "unit": "persons",
        "constraint": "(. >= 0 and . <= 9) or . = -98",
    },
    {
        "type": "calculate",
        "name": "distress_flag",
        "calculation": "if(${n} > 3 or ${con_sens} = 0, 1, 0)",
        "kind": "select_one yesno",
    },
    {"type": "begin_group", "name": "chk", "en": "Check", "vi": "Kiểm tra", "relevant": "${n} > 8"},
    {
        "type": "note",
        "name": "stop",
        "en": "Offer the card [T1]",
        "vi": "Đưa thẻ",
        "relevant": "${distress_flag} = 1",
    },
    {"type": "end_group", "name": "chk"},
    {"type": "begin_repeat", "name": "trips", "en": "Trips", "vi": "Chuyến đi"},
    {"type": "date", "name": "day", "en": "Which day?", "vi": "Ngày nào?"},
    {"type": "text", "name": "where", "en": "Where?", "vi": "Ở đâu?", "required": "yes"},
    {"type": "end_repeat", "name": "trips"},
    {
        "type": "select_one_from_file vn_prov34.csv",
        "name": "prov",
        "en": "Province",
        "vi": "Tỉnh",
        "required": "yes",
    },
    {"type": "end_group", "name": "mod_a"},
]
CHOICES: Table = [
    ["list_name", "name", "label::English (en)", "label::Tiếng Việt (vi)"],
    ["yesno", "1", "Yes", "Có"],
    ["yesno", "0", "No", "Không"],
    ["src", "1", "Farm", "Ruộng"],
    ["src", "96", "Other (specify)", "Khác (ghi rõ)"],
]
KEYS = [
    "type",
    "name",
    "en",
    "vi",
    "hint",
    "relevant",
    "constraint",
    "required",
    "calculation",
    "kind",
    "sens",
    "missing",
    "unit",
    "preload",
]
SHEETS: dict[str, Table] = {
    "survey": [HEAD, *([row.get(key, "") for key in KEYS] for row in ROWS)],
    "choices": CHOICES,
    "settings": [["form_id", "form_title", "version"], ["small", "Small form", "3"]],
}


@pytest.fixture(scope="module")
def form() -> Instrument:
    return Instrument.from_sheets(SHEETS)


@pytest.fixture(scope="module")
def made(form: Instrument) -> Document:
    return questionnaire(form, "en").document


def items(document: Document) -> dict[str, Item]:
    """The items under the chapter of questions, by variable."""
    chapters = ("Questions", "Các câu hỏi")
    headings = [block.text if isinstance(block, Heading) else "" for block in document.blocks]
    start = next(at for at, text in enumerate(headings) if text in chapters)
    return {block.name: block for block in document.blocks[start:] if isinstance(block, Item)}


def test_a_question_is_printed_with_all_that_belongs_to_it(made: Document) -> None:  # 1
    asked = items(made)["n"]
    assert (asked.number, asked.text, asked.kind) == ("A3", "How many of [answer to A2]?", "blank")
    assert asked.blank == "whole number, persons"
    assert asked.options == (Option("-98", "don't know"),)
    assert asked.remarks == (("Accepted if", "the answer is from 0 to 9, or -98 (don't know)"),)


def test_other_specify_is_a_line_beside_its_answer(made: Document) -> None:  # 1, 2
    asked = items(made)["src · src_oth"]
    assert asked.options == (Option("1", "Farm"), Option("96", "Other (specify)", line=True))
    assert (asked.kind, asked.instruction) == ("many", "Read aloud")
    assert asked.flags == ("sensitive", "free words", "never preloaded")


def test_a_group_is_said_before_its_questions_and_a_repeat_is_marked(made: Document) -> None:  # 2
    notes = [(block.title, block.text) for block in made.blocks if isinstance(block, Note)]
    assert notes == [
        ("A1 to A6 are asked only if", "A1 “May we ask?” is “Yes”"),
        ("", "A4 to A5 are repeated, once for each entry."),
    ]


def test_a_group_of_one_lends_its_condition(made: Document) -> None:  # 2
    note = items(made)["stop"]
    assert note.number == ""
    assert (
        note.routing == "Shown if A3 “How many of [answer to A2]?” is more than 8; signs of distress: “Yes”"
    )


def test_calculations_are_printed_only_when_technical(form: Instrument, made: Document) -> None:  # 3
    def terms(document: Document) -> str:
        return " ".join(
            term for block in document.blocks if isinstance(block, Definitions) for term, _ in block.items
        )

    assert "distress_flag" not in terms(made)
    assert "distress_flag" in terms(questionnaire(form, "en", technical=True).document)
    assert "(. >= 0 and . <= 9) or . = -98" in str(
        items(questionnaire(form, "en", technical=True).document)["n"]
    )


def test_lists_are_named_with_their_size(made: Document) -> None:  # 3
    lists = [pair for block in made.blocks if isinstance(block, Definitions) for pair in block.items]
    assert ("vn_prov34.csv", "34 entries; part of the form") in lists


def test_consent_and_distress_are_read_off_the_form(made: Document) -> None:  # 4
    consent = next(block for block in made.blocks if isinstance(block, Item) and block.name == "con_sens")
    assert consent.remarks == (("Parts asked only then", "A. Work"),)
    rules = dict(pair for block in made.blocks if isinstance(block, Definitions) for pair in block.items)
    assert rules["Counted as a sign of distress if"] == (
        "A3 “How many of [answer to A2]?” is more than 3, or A1 “May we ask?” is “No”"
    )
    assert rules["Then the form says or asks"] == "Text: Offer the card [ T1 ]"
    assert rules["Sensitive: asked only with consent"] == "A2"


def test_a_language_the_form_lacks_is_refused_and_a_text_without_translation_is_told(
    form: Instrument,
) -> None:  # 5
    with pytest.raises(ValueError, match=r"no texts in 'ja'; it has them in en, vi"):
        questionnaire(form, "ja")
    found = questionnaire(form, "vi")
    assert [(f.code, f.message) for f in found.findings] == [
        ("print.untranslated", "1 questions have no text in vi: n …")
    ]
    assert items(found.document)["n"].flags == ("chưa dịch",)


def test_a_condition_that_is_no_words_is_printed_and_told() -> None:  # 5
    rows = [dict(zip(HEAD, row, strict=True)) for row in SHEETS["survey"][1:]]
    rows[-2]["relevant"] = "position(..) > 1"
    sheets = SHEETS | {"survey": [HEAD, *([row[key] for key in HEAD] for row in rows)]}
    found = questionnaire(Instrument.from_sheets(sheets), "en")
    assert items(found.document)["prov"].routing == "Asked if the expression position ( .. ) > 1 is true"
    assert [(f.code, f.where) for f in found.findings] == [
        ("print.expression", "small: survey row 15 (prov), column relevant")
    ]


@pytest.mark.parametrize("name", ["rm_followup", "rm_exit"])
def test_every_question_of_a_form_is_printed(name: str) -> None:  # 1
    form = load(name)
    printed = {part for item in items(questionnaire(form, "vi").document) for part in item.split(" · ")}
    seen = {one.name for one in form.questions if any(key.startswith("label::") for key in one.cells)}
    assert printed == seen
    assert questionnaire(form, "vi").findings == ()


def run(*arguments: object) -> int:
    return cli.run(["instrument", "print", *(str(one) for one in arguments)], clock=lambda: NOW)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)
    write_folder(SHEETS, tmp_path / "small")
    return tmp_path


def test_pdf_docx_and_html_hold_the_same_words_and_are_the_same_twice(folder: Path) -> None:  # 6
    formats = [part for kind in ("pdf", "docx", "html") for part in ("--format", kind)]
    assert run("small", "--language", "vi", *formats, "--output", "one") == 0
    assert run("small", "--language", "vi", *formats, "--output", "two") == 0
    texts = {}
    for kind in ("pdf", "docx", "html"):
        first, second = (folder / out / f"small.vi.{kind}" for out in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
        texts[kind] = READERS[kind](first.read_bytes())
    for words in (
        "Hỏi được không?",
        "Ruộng",
        "A1 đến A6 chỉ hỏi nếu",
        "A1 “Hỏi được không?” là “Có”",
        "Ngày nào?",
    ):
        assert all(words in text for text in texts.values()), words


def test_a_font_that_lacks_a_letter_is_a_finding_and_nothing_is_written(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:  # 6
    khmer = [
        [cell.replace("Tiếng Việt (vi)", "ខ្មែរ (km)").replace("Ngày nào?", "ថ្ងៃណា?") for cell in row]
        for row in SHEETS["survey"]
    ]
    choices = [[cell.replace("Tiếng Việt (vi)", "ខ្មែរ (km)") for cell in row] for row in CHOICES]
    write_folder(SHEETS | {"survey": khmer, "choices": choices}, folder / "khmer")
    assert run("khmer", "--language", "km", "--output", "out", "--format", "pdf", "--format", "docx") == 3
    said = capfd.readouterr().err
    assert "[print.glyphs]" in said
    assert "Noto Sans Khmer" in said
    assert "[print.phrases]" in said
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["small.km.docx"]


def test_a_language_nobody_has_is_a_finding(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:  # 5
    assert run("small", "--language", "ja", "--output", "out") == 3
    assert "[print.language]" in capfd.readouterr().err


def _pdf(data: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def _docx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    book = docx.Document(io.BytesIO(data))
    cells = [cell.text for table in book.tables for row in table.rows for cell in row.cells]
    return " ".join([*(paragraph.text for paragraph in book.paragraphs), *cells])


def _html(data: bytes) -> str:
    return data.decode()


READERS: dict[str, Callable[[bytes], str]] = {"pdf": _pdf, "docx": _docx, "html": _html}
