"""Document → Word (.docx): the same blocks as in PDF and HTML, to be edited, commented and translated.

The look is set here on Word's own styles, so that a house template can change it. Fonts are named, never
embedded: Word takes another one where a script needs it. No clock goes in, so the same document gives the
same bytes. A drawing comes as a picture with its alternative text. python-docx is imported here and nowhere
else.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from analysis.document import (
    Block,
    Break,
    Definitions,
    Document,
    FigureBlock,
    Heading,
    Item,
    KeyFigures,
    Listing,
    Note,
    Paragraph,
    TableBlock,
    pieces,
)
from analysis.tables import Table
from analysis.writers.pdf import picture

INK, GREY, DEEP, AMBER = (RGBColor.from_string(code) for code in ("1C2733", "55616D", "12416B", "7A4A00"))
SANS, SERIF, MONO = "Arial", "Cambria", "Consolas"
WIDTH = Mm(160)
BOXES = {"one": "○", "many": "☐", "blank": "☐", "say": ""}
_MOMENT = (1980, 1, 1, 0, 0, 0)
_FIXED = datetime(1980, 1, 1, tzinfo=UTC)
_REGIONS = {"en": "en-GB", "vi": "vi-VN", "id": "id-ID", "ja": "ja-JP", "km": "km-KH", "my": "my-MM"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write(document: Document) -> bytes:
    """The document as .docx, the same bytes for the same document."""
    book = docx.Document()
    _styles(book, document.language)
    _properties(book, document)
    _margins(book, document)
    _cover(book, document)
    for block in document.blocks:
        _block(book, block, document)
    stream = io.BytesIO()
    book.save(stream)
    return _without_clock(stream.getvalue())


def _styles(book: Any, language: str) -> None:
    """Word's own styles in our look; the language is what its spelling goes by."""
    normal = book.styles["Normal"]
    _font(normal.font, SERIF, 10.5, INK)
    normal.paragraph_format.space_after = Pt(6)
    for level, size in ((1, 17), (2, 12.5), (3, 10.5)):
        style = book.styles[f"Heading {level}"]
        _font(style.font, SANS, size, DEEP, bold=True)
        style.paragraph_format.space_before = Pt((22, 18, 13)[level - 1])
        style.paragraph_format.space_after = Pt(6)
        style.paragraph_format.keep_with_next = True
    _font(book.styles["Title"].font, SANS, 25, DEEP, bold=True)
    spoken = OxmlElement("w:lang")
    for name in ("w:val", "w:eastAsia", "w:bidi"):
        spoken.set(qn(name), _REGIONS.get(language, language))
    properties = normal.element.get_or_add_rPr()
    for old in properties.findall(qn("w:lang")):
        properties.remove(old)
    properties.append(spoken)


def _properties(book: Any, document: Document) -> None:
    core = book.core_properties
    core.title = f"{document.title} – {document.subtitle}"
    core.subject = document.meta.report
    core.keywords = f"release {document.meta.release}"
    core.language = document.language
    core.author = core.last_modified_by = core.comments = ""
    core.created = core.modified = _FIXED
    core.revision = 1


def _margins(book: Any, document: Document) -> None:
    """A4 with the name above, and below what it was made from and the page."""
    section = book.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(25)
    section.top_margin = section.bottom_margin = Mm(24)
    section.different_first_page_header_footer = True
    head = section.header.paragraphs[0]
    _run(head, document.title, SANS, 7, GREY)
    if document.meta.banner:
        _run(head, f"   {document.meta.words['simulated']}", SANS, 7, AMBER)
    foot = section.footer.paragraphs[0]
    meta = document.meta
    _run(foot, f"{meta.words['release']} {meta.short} · {meta.report}\t\t", SANS, 7, GREY)
    _page_number(foot)


def _page_number(paragraph: Any) -> None:
    run = _run(paragraph, "", SANS, 7, GREY)
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        if kind:
            part = OxmlElement("w:fldChar")
            part.set(qn("w:fldCharType"), kind)
        else:
            part = OxmlElement("w:instrText")
            part.text = text
        run._r.append(part)


def _cover(book: Any, document: Document) -> None:
    meta = document.meta
    if meta.banner:
        _shaded(book, meta.banner, "", "FDF3E3")
    kicker = _paragraph(book, after=2)
    kicker.paragraph_format.space_before = Pt(90)
    _run(kicker, meta.kicker.upper(), SANS, 8, GREY)
    title = book.add_paragraph(style="Title")
    _words(title, document.title)
    _run(_paragraph(book, after=26), document.subtitle, SANS, 12, GREY)
    _pairs(book, meta.facts)
    if meta.disclaimer:
        note = _paragraph(book)
        note.paragraph_format.space_before = Pt(40)
        _run(note, meta.disclaimer, SANS, 8, GREY)
    book.add_page_break()


def _block(book: Any, block: Block, document: Document) -> None:
    match block:
        case Heading():
            number = f"{block.number}  " if block.number else ""
            _words(book.add_heading(level=block.level), number + block.text)
        case Paragraph():
            size = {"lead": 12.0, "small": 9.0}.get(block.style, 10.5)
            _run(_paragraph(book), _plain(block.text), SERIF, size, GREY if block.style == "small" else INK)
        case Listing():
            for item in block.items:
                _words(book.add_paragraph(style="List Bullet"), _plain(item))
        case Definitions():
            _pairs(book, [(_plain(term), _plain(meaning)) for term, meaning in block.items])
        case Note():
            fill = "FDF7EC" if block.kind == "caution" else "F3F5F7"
            _shaded(book, _plain(block.text), block.title, fill)
        case KeyFigures():
            for figure in block.items:
                card = _paragraph(book)
                _run(card, f"{figure.value}  ", SANS, 16, DEEP, bold=True)
                _run(card, f"{figure.label}  ", SANS, 9, INK)
                pointer = f" {figure.pointer}" if figure.pointer else ""
                _run(card, f"{figure.detail}{pointer}", SANS, 8, GREY)
        case TableBlock():
            _table(book, block.table, document)
        case FigureBlock():
            _figure(book, block, document)
        case Item():
            _item(book, block)
        case Break():
            book.add_page_break()


def _item(book: Any, item: Item) -> None:
    """A question: number in the margin, everything else beside it."""
    if item.routing:
        _run(_indented(book, keep=True), item.routing, SANS, 8, AMBER)
    asked = _indented(book, keep=bool(item.options or item.kind == "blank"))
    asked.paragraph_format.first_line_indent = Mm(-14)
    asked.paragraph_format.tab_stops.add_tab_stop(Mm(14))
    _run(asked, f"{item.number or '▸'}\t", SANS, 9.5, DEEP, bold=bool(item.number))
    text = _run(asked, item.text, SERIF, 10.5, INK, bold=item.kind != "say")
    text.italic = item.kind == "say"
    if item.instruction:
        _run(_indented(book, keep=True), f"▸ {item.instruction}", SANS, 8, DEEP)
    if item.kind == "blank":
        _run(_indented(book), f"{'_' * 36}  {item.blank}", SANS, 8, GREY)
    if item.options:
        _options(book, item)
    for term, words in item.remarks:
        remark = _indented(book)
        _run(remark, f"{term}  ", SANS, 7.5, GREY, bold=True)
        _run(remark, words, SANS, 7.5, GREY)
    last = _indented(book)
    last.paragraph_format.space_after = Pt(11)
    _run(last, item.name, MONO, 7, GREY)
    for flag in item.flags:
        _run(last, f"   [{flag}]", SANS, 7, DEEP)


def _options(book: Any, item: Item) -> None:
    """The answers to tick, down the columns they fit in."""
    columns = item.columns
    deep = -(-len(item.options) // columns)
    grid = book.add_table(rows=deep, cols=columns)
    grid.alignment = WD_TABLE_ALIGNMENT.LEFT
    _indent_table(grid, Mm(14))
    for at, option in enumerate(item.options):
        cell = grid.cell(at % deep, at // deep)
        cell.width = (WIDTH - Mm(14)) // columns
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(1)
        _run(paragraph, f"{BOXES[item.kind]} ", "Segoe UI Symbol", 9, GREY)
        _run(paragraph, f"{option.code}  " if option.code else "", SANS, 7.5, GREY)
        _run(paragraph, option.words + (f" {'_' * 16}" if option.line else ""), SERIF, 9.5, INK)


def _table(book: Any, table: Table, document: Document) -> None:
    """The cells as `Table.texts` gives them, under its columns and their spanners."""
    title = _paragraph(book, after=3)
    title.paragraph_format.keep_with_next = True
    _run(title, f"{document.meta.words['table']} {table.key}  ", SANS, 9, DEEP, bold=True)
    _run(title, _plain(table.title), SANS, 9, INK, bold=True)
    lines: list[list[str]] = []
    if groups := table.spanners():
        lines.append(["", *(label for label, width in groups for label in (label, *[""] * (width - 1)))])
    lines.append([table.stub, *(column.label for column in table.columns)])
    heads = len(lines)
    for row, cells in zip(table.rows, table.texts(document.language), strict=True):
        lines.append([row.label, *([cell.text for cell in cells] or [""] * len(table.columns))])
    grid = book.add_table(rows=len(lines), cols=len(table.columns) + 1)
    grid.style = "Light List"
    for number, line in enumerate(lines):
        kind = "" if number < heads else table.rows[number - heads].kind
        for at, words in enumerate(line):
            paragraph = grid.cell(number, at).paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(1)
            if at and not table.columns[at - 1].words:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            bold = number < heads or kind in ("group", "total")
            _run(paragraph, words, SANS, 8, INK, bold=bold)
    _foot(book, table.notes, table.key, document)


def _figure(book: Any, figure: FigureBlock, document: Document) -> None:
    title = _paragraph(book, after=3)
    title.paragraph_format.keep_with_next = True
    _run(title, f"{document.meta.words['figure']} {figure.key}  ", SANS, 9, DEEP, bold=True)
    _run(title, _plain(figure.caption), SANS, 9, INK, bold=True)
    drawn = book.add_picture(io.BytesIO(picture(figure.svg)), width=WIDTH)
    about = drawn._inline.docPr
    about.set("descr", figure.alt)
    about.set("name", figure.key)
    _foot(book, figure.notes, figure.key, document)


def _foot(book: Any, notes: Sequence[str], key: str, document: Document) -> None:
    for note in notes:
        _run(_paragraph(book, after=2), _plain(note), SANS, 7.5, GREY)
    source = f"{document.meta.words['source']} {document.meta.short} · {key}"
    _run(_paragraph(book, after=12), source, SANS, 7.5, GREY)


def _pairs(book: Any, items: Iterable[tuple[str, str]]) -> None:
    """Terms and what they mean, side by side."""
    rows = list(items)
    grid = book.add_table(rows=len(rows), cols=2)
    for number, (term, meaning) in enumerate(rows):
        for at, (words, width) in enumerate(((term, Mm(48)), (meaning, Mm(112)))):
            cell = grid.cell(number, at)
            cell.width = width
            cell.paragraphs[0].paragraph_format.space_after = Pt(3)
            _run(cell.paragraphs[0], words, SERIF if at else SANS, 9.5 if at else 8, INK, bold=not at)
    _paragraph(book, after=4)


def _shaded(book: Any, text: str, title: str, fill: str) -> None:
    """A remark set apart."""
    paragraph = _paragraph(book, after=10)
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Mm(2)
    shade = OxmlElement("w:shd")
    for name, told in (("w:val", "clear"), ("w:color", "auto"), ("w:fill", fill)):
        shade.set(qn(name), told)
    paragraph._p.get_or_add_pPr().append(shade)
    if title:
        _run(paragraph, f"{title} ", SANS, 8.5, INK, bold=True)
    _run(paragraph, text, SANS, 8.5, INK)


def _paragraph(book: Any, after: float = 6) -> Any:
    paragraph = book.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(after)
    return paragraph


def _indented(book: Any, *, keep: bool = False) -> Any:
    paragraph = _paragraph(book, after=2)
    paragraph.paragraph_format.left_indent = Mm(14)
    paragraph.paragraph_format.keep_with_next = keep
    return paragraph


def _indent_table(grid: Any, width: int) -> None:
    indent = OxmlElement("w:tblInd")
    indent.set(qn("w:w"), str(int(width / 635)))  # twentieths of a point
    indent.set(qn("w:type"), "dxa")
    grid._tbl.tblPr.append(indent)


def _run(paragraph: Any, text: str, face: str, size: float, colour: Any, *, bold: bool = False) -> Any:
    run = paragraph.add_run(_CONTROL.sub("", text))
    _font(run.font, face, size, colour, bold=bold)
    return run


def _words(paragraph: Any, text: str) -> None:
    paragraph.add_run(_CONTROL.sub("", text))


def _font(font: Any, face: str, size: float, colour: Any, *, bold: bool = False) -> None:
    """Face, size and colour, for scripts of East Asia and of the Indian family too."""
    font.name, font.size, font.bold = face, Pt(size), bold or None
    font.color.rgb = colour
    faces = font.element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
        if faces.get(qn(name)) is not None:
            del faces.attrib[qn(name)]


def _plain(text: str) -> str:
    """Text without the brackets around keys of tables and figures."""
    return "".join(part for _, part in pieces(text))


def _without_clock(data: bytes) -> bytes:
    """The same archive with every date in it set to one moment."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            info = zipfile.ZipInfo(name, _MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return stream.getvalue()
