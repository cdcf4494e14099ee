"""Document → PDF through Typst: tagged, without a date, the same bytes for the same document.

The look is in `report.typ` beside this file; here blocks become calls of its functions whose arguments are
string literals only, so no word of a document can act as markup. Fonts come with Typst and matplotlib,
never from the machine, and the characters are held against them first: Typst prints a box for a missing one
and says nothing.
"""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typst
from fontTools.ttLib import TTFont

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
    words_of,
)
from analysis.figures import FONTS
from analysis.tables import Table

HERE = Path(__file__).parent
STANDARD = "ua-1"
ANNEX = "N"  # tables of the numbers of figures, not listed in the contents


class GlyphError(ValueError):
    """A character that no font at hand can draw: `sign`."""

    def __init__(self, sign: str, met: str) -> None:
        self.sign = sign
        super().__init__(
            f"no font at hand draws {sign!r} (U+{ord(sign):04X}), met in {met!r}: "
            "replace it or bring a font that has it"
        )


def write(document: Document, fonts: Sequence[Path] = ()) -> bytes:
    """The document as tagged PDF (PDF/UA-1); `fonts` are folders of fonts for scripts ours do not draw.

    Raises
    ------
    GlyphError
        A character is in none of the fonts; the message names it.
    """
    check_glyphs(document, fonts)
    files: dict[str, bytes] = {
        "main.typ": source(document).encode("utf-8"),
        "report.typ": (HERE / "report.typ").read_bytes(),
    }
    files |= {f"{figure.key}.svg": figure.svg for figure in document.figures()}
    compiled: Any = typst.compile  # its stubs do not know that several files may be handed over
    folders = [str(folder) for folder in (FONTS, *fonts)]
    return compiled(
        files, format="pdf", ignore_system_fonts=True, font_paths=folders, pdf_standards=[STANDARD]
    )


def picture(svg: bytes, dots: int = 200) -> bytes:
    """A drawing as PNG, for formats that take no SVG; `dots` per inch."""
    files = {
        "main.typ": b'#set page(width: auto, height: auto, margin: 0pt)\n#image("drawing.svg")\n',
        "drawing.svg": svg,
    }
    compiled: Any = typst.compile
    return compiled(files, format="png", ppi=dots, ignore_system_fonts=True, font_paths=[str(FONTS)])


def source(document: Document) -> str:
    """The document in Typst's language."""
    meta = document.meta
    facts = "".join(f"({_string(term)}, {_string(fact)})," for term, fact in meta.facts)
    words = "".join(f"{name}: {_string(word)}," for name, word in sorted(meta.words.items()))
    head = (
        '#import "report.typ": *\n'
        f"#show: report.with(title: {_string(document.title)}, subtitle: {_string(document.subtitle)}, "
        f"lang: {_string(document.language)}, kicker: {_string(meta.kicker)}, facts: ({facts}), "
        f"banner: {_string(meta.banner)}, disclaimer: {_string(meta.disclaimer)}, "
        f"release: {_string(meta.release)}, short: {_string(meta.short)}, "
        f"name: {_string(meta.report)}, words: ({words}), "
        f"tables: {_entries((table.key, table.title) for table in _listed(document))}, "
        f"figures: {_entries((figure.key, figure.caption) for figure in document.figures())})\n"
    )
    return head + "\n".join(_block(block, document) for block in document.blocks) + "\n"


def _listed(document: Document) -> Iterable[Table]:
    """Tables that the contents name."""
    return (table for table in document.tables() if not table.key.startswith(ANNEX))


def _entries(named: Iterable[tuple[str, str]]) -> str:
    """Keys and titles for the contents; pointers inside a title lose their brackets."""
    plain = ((key, "".join(part for _, part in pieces(title))) for key, title in named)
    return _tuple(f"({_string(key)}, {_string(title)})" for key, title in plain)


def check_glyphs(document: Document, fonts: Sequence[Path] = ()) -> None:
    """Raise GlyphError when the document uses a character that none of the fonts can draw."""
    known = coverage().union(*map(drawn_by, fonts))
    for words in _all_words(document):
        for sign in words:
            if ord(sign) not in known and not sign.isspace():
                raise GlyphError(sign, words[:40])


@functools.cache
def coverage() -> frozenset[int]:
    """Code points that DejaVu Sans draws; Typst falls back to it wherever the text face has a gap."""
    with TTFont(FONTS / "DejaVuSans.ttf") as font:
        return frozenset(font.getBestCmap())


def drawn_by(folder: Path) -> frozenset[int]:
    """Code points that the fonts of a folder draw.

    Raises
    ------
    FileNotFoundError
        There is no font in it.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".ttf", ".otf", ".ttc")]
    if not files:
        raise FileNotFoundError(f"{folder}: no font (.ttf, .otf, .ttc) is there")
    drawn: set[int] = set()
    for path in files:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            drawn |= set(font.getBestCmap() or ())
    return frozenset(drawn)


def _all_words(document: Document) -> Iterable[str]:
    meta = document.meta
    yield from (
        document.title,
        document.subtitle,
        meta.kicker,
        meta.banner,
        meta.disclaimer,
        *meta.words.values(),
    )
    for term, fact in meta.facts:
        yield from (term, fact)
    for block in document.blocks:
        yield from words_of(block)
        if isinstance(block, TableBlock):
            yield from _table_words(block.table, document.language)


def _table_words(table: Table, language: str) -> Iterable[str]:
    yield table.stub
    yield from (word for column in table.columns for word in (column.label, column.group))
    yield from (row.label for row in table.rows)
    yield from (cell.text for line in table.texts(language) for cell in line)


def _block(block: Block, document: Document) -> str:
    match block:
        case Heading():
            return f"#chapter({block.level}, {_string(block.number)}, {_string(block.text)})"
        case Paragraph():
            return f"#para({_string(block.style)}, {_content(block.text)})"
        case Listing():
            return f"#points({_tuple(_content(item) for item in block.items)})"
        case Definitions():
            pairs = (f"({_content(term)}, {_content(meaning)})" for term, meaning in block.items)
            return f"#terms-of({_tuple(pairs)})"
        case Note():
            return f"#aside({_string(block.kind)}, {_string(block.title)}, {_content(block.text)})"
        case KeyFigures():
            cards = (
                _tuple(_string(part) for part in (item.value, item.label, item.detail, item.pointer))
                for item in block.items
            )
            return f"#key-figures({_tuple(cards)})"
        case TableBlock():
            return _table(block.table, document)
        case FigureBlock():
            return _figure(block, document)
        case Item():
            return _item(block)
        case Break():
            return "#pagebreak(weak: true)"


def _figure(block: FigureBlock, document: Document) -> str:
    notes = _tuple(_content(note) for note in block.notes)
    tag = f"{document.meta.words['figure']} {block.key}"
    return (
        f"#drawing({_string(block.key)}, {_string(tag)}, {_string(block.caption)}, "
        f"{_string(block.key + '.svg')}, {_string(block.alt)}, {notes}, "
        f"{_string(_source(block.key, document))})"
    )


def _item(item: Item) -> str:
    options = _tuple(
        f"({_string(option.code)}, {_string(option.words)}, {'true' if option.line else 'false'})"
        for option in item.options
    )
    remarks = _tuple(f"({_string(term)}, {_string(words)})" for term, words in item.remarks)
    return (
        f"#item({_string(item.number)}, {_string(item.name)}, {_tuple(map(_string, item.flags))}, "
        f"{_string(item.routing)}, {_string(item.text)}, {_string(item.kind)}, {options}, {item.columns}, "
        f"{_string(item.blank)}, {_string(item.instruction)}, {remarks})"
    )


def _table(table: Table, document: Document) -> str:
    texts = table.texts(document.language)
    rows = []
    for row, cells in zip(table.rows, texts, strict=True):
        shown = _tuple(
            f"({_string(cell.text)}, {_string(cell.pad)}, {_string(cell.mark)})"
            for cell in (() if row.kind == "group" else cells)
        )
        rows.append(f"({_string(row.kind)}, {_string(row.label)}, {shown})")
    columns = _tuple(
        f"({_string(column.label)}, {'true' if column.words else 'false'})" for column in table.columns
    )
    groups = _tuple(f"({_string(label)}, {width})" for label, width in table.spanners())
    tag = f"{document.meta.words['table']} {table.key}"
    return (
        f"#panel-table({_string(table.key)}, {_string(tag)}, {_content(table.title)}, {_string(table.stub)}, "
        f"{columns}, {groups}, {_tuple(rows)}, {_tuple(_content(note) for note in table.notes)}, "
        f"{_string(_source(table.key, document))})"
    )


def _source(key: str, document: Document) -> str:
    return f"{document.meta.words['source']} {document.meta.short} · {key}"


def _content(text: str) -> str:
    """Typst content for running text: words as literals, pointers as links."""
    parts = [
        f"key-link({_string(part)})" if kind == "key" else f"text({_string(part)})"
        for kind, part in pieces(text)
    ]
    return "[" + "".join("#" + part + ";" for part in parts) + "]"


def _tuple(items: Iterable[str]) -> str:
    return "(" + "".join(item + "," for item in items) + ")"


def _string(text: str) -> str:
    """A Typst string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "")
    return f'"{escaped}"'
