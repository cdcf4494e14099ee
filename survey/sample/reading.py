"""Reading: rows of a list as people of the sample, and what is wrong with a row, said by row and column.

A row without a usable case number, or with a wrong code, share or month, is left out; what can be done
without (a phone number that is none) is left blank. No finding says what stands in the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from instruments.findings import Finding
from survey.cases import Sampled
from survey.people import phones
from survey.sample.mapping import FIELDS, FieldMap
from survey.sample.tables import Listing

CASE_ID = re.compile(r"^[A-Z0-9-]{4,16}$")  # as the forms ask for it
FRAMES = frozenset({"", "1", "2", "3", "4", "5", "7", "8", "96"})  # codes of frame_src, but for coupons
REFRESHMENT, COUPON = "8", "6"

_MONTHS = (
    re.compile(r"^(?P<y>\d{4})-(?P<m>\d{1,2})(-\d{1,2})?(?:[T ].*)?$"),
    re.compile(r"^(?P<m>\d{1,2})/(?P<y>\d{4})$"),
)
_GENDERS = {
    **dict.fromkeys(("f", "female", "nữ", "2"), "f"),
    **dict.fromkeys(("m", "male", "nam", "1"), "m"),
    "": "",
}


class Listed(NamedTuple):
    """A person of the list and the row they stand in."""

    row: int
    person: Sampled


@dataclass(frozen=True, slots=True)
class Read:
    """The usable people of a list, and what was found about the rest."""

    people: tuple[Listed, ...]
    findings: tuple[Finding, ...]


def read_people(listing: Listing, mapping: FieldMap, *, country: str = "84") -> Read:
    """The people of a list; of a column that the mapping names and the file lacks one finding, and nobody."""
    absent = [
        heading
        for name in FIELDS
        for heading in mapping.headings(name)
        if heading not in listing.headings and (mapping.columns or name == "case_id")
    ]
    if absent:
        message = f"there is no column {absent[0]}; add it, or mend the mapping."
        return Read((), (Finding("error", "sample.columns", f"row {mapping.header}", message),))
    people: list[Listed] = []
    findings: list[Finding] = []
    for number, cells in listing.rows:
        told = {name: _cell(name, cells, mapping) for name in FIELDS}
        wrong = list(_faults(number, told))
        findings += wrong
        if not wrong:
            person = _person(told, country)
            people.append(Listed(number, person))
            if told["phone"] and not person.phone:
                says = "this is no phone number; it is left out, the rest of the row is taken."
                findings.append(Finding("warning", "sample.phone", _place(number, "phone"), says))
    return Read(tuple(people), tuple(findings))


def _cell(name: str, cells: Mapping[str, str], mapping: FieldMap) -> str:
    text = " ".join(part for heading in mapping.headings(name) if (part := cells.get(heading, "")))
    text = text or mapping.constants.get(name, "")
    return mapping.codes.get(name, {}).get(text.casefold(), text)


def _faults(row: int, told: Mapping[str, str]) -> Iterator[Finding]:
    """Everything for which a row is left out."""
    if not CASE_ID.match(told["case_id"]):
        says = "must be 4 to 16 capital letters, digits or hyphens."
        yield Finding("error", "sample.case_id", _place(row, "case_id"), says)
    if told["frame_src"] == COUPON:
        says = "recruits come in by their coupon, not by a list; take the row out."
        yield Finding("error", "sample.frame", _place(row, "frame_src"), says)
    elif told["frame_src"] not in FRAMES:
        says = "must be a code of the list frame_src; map it in [codes]."
        yield Finding("error", "sample.frame", _place(row, "frame_src"), says)
    if told["incl_prob"] and _share(told["incl_prob"]) is None:
        says = "must be a number above 0 and at most 1, or empty."
        yield Finding("error", "sample.incl_prob", _place(row, "incl_prob"), says)
    if told["returned"] and _month(told["returned"]) is None:
        says = "must be a month written 2026-03, or empty."
        yield Finding("error", "sample.month", _place(row, "returned"), says)
    for name in ("gender", "wish"):
        if told[name].casefold() not in _GENDERS:
            says = "must be f or m, or empty; map it in [codes]."
            yield Finding("error", "sample.gender", _place(row, name), says)


def _person(told: Mapping[str, str], country: str) -> Sampled:
    return Sampled(
        case_id=told["case_id"],
        frame_src=told["frame_src"],
        psu_code=told["psu_code"],
        stratum=told["stratum"],
        incl_prob=_share(told["incl_prob"]),
        returned=_month(told["returned"]),
        name=told["name"],
        phone=phones.normal(told["phone"], country),
        commune=told["commune"],
        gender=_GENDERS[told["gender"].casefold()],
        language=told["language"].lower(),
        wish=_GENDERS[told["wish"].casefold()],
    )


def _share(text: str) -> float | None:
    try:
        share = float(text.replace(",", "."))
    except ValueError:
        return None
    return share if 0 < share <= 1 else None


def _month(text: str) -> date | None:
    for pattern in _MONTHS:
        if (found := pattern.match(text)) and 1 <= int(found["m"]) <= 12:
            return date(int(found["y"]), int(found["m"]), 1)
    return None


def _place(row: int, column: str) -> str:
    return f"row {row}, column {column}"
