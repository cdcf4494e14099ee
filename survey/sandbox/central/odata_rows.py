"""A submission's XML as OData shows it: typed, nested, under the fields of one form version.

Fields the XML lacks are null; elements the form lacks are left out. A row of a repeat has a positional
identifier (sha1 of where it stands); a row without repeats has no key for them. Numbers go through
JavaScript's parsing, as in Central: "12abc" is 12 and large integers lose digits.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from survey.sandbox.central.xform import Element, Field, children, lenient, local, odata_name

INTEGER = re.compile(r"\s*([+-]?\d+)")
FLOAT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
SHORT_ZONE = re.compile(r"[+-]\d\d$")
LOST_DIGITS = 1e21


@dataclass(slots=True)
class Node:
    """A field with those below it, found by name."""

    field: Field | None
    below: dict[str, "Node"] = default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a repeat and the identifier of the row it belongs to."""

    data: dict[str, Any]
    parent_key: str
    parent: str


@dataclass(slots=True)
class Rows:
    """A submission: its root row and the rows of each repeat table."""

    root: dict[str, Any]
    tables: dict[str, list[Row]]


def tree(fields: Iterable[Field]) -> Node:
    """Fields in document order as a tree; a field without its parent is left out."""
    root = Node(None)
    known = {"": root}
    for f in fields:
        above = known.get(f.path.rpartition("/")[0])
        if above is not None:
            known[f.path] = above.below[f.name] = Node(f)
    return root


def table_name(path: str) -> str:
    return ".".join(["Submissions", *(odata_name(part) for part in path.strip("/").split("/"))])


def rows(xml: bytes | None, fields: Node, instance: str, *, expand: bool, wkt: bool) -> Rows:
    """The rows of one submission; without XML just the empty frame."""
    reader = _Reader(instance, expand, wkt)
    frame = _frame(fields)
    if xml is not None and fields.below and (root := lenient(xml)) is not None:
        reader.fill(root, fields, frame, _Place(instance, [], {}))
    return Rows(frame, reader.tables)


def _frame(node: Node) -> dict[str, Any]:
    """The empty row: null for every value, an empty row for every group, nothing for repeats."""
    out: dict[str, Any] = {}
    for name, inner in node.below.items():
        kind = inner.field.type if inner.field else ""
        if kind == "structure":
            out[odata_name(name)] = _frame(inner)
        elif kind != "repeat":
            out[odata_name(name)] = None
    return out


@dataclass(slots=True)
class _Place:
    """Where the reader stands: the groups and repeats around it, and how often each repeat was met."""

    id: str
    parts: list[tuple[str, int | None]]
    met: dict[str, int]
    repeat_id: str = ""
    repeat_names: tuple[str, ...] = ()

    def into(self, name: str, index: int | None) -> list[tuple[str, int | None]]:
        return [*self.parts, (name, index)]


class _Reader:
    def __init__(self, instance: str, expand: bool, wkt: bool) -> None:
        self.instance, self.expand, self.wkt = instance, expand, wkt
        self.tables: dict[str, list[Row]] = {}

    def fill(self, element: Element, node: Node, frame: dict[str, Any], place: _Place) -> None:
        for item in children(element):
            inner = node.below.get(local(item.tag))
            if inner is None or inner.field is None:
                continue
            name = odata_name(inner.field.name)
            if inner.field.type == "structure":
                parts = place.into(inner.field.name, None)
                here = _Place(place.id, parts, place.met, place.repeat_id, place.repeat_names)
                self.fill(item, inner, frame[name], here)
            elif inner.field.type == "repeat":
                self.repeat(item, inner, frame, place)
            elif item.text:
                frame[name] = value(item.text, inner.field.type, wkt=self.wkt)

    def repeat(self, item: Element, node: Node, frame: dict[str, Any], place: _Place) -> None:
        assert node.field is not None
        path, name = node.field.path, odata_name(node.field.name)
        index = place.met.get(path, -1) + 1
        place.met[path] = index
        parts = place.into(node.field.name, index)
        here = self.identify(parts)
        frame[f"{name}@odata.navigationLink"] = self.link(parts)
        bag = _frame(node) | {"__id": here}
        names = tuple(odata_name(part) for part in path.strip("/").split("/"))
        self.fill(item, node, bag, _Place(here, parts, {}, here, names))
        if self.expand:
            frame.setdefault(name, []).append(bag)
        key = "-".join(["__Submissions", *place.repeat_names]) + "-id"
        row = Row(bag, key, place.repeat_id or self.instance)
        self.tables.setdefault(table_name(path), []).append(row)

    def identify(self, parts: Sequence[tuple[str, int | None]]) -> str:
        named = [f"{name}#{'' if index is None else index}" for name, index in parts]
        return hashlib.sha1("%%".join([f"Submissions#{self.instance}", *named]).encode()).hexdigest()

    def link(self, parts: Sequence[tuple[str, int | None]]) -> str:
        """The address of a repeat's rows below this row; repeats on the way are named by identifier."""
        steps = [f"Submissions('{quote(self.instance, safe='')}')"]
        for place, (name, index) in enumerate(parts):
            clean = odata_name(name)
            last = place == len(parts) - 1
            steps.append(
                clean if index is None or last else f"{clean}('{self.identify(parts[: place + 1])}')"
            )
        return "/".join(steps)


# values
def value(text: str, kind: str, *, wkt: bool) -> Any:
    """A text as its field's type, null where Central's parser finds nothing."""
    if kind == "int":
        match = INTEGER.match(text)
        return None if match is None else script_number(float(int(match[1])))
    if kind == "decimal":
        return _float(text)
    if kind == "geopoint":
        return _point(text, wkt=wkt)
    if kind in ("geotrace", "geoshape"):
        return _line(text, shape=kind == "geoshape", wkt=wkt)
    if kind == "dateTime":
        trimmed = text.strip()
        return f"{trimmed}:00" if SHORT_ZONE.search(trimmed) and "T" in trimmed else trimmed
    return text


def script_number(number: float) -> int | float:
    """A number with the digits JavaScript would print."""
    if number.is_integer() and abs(number) < LOST_DIGITS:
        return int(Decimal(repr(number)))
    return number


def _float(text: str) -> int | float | None:
    match = FLOAT.match(text)
    return None if match is None else script_number(float(match[1]))


def _numbers(text: str) -> list[int | float | None]:
    return [_float(part) for part in re.split(r"\s+", text)]


def _point(text: str, *, wkt: bool) -> Any:
    found = _numbers(text) + [None] * 4
    lat, lon, altitude, accuracy = found[:4]
    if lat is None or lon is None:
        return None
    coordinates = [lon, lat, *([] if altitude is None else [altitude])]
    if wkt:
        return f"POINT ({' '.join(map(str, coordinates))})"
    point: dict[str, Any] = {"type": "Point", "coordinates": coordinates}
    return point if accuracy is None else point | {"properties": {"accuracy": accuracy}}


def _line(text: str, *, shape: bool, wkt: bool) -> Any:
    pieces = re.split(r"; ?", text)
    coordinates, accuracies = [], []
    for piece in pieces:
        lat, lon, altitude, accuracy = (_numbers(piece) + [None] * 4)[:4]
        if lat is None or lon is None:
            if len(pieces) == 1 and len(piece.split()) < 2:
                return None
            continue
        coordinates.append([lon, lat, *([] if altitude is None else [altitude])])
        accuracies.append(accuracy or None)
    if wkt:
        inner = ",".join(" ".join(map(str, point)) for point in coordinates)
        return f"POLYGON (({inner}))" if shape else f"LINESTRING ({inner})"
    line: dict[str, Any] = {"type": "Polygon", "coordinates": [coordinates]}
    if not shape:
        line = {"type": "LineString", "coordinates": coordinates}
    return line | ({"properties": {"accuracies": accuracies}} if any(accuracies) else {})
