"""Requirements: (1) gravest first; (2) row 9 before row 10; (3) every level counted; (4) no other level."""

from __future__ import annotations

import pytest

from instruments.findings import Finding, count, has_errors, sort_findings, to_text

NOTE = Finding("note", "a", "form row 1", "Look.")
LATE = Finding("error", "a", "form row 10", "Mend.")
EARLY = Finding("error", "b", "form row 9", "Mend.")


def test_the_gravest_come_first_and_rows_in_the_order_of_numbers() -> None:  # 1, 2
    assert sort_findings([NOTE, LATE, EARLY]) == [EARLY, LATE, NOTE]


def test_every_level_is_counted_even_if_none_was_found() -> None:  # 3
    assert count([NOTE, LATE, EARLY]) == {"error": 2, "warning": 0, "note": 1}
    assert has_errors([NOTE, LATE])
    assert not has_errors([NOTE])


def test_the_text_has_a_line_per_finding_and_the_count() -> None:
    assert to_text([NOTE, LATE]) == (
        "error: form row 10: Mend. [a]\nnote: form row 1: Look. [a]\n1 error, 0 warnings, 1 note"
    )


def test_a_level_that_does_not_exist_is_refused() -> None:  # 4
    with pytest.raises(ValueError, match="error, warning, note"):
        Finding("fatal", "a", "here", "No.")
