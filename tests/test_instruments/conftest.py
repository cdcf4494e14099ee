"""Forms as small Markdown tables, the notation of pyxform's own tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments.instrument import Instrument
from instruments.sheets import Sheets


def read_markdown(text: str) -> Sheets:
    """Sheets of a table whose first cell names a sheet and is empty in the rows that belong to it."""
    sheets: Sheets = {}
    name = ""
    for line in filter(None, map(str.strip, text.strip().splitlines())):
        first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = first or name
        if any(cells):
            sheets.setdefault(name, []).append(cells)
    sheets.setdefault("settings", [["form_id", "form_title", "version"], ["small", "Small form", "3"]])
    return sheets


@pytest.fixture(scope="session")
def form() -> Callable[[str], Instrument]:
    """Make an instrument of a Markdown table."""
    return lambda text: Instrument.from_sheets(read_markdown(text))
