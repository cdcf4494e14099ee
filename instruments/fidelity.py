"""Whether decoding kept everything: the leaves of a submission against the cells made of them.

`decode` promises that nothing is lost; this compares, from the XML's side and without its help: every text in
the XML must be a cell of the same meaning, and every cell must stand in the XML. Entity and instance metadata
(`meta`) are no answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
from lxml import etree

from instruments.decode import decode
from instruments.instrument import Instrument

Place = tuple[str, int, str]
"""Repeat ("" outside of any), number of its instance in the submission, name of the variable."""


def losses(xml: str, instrument: Instrument) -> list[str]:
    """Places where the XML holds what no cell does, a cell what the XML does not, or another value.

    What `decode` itself complains about is among them. No answer is shown: an entry names the place alone.
    """
    decoded = decode([("one", xml)], instrument)
    found = [f"{finding.code} {finding.where}" for finding in decoded.findings]
    types = {variable.name: variable.type for variable in instrument.variables}
    leaves = dict(_leaves(etree.fromstring(xml.encode()), instrument))
    cells = {place: cell for name, frame in decoded.frames.items() for place, cell in _cells(name, frame)}
    found += [f"{_told(place)}: in the XML alone" for place in leaves.keys() - cells.keys()]
    found += [f"{_told(place)}: not in the XML" for place in cells.keys() - leaves.keys()]
    for place in leaves.keys() & cells.keys():
        if not _same(leaves[place], cells[place], types[place[2]]):
            found.append(f"{_told(place)}: another value than in the XML")
    return sorted(found)


def _leaves(root: etree._Element, instrument: Instrument) -> Iterator[tuple[Place, str]]:
    """Each leaf with a text, outside of metadata."""
    repeats, number = set(instrument.repeats), Counter[str]()

    def below(element: etree._Element, repeat: str) -> Iterator[tuple[Place, str]]:
        for child in element:
            name = etree.QName(child).localname
            if name == "meta":
                continue
            inside = name if name in repeats else repeat
            number[name] += name in repeats
            if len(child):
                yield from below(child, inside)
            elif child.text and name not in repeats:
                yield (repeat, number[repeat] if repeat else 0, name), child.text

    return below(root, "")


def _cells(repeat: str, frame: pd.DataFrame) -> Iterator[tuple[Place, Any]]:
    keys = {"instance_id", "position", "parent_position"}
    for row in frame.to_dict("records"):
        for name, cell in row.items():
            if name not in keys and not pd.isna(cell):
                yield (repeat, int(row["position"]) if repeat else 0, str(name)), cell


def _same(text: str, cell: Any, kind: str) -> bool:
    """Whether the typed cell says what the text says."""
    if isinstance(cell, pd.Timestamp):
        return cell.date().isoformat() == text[:10]
    if isinstance(cell, str):
        return cell == text or (kind.startswith("select") and cell.split() == text.split())
    return float(cell) == float(text)


def _told(place: Place) -> str:
    repeat, number, name = place
    return f"{repeat}[{number}]/{name}" if repeat else name
