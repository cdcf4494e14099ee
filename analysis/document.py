"""A report as a sequence of blocks: headings, text, tables, figures, notes, form items. No data, no layout.

Blocks are values; `analysis.writers` turns them into bytes. Text is plain: a key in square brackets that
names a table or a figure of the same document, such as ``[T10]``, becomes a link, everything else is
printed as it stands. A figure without alternative text, a key used twice, a pointer to nothing or a skipped
heading level is refused here, once, for all formats.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analysis.tables import Table

ITEMS = ("one", "many", "blank", "say")
KEY = re.compile(r"\[([A-Z]+[0-9]+[a-z]?)\]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (chapter) to 3; ``number`` is printed before it."""

    text: str
    level: int = 1
    number: str = ""

    @property
    def anchor(self) -> str:
        """Name that links inside the document point to."""
        return "s-" + self.number.strip(".").replace(".", "-") if self.number else ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; ``style`` is ``body``, ``lead`` (opens a chapter) or ``small``."""

    text: str
    style: str = "body"


@dataclass(frozen=True, slots=True)
class Listing:
    """Points, one after the other."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms and what they mean, or facts and their values."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A remark set apart; ``kind`` is ``caution`` or ``reason`` (why something is left out)."""

    text: str
    kind: str = "caution"
    title: str = ""


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One number of the first page: value, what it is, interval and n, and the table it stands in."""

    value: str
    label: str
    detail: str = ""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """Numbers of the first page, together."""

    items: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table in its place."""

    table: Table


@dataclass(frozen=True, slots=True)
class FigureBlock:
    """A drawing with the text that stands for it and the table of all its numbers, printed in the annex."""

    key: str
    svg: bytes
    alt: str
    caption: str
    numbers: Table
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(
                f"figure {self.key} has no alternative text: say in a sentence or two what it shows"
            )


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be ticked: its code, its words, and whether there is a line to write on."""

    code: str
    words: str
    line: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One numbered question as a form on paper shows it; its words are printed as they stand.

    ``kind`` says what is below the text: ``one`` and ``many`` (answers to tick), ``blank`` (a line to write
    on, ``blank`` saying what), ``say`` (nothing: a text that is read out or shown). ``routing`` stands above
    the text, ``instruction`` below it, ``remarks`` are terms and what they say, ``name`` and ``flags`` stand
    small at its foot.
    """

    number: str
    text: str
    kind: str = "say"
    name: str = ""
    routing: str = ""
    instruction: str = ""
    options: tuple[Option, ...] = ()
    blank: str = ""
    remarks: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ITEMS:
            raise ValueError(f"item {self.number}: {self.kind!r} is no kind; there are {', '.join(ITEMS)}")

    @property
    def columns(self) -> int:
        """In how many columns its answers fit."""
        longest = max((len(option.words) for option in self.options), default=0)
        fit = 3 if longest <= 22 else 2 if longest <= 40 else 1
        return fit if len(self.options) > 4 or fit == 3 else 1


@dataclass(frozen=True, slots=True)
class Break:
    """A new page where there are pages."""


Block = (
    Heading | Paragraph | Listing | Definitions | Note | KeyFigures | TableBlock | FigureBlock | Item | Break
)


@dataclass(frozen=True, slots=True)
class Meta:
    """What every page carries, the report's name and the digest of its release, and the words of the
    cover."""

    report: str
    release: str
    kicker: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    banner: str = ""
    disclaimer: str = ""
    words: dict[str, str] = field(default_factory=dict)

    @property
    def short(self) -> str:
        """First twelve hexadecimal digits of the release digest."""
        return self.release[:12]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report in one language."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
    language: str
    meta: Meta

    def __post_init__(self) -> None:
        _check_keys(self)
        _check_levels(self)

    def tables(self) -> Iterator[Table]:
        """Tables in their order."""
        return (block.table for block in self.blocks if isinstance(block, TableBlock))

    def figures(self) -> Iterator[FigureBlock]:
        """Figures in their order."""
        return (block for block in self.blocks if isinstance(block, FigureBlock))

    def keys(self) -> tuple[str, ...]:
        """Keys of all tables and figures, in order."""
        return tuple(
            block.table.key if isinstance(block, TableBlock) else block.key
            for block in self.blocks
            if isinstance(block, TableBlock | FigureBlock)
        )

    def chapters(self) -> tuple[Heading, ...]:
        """Headings of the first level, for the table of contents."""
        return tuple(block for block in self.blocks if isinstance(block, Heading) and block.level == 1)


def pieces(text: str) -> list[tuple[str, str]]:
    """The text cut at its pointers: ``("text", words)`` and ``("key", key)`` in turn."""
    parts = KEY.split(text)
    kinds = ("text", "key")
    return [(kinds[position % 2], part) for position, part in enumerate(parts) if part]


def words_of(block: Block) -> Iterator[str]:
    """Every string of running text in a block (not the cells of tables)."""
    if isinstance(block, Heading | Paragraph | Note):
        yield block.text
    elif isinstance(block, Listing):
        yield from block.items
    elif isinstance(block, Definitions):
        for term, meaning in block.items:
            yield term
            yield meaning
    elif isinstance(block, KeyFigures):
        for item in block.items:
            yield from (item.value, item.label, item.detail)
            if item.pointer:
                yield f"[{item.pointer}]"
    elif isinstance(block, FigureBlock):
        yield from (block.caption, block.alt, *block.notes)
    elif isinstance(block, TableBlock):
        yield from (block.table.title, *block.table.notes)
    elif isinstance(block, Item):
        yield from (block.number, block.text, block.name, block.routing, block.instruction, block.blank)
        yield from (part for option in block.options for part in (option.code, option.words))
        yield from (part for remark in block.remarks for part in remark)
        yield from block.flags


def _check_keys(document: Document) -> None:
    keys = document.keys()
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"key {twice[0]} stands at two tables or figures: give each its own")
    for block in document.blocks:
        for words in () if isinstance(block, Item) else words_of(block):
            for key in KEY.findall(words):
                if key not in keys:
                    raise ValueError(
                        f"the text points to [{key}], but no table or figure carries this key: {words[:60]!r}"
                    )


def _check_levels(document: Document) -> None:
    level = 0
    for block in document.blocks:
        if isinstance(block, Heading):
            if block.level > level + 1:
                raise ValueError(
                    f"heading {block.text!r} of level {block.level} follows level {level}: do not skip levels"
                )
            level = block.level
