"""Conflicts: an entity that two sides changed without knowing of each other, settled by one rule.

Central marks them when a tablet that was offline sends an update of an entity it had seen in an older
version. *Soft*: both changes are in, nothing is lost, and the mark is taken off. *Hard*: two tablets said
different things of the same property and Central kept what came in last, which may be the older interview.
The rule: what was told in the latest wave stands, in the same wave what came in last. Our own properties
are never in question: forms do not write them, and what a tablet shows is compared after every push. The
answers themselves are both in the store; an entity is only what the next interview starts from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, select

from instruments.findings import Finding
from survey.central import Central
from survey.models import Case
from survey.outbox import LISTS, Write

WAVE = "last_wave"  # the property by which a form says which wave it told of


def conflict_writes(session: Session, central: Central) -> list[Write]:
    """What settles each conflict that Central shows now; a list without any is not read."""
    marked = [
        (name, item)
        for name in LISTS
        if central.conflicts(name)
        for item in central.entities(name)
        if item["conflict"] is not None
    ]
    if not marked:
        return []
    cases = dict(session.exec(select(Case.entity_uuid, Case.case_id)).all())
    return [_write(name, item, cases.get(item["uuid"])) for name, item in marked]


def last_word(versions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What must be told so that the latest wave's account stands; nothing if it stands already.

    `versions` are those that bear on the conflict, oldest first, as Central gives them.
    """
    told = [version for version in versions if _wave(version) is not None]
    if not told:
        return {}
    best = max(told, key=lambda version: (_wave(version), version["version"]))
    disputed = {name for version in versions for name in version["conflictingProperties"] or ()}
    stands = versions[-1]["data"]
    return {
        name: best["dataReceived"][name]
        for name in sorted(disputed & set(best["dataReceived"]))
        if stands.get(name) != best["dataReceived"][name]
    }


def settled(writes: Sequence[Write]) -> list[Finding]:
    """One finding for each conflict that is being settled."""
    return [_finding(write) for write in writes]


def _write(name: str, item: Mapping[str, Any], case_id: str | None) -> Write:
    payload = {"list": name, "uuid": item["uuid"], "version": item["version"]}
    payload["hard"] = item["conflict"] == "hard"
    return Write("conflict", f"{name}/{item['uuid']}", payload, case_id)


def _wave(version: Mapping[str, Any]) -> int | None:
    said = str((version["dataReceived"] or {}).get(WAVE) or "")
    return int(said) if said.isdecimal() else None


def _finding(write: Write) -> Finding:
    where = f"central/{write.payload['list']}/{write.case_id or write.payload['uuid']}"
    if not write.payload["hard"]:
        message = "a tablet changed it without knowing our last update; both are in, the mark is taken off."
        return Finding("note", "entity.soft_conflict", where, message)
    message = (
        "two tablets told of it differently; what was told in the latest wave stands. Compare both answers."
    )
    return Finding("warning", "entity.hard_conflict", where, message)
