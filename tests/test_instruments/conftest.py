"""Forms as small Markdown tables, the notation of pyxform's own tests; the package's forms on a tablet."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from instruments.instrument import Instrument, lists, load
from instruments.sheets import Sheets
from instruments.xform import build

WHEN = datetime(2031, 3, 14, 9, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
CHECKER = {"name": "E01", "label": "E01", "team": "A", "langs": "vi"}
MEMBER = {
    "name": "5c0f2b5e-0000-4000-8000-000000000001",
    "label": "VN000001",
    "__version": "3",
    "panel_id": "VN000001",
    "birth_y": "1992",
    "comm_txt": "Xã Yên Khê",
    "last_wave": "1",
    "last_cm": "1569",
    "last_txt": "9/2030",
    "last_state": "1",
    "last_state_txt": "Làm thuê hưởng lương",
    "last_job": "Thợ hàn",
    "mdebt_st": "2",
    "last_loc": "1",
    "con_proxy": "1",
    "rc_unit": "million VND",
    "assigned": "E01",
    "status": "active",
    "wave_due": "2",
}
LISTS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "enumerators": [CHECKER, CHECKER | {"name": "E02", "label": "E02"}],
    "psu": [{"name": "A01", "label": "A01", "prov_old": "40", "prov_new": "40", "stratum": "1"}],
    "returnee": [MEMBER],
    "tracing": [{"panel_id": "VN000001", "phone1": "", "c1_name": "", "c1_phone": "", "assigned": "E01"}],
    "backcheck": [],
}


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


@dataclass(frozen=True)
class Answered:
    """An interview on the tablet: what was asked by name, what is in the XML, what was refused."""

    xml: str
    complete: bool
    asked: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]

    @cached_property
    def said(self) -> dict[str, str]:
        """Answers and calculated values by name; of a repeat, those of its last instance."""
        root = etree.fromstring(self.xml.encode())
        return {node.tag: node.text for node in root.iter() if not len(node) and node.text}


@dataclass(frozen=True)
class Desk:
    """A tablet with the forms of the package; lists are given by name, or are those of one panel member."""

    folder: Path
    tablet: Any

    def fill(
        self,
        name: str,
        answers: Mapping[str, Any],
        *,
        when: datetime = WHEN,
        language: str | None = None,
        **rows: Sequence[Mapping[str, str]],
    ) -> Answered:
        from survey.sandbox.tablet import uuids

        form = self.folder / f"{name}.xml"
        if not form.exists():
            form.write_text(build(load(name)).xml, encoding="utf-8")
        media = self._media(name, {**LISTS, **rows})
        filled = self.tablet.fill(form, media, answers, when=when, ids=uuids(name), language=language)
        return Answered(
            xml=filled.xml,
            complete=filled.complete,
            asked=tuple(path.rsplit("/", 1)[1].partition("[")[0] for path in filled.asked),
            refused=tuple((v.path.rsplit("/", 1)[1], v.message or v.kind) for v in filled.violations),
        )

    def _media(self, name: str, given: Mapping[str, Sequence[Mapping[str, str]]]) -> Path:
        media = self.folder / f"{name}-media"
        media.mkdir(exist_ok=True)
        for file in load(name).media:
            if file.removesuffix(".csv") not in given:
                (media / file).write_bytes(lists(file, provinces=["40", "42"]))
        for file, rows in given.items():
            with (media / f"{file}.csv").open("w", encoding="utf-8", newline="") as stream:
                table = csv.DictWriter(stream, list(rows[0]) if rows else ["name", "label"])
                table.writeheader()
                table.writerows(rows)
        return media


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The forms of the package on ODK Collect's engine, at 9:30 on 14 March 2031 unless told otherwise."""
    from survey.sandbox.tablet import Tablet

    return Desk(tmp_path_factory.mktemp("desk"), Tablet())
