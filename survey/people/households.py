"""Households: which cases live together, as links that people made and parted.

A link says no more than that two panel members share a household. It makes the same interviewer likely
(`survey.people.assignment`), and nothing else: what one has answered is never shown with the other, neither
on a tablet nor in `survey cases show`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from survey.errors import SurveyError
from survey.models import Case, HouseholdLink


def link(session: Session, one: str, other: str, *, who: str, why: str, now: datetime) -> bool:
    """Say that two cases share a household; False if that is known already."""
    return _say(session, one, other, "linked", who=who, why=why, now=now)


def part(session: Session, one: str, other: str, *, who: str, why: str, now: datetime) -> bool:
    """Say that two cases do not share a household (any more); False if no link stands."""
    return _say(session, one, other, "parted", who=who, why=why, now=now)


def links(session: Session) -> list[HouseholdLink]:
    """The links that stand, by their cases."""
    newest: dict[tuple[str, str], HouseholdLink] = {}
    for row in session.exec(select(HouseholdLink).order_by(col(HouseholdLink.id))):
        newest[row.case_a, row.case_b] = row
    return [newest[pair] for pair in sorted(newest) if newest[pair].state == "linked"]


def members(session: Session) -> dict[str, frozenset[str]]:
    """Of each linked case, the others of its household, over any number of links."""
    return grouped((row.case_a, row.case_b) for row in links(session))


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Of each name in a pair, all others that pairs connect it with."""
    group: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = group.get(one, {one}) | group.get(other, {other})
        group.update(dict.fromkeys(joined, joined))
    return {name: frozenset(joined - {name}) for name, joined in group.items()}


def _say(session: Session, one: str, other: str, state: str, *, who: str, why: str, now: datetime) -> bool:
    first, second = sorted((one, other))
    if first == second:
        raise SurveyError("a case cannot share a household with itself", where=one, cure="name two cases")
    known = set(session.exec(select(Case.case_id).where(col(Case.case_id).in_([first, second]))))
    for name in (first, second):
        if name not in known:
            raise SurveyError("no such case", where=name, cure="look it up with `survey cases list`")
    stands = any((row.case_a, row.case_b) == (first, second) for row in links(session))
    if stands == (state == "linked"):
        return False
    session.add(HouseholdLink(case_a=first, case_b=second, state=state, who=who, why=why, at=now))
    session.flush()
    return True
