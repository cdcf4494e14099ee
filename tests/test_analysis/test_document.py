"""Blocks and what a document refuses."""

import pytest

from analysis.document import Document, FigureBlock, Heading, Meta, Paragraph, TableBlock, pieces
from analysis.tables import Table

EMPTY = Table("N1", "", (), ())


def document(*blocks: object) -> Document:
    return Document("Title", "", blocks, "en", Meta("panel", "ab" * 32))  # type: ignore[arg-type]


def test_text_is_cut_at_its_pointers_only() -> None:
    assert pieces("See [T10a] and [F3], 0.5 [0.3 to 0.7].") == [
        ("text", "See "),
        ("key", "T10a"),
        ("text", " and "),
        ("key", "F3"),
        ("text", ", 0.5 [0.3 to 0.7]."),
    ]


def test_a_figure_needs_alternative_text() -> None:
    with pytest.raises(ValueError, match="F1 has no alternative text"):
        FigureBlock("F1", b"<svg/>", " ", "caption", EMPTY)


def test_a_key_may_stand_once() -> None:
    with pytest.raises(ValueError, match="key N1 stands at two"):
        document(TableBlock(EMPTY), TableBlock(EMPTY))


def test_a_pointer_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"points to \[T7\]"):
        document(Paragraph("as [T7] shows"))


def test_heading_levels_are_not_skipped() -> None:
    with pytest.raises(ValueError, match="do not skip"):
        document(Heading("One", 1), Heading("Too deep", 3))


def test_the_release_is_shortened_for_the_foot() -> None:
    assert document().meta.short == "abababababab"
