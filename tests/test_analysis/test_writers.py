"""HTML, PDF and Word of one small document in both languages."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import docx
import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from analysis import figures, tables
from analysis.disclosure import RESTRICTED
from analysis.document import (
    Break,
    Definitions,
    Document,
    FigureBlock,
    Heading,
    Item,
    KeyFigure,
    KeyFigures,
    Listing,
    Meta,
    Note,
    Option,
    Paragraph,
    TableBlock,
)
from analysis.figures import FONTS
from analysis.tables import Column, Row, Table
from analysis.wording import Wording
from analysis.writers import docx as docx_writer
from analysis.writers import html, pdf

HOSTILE = '<script>alert(1)</script> #import "x" $x$ \\ "quoted" *bold* [T9] & end'
WORDS = (
    "table",
    "figure",
    "tables",
    "figures",
    "contents",
    "source",
    "release",
    "skip",
    "suppressed",
    "simulated",
)


def document(language: str = "en", title: str = "Người trở về") -> Document:
    word = Wording(language)
    rows = (
        Row("Nghệ An", kind="group"),
        Row("Nữ", (tables.count(9), tables.share(9, 18))),
        Row("Nam", (tables.count(40), tables.share(40, 80))),
    )
    columns = (Column("n", "n", "Tất cả"), Column("p", "%", "Tất cả"))
    table = Table("T1", "Bảng thử", columns, rows, notes=("xem [F1]",), source="ab").protect(RESTRICTED)
    svg = figures.flow([figures.Step("Đợt đầu", ("120 người",)), figures.Step("Đợt 1", ("98",))], key="F1")
    blocks = (
        Heading("Kết quả", 1, "1"),
        Paragraph("Xem [T1].", "lead"),
        KeyFigures((KeyFigure("42%", "có việc", "n = 80", "T1"),)),
        Note("Lưu ý.", "caution", "Đọc kỹ."),
        Heading("Chi tiết", 2, "1.1"),
        TableBlock(table),
        FigureBlock("F1", svg, "Hai ô nối nhau.", "Sơ đồ", Table("N1", "", (), ()), ("ghi chú",)),
        Break(),
        Listing((HOSTILE.replace("[T9]", ""),)),
        Definitions((("ký hiệu", "nghĩa"),)),
        Paragraph("nhỏ", "small"),
    )
    meta = Meta(
        "panel",
        "0123456789abcdef" * 4,
        "khảo sát",
        (("Tuyến", "Việt Nam – Nhật Bản"),),
        "Dữ liệu mô phỏng.",
        "Miễn trừ.",
        {name: word(f"words.{name}") for name in WORDS},
    )
    return Document(title, "Báo cáo", blocks, language, meta)


class Tags(HTMLParser):
    """Tags met, those left open, and ids."""

    VOID = frozenset({"meta", "br", "img", "hr", "input", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("href", "xlink:href") and str(value).startswith("#"):
                self.targets.append(str(value)[1:])


@pytest.fixture(scope="module")
def page() -> str:
    return html.write(document()).decode()


@pytest.fixture(scope="module")
def printed() -> bytes:
    return pdf.write(document())


def test_both_formats_give_the_same_bytes_twice(page: str, printed: bytes) -> None:
    assert html.write(document()).decode() == page
    assert pdf.write(document()) == printed


def test_the_page_is_whole_and_every_link_inside_it_leads_somewhere(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert set(tags.targets) <= set(tags.ids)


def test_the_page_has_no_scripts_and_fetches_nothing(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.seen
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "@import" not in page
    assert "url(http" not in page


def test_words_of_a_document_cannot_act_as_markup(page: str, printed: bytes) -> None:
    assert "&lt;script&gt;" in page
    assert '<script>alert(1)</script> #import "x" $x$ \\ "quoted" *bold*' in _text(printed)


def test_a_drawing_is_named_for_those_who_cannot_see_it(page: str, printed: bytes) -> None:
    assert 'role="img" aria-label="Hai ô nối nhau."' in page
    assert "Hai ô nối nhau.".encode("utf-16-be") in b"".join(_strings(printed))


def test_table_cells_have_their_headings_and_a_dash_its_reason(page: str) -> None:
    assert '<th scope="row">Nam</th>' in page
    assert '<th scope="col">%</th>' in page
    assert f'<abbr title="{Wording("en")("words.suppressed")}">–</abbr>' in page
    assert ">9<" not in page


def test_every_pdf_page_carries_the_release_and_the_name_of_the_report(printed: bytes) -> None:
    pages = PdfReader(io.BytesIO(printed)).pages
    assert len(pages) > 2
    assert all("Release 0123456789ab · panel" in sheet.extract_text() for sheet in pages)


def test_the_pdf_is_tagged_titled_and_without_a_date(printed: bytes) -> None:
    reader = PdfReader(io.BytesIO(printed))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert "/StructTreeRoot" in root
    assert reader.metadata is not None
    assert reader.metadata.title == "Người trở về – Báo cáo"
    assert reader.metadata.get("/CreationDate") is None


@pytest.mark.parametrize("language", ["en", "vi"])
def test_vietnamese_is_printed_with_embedded_fonts_only(language: str) -> None:
    made = pdf.write(document(language))
    assert "Việt Nam – Nhật Bản" in _text(made)
    for sheet in PdfReader(io.BytesIO(made)).pages:
        for font in sheet["/Resources"]["/Font"].values():
            assert "+" in font.get_object()["/BaseFont"]  # a subset, hence embedded


def test_the_text_font_draws_every_letter_of_vietnamese() -> None:
    letters = "aăâbcdđeêghiklmnoôơpqrstuưvxy"
    tones = "àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
    assert {ord(sign) for sign in letters + letters.upper() + tones + tones.upper()} <= pdf.coverage()
    with TTFont(FONTS / "DejaVuSans-Bold.ttf") as bold:
        assert {ord(sign) for sign in tones + tones.upper()} <= set(bold.getBestCmap())


def test_a_sign_that_no_font_draws_is_refused_by_name() -> None:
    with pytest.raises(pdf.GlyphError, match=r"U\+1780"):
        pdf.write(document(title="ក"))


def _text(made: bytes) -> str:
    pages = PdfReader(io.BytesIO(made)).pages
    return " ".join(" ".join(sheet.extract_text() for sheet in pages).split())


def _strings(made: bytes) -> list[bytes]:
    """Alternative texts of the structure tree, as written."""
    reader = PdfReader(io.BytesIO(made))
    found = []
    for number in range(1, len(reader.xref[0]) + len(reader.xref_objStm) + 1):
        thing = reader.get_object(number)
        if isinstance(thing, dict) and "/Alt" in thing:
            found.append(str(thing["/Alt"]).encode("utf-16-be"))
    return found


def test_word_gets_the_same_blocks_and_the_same_bytes_twice() -> None:
    made = docx_writer.write(document("vi"))
    assert made == docx_writer.write(document("vi"))
    book = docx.Document(io.BytesIO(made))
    said = "\n".join(paragraph.text for paragraph in book.paragraphs)
    for words in ("Kết quả", "Xem T1.", "Đọc kỹ. Lưu ý.", "42%", "Bảng T1  Bảng thử", "xem F1", "nhỏ"):
        assert words in said
    assert HOSTILE.replace("[T9]", "") in said
    cells = [cell.text for table in book.tables for row in table.rows for cell in row.cells]
    assert {"Tuyến", "Việt Nam – Nhật Bản", "Nghệ An", "Nam", "ký hiệu", "nghĩa"} <= set(cells)
    assert "9" not in cells
    (drawing,) = book.inline_shapes
    assert drawing._inline.docPr.get("descr") == "Hai ô nối nhau."
    assert book.core_properties.title == "Người trở về – Báo cáo"


def test_a_form_item_is_printed_with_boxes_in_every_format() -> None:
    options = (Option("1", "Có"), Option("96", "Khác", line=True))
    item = Item(
        "A1", "Có việc không?", "one", "pay", "Hỏi nếu [A9]", "Đọc to", options, "", (("Chú ý", "x"),), ("S",)
    )
    made = replace(document("vi"), blocks=(Heading("Câu hỏi"), item))
    said = "\n".join(
        paragraph.text for paragraph in docx.Document(io.BytesIO(docx_writer.write(made))).paragraphs
    )
    for text in (said, _text(pdf.write(made)), html.write(made).decode()):
        for words in ("Có việc không?", "pay", "Hỏi nếu [A9]", "Đọc to", "Chú ý"):
            assert words in text
    with pytest.raises(ValueError, match="no kind"):
        replace(item, kind="some")


def test_a_folder_of_fonts_widens_what_can_be_printed(tmp_path: Path) -> None:
    made = document(title="ก")
    (tmp_path / "fonts").mkdir()
    with pytest.raises(FileNotFoundError, match="no font"):
        pdf.check_glyphs(made, [tmp_path / "fonts"])
    with TTFont(FONTS / "DejaVuSans.ttf") as font:
        for table in font["cmap"].tables:
            table.cmap[ord("ก")] = "A"
        font.save(tmp_path / "fonts" / "thai.ttf")
    pdf.check_glyphs(made, [tmp_path / "fonts"])
