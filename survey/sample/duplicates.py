"""Duplicates: people who stand in a list twice, or in it and among the cases, as far as a list can tell.

The same case number, or the same name and phone, is the same person: the later row is left out. The same
phone under another name, or a name that differs by its accents or a letter in the same area, is a note for
somebody to look at: households share phones, and villages share names.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from instruments.findings import Finding
from survey.cases import Sampled
from survey.sample.reading import Listed

ALIKE = 0.9  # share of two names that must agree for a note
CROWD = 300  # names of one area beyond which only those alike but for accents are noted


def without_twins(people: Iterable[Listed], known: Iterable[Sampled]) -> tuple[list[Listed], list[Finding]]:
    """The rows left when nobody stands there twice, and what was found."""
    held = list(known)
    numbers: dict[str, int] = {}
    persons = {_who(one): (f"case {one.case_id}", one.case_id) for one in held if one.name and one.phone}
    phones = {one.phone: (f"case {one.case_id}", one.case_id) for one in held if one.phone}
    kept: list[Listed] = []
    findings: list[Finding] = []
    for listed in people:
        person, where = listed.person, f"row {listed.row}"
        whole = bool(person.name and person.phone)
        if person.case_id in numbers:
            says = f"this case number stands in row {numbers[person.case_id]} already; this row is left out."
            findings.append(Finding("error", "sample.twice", f"{where}, column case_id", says))
            continue
        numbers[person.case_id] = listed.row
        if whole and (twin := _other(persons.get(_who(person)), person)):
            says = f"the same name and phone as {twin}; this row is left out."
            findings.append(Finding("error", "sample.same_person", where, says))
            continue
        if shared := _other(phones.get(person.phone), person):
            says = f"the same phone as {shared}; if they share a household, link the cases."
            findings.append(Finding("note", "sample.same_phone", f"{where}, column phone", says))
        if whole:
            persons.setdefault(_who(person), (where, person.case_id))
        if person.phone:
            phones.setdefault(person.phone, (where, person.case_id))
        kept.append(listed)
    return kept, [*findings, *_alike(kept, held)]


def plain(name: str) -> str:
    """A name without case and accents, its words in order of the alphabet."""
    split = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return " ".join(sorted("".join(c for c in split if not unicodedata.combining(c)).split()))


def _other(found: tuple[str, str] | None, person: Sampled) -> str:
    """The place that was found, unless it is this case itself."""
    return found[0] if found and found[1] != person.case_id else ""


def _who(person: Sampled) -> tuple[str, str]:
    return person.name.casefold(), person.phone


def _alike(people: Sequence[Listed], known: Iterable[Sampled]) -> Iterator[Finding]:
    """A note for each row whose name is nearly that of another person of the same area."""
    listed = {one.person.case_id for one in people}
    areas: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for person in known:
        if person.name and person.case_id not in listed:
            areas[_area(person)].append((plain(person.name), f"case {person.case_id}"))
    for row, person in people:
        if not person.name:
            continue
        others, name = areas[_area(person)], plain(person.name)
        near = next((place for other, place in others if _is_near(name, other, len(others))), None)
        if near:
            says = f"nearly the same name in the same area as {near}; make sure that they are two people."
            yield Finding("note", "sample.near_name", f"row {row}, column name", says)
        others.append((name, f"row {row}"))


def _is_near(one: str, other: str, crowd: int) -> bool:
    if one == other or crowd > CROWD:
        return one == other
    matcher = SequenceMatcher(None, one, other)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _area(person: Sampled) -> str:
    return person.commune.casefold() or person.psu_code
