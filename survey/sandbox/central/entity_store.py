"""Entities and their versions in the store: making them, adding versions, reading them as JSON.

Also the checks Central makes of an entity sent as JSON, and the comparison of versions by which conflicts are
shown. Entities from submissions are decided in `entity_making`, addresses are in `entities`.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from survey.sandbox.central import problems
from survey.sandbox.central.exchange import actor_json
from survey.sandbox.central.storage import Row, Store

UUID4 = re.compile(r"^(?:uuid:)?([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$", re.I)
KEYS = ("label", "uuid", "data")
CURRENT = (
    "select entity.*, entity_def.id as defId, current, label, data, dataReceived, version, baseVersion,"
    " conflictingProperties,"
    " entity_def.creatorId as versionCreator, userAgent, entity_def.createdAt as versionAt, branchId,"
    " trunkVersion,"
    " branchBaseVersion from entity join entity_def on entityId = entity.id and current"
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version to be written; `received` is what the sender gave."""

    label: str | None
    data: dict[str, str]
    received: dict[str, str]
    branch: str | None = None
    trunk: int | None = None
    branch_base: int | None = None
    conflicting: list[str] | None = None


def normal_uuid(text: str | None) -> str:
    """A version 4 UUID in lower case without prefix; 400.2 or 400.11 for anything else."""
    if text is None or not text.strip():
        raise problems.missing("uuid")
    match = UUID4.match(text)
    if match is None:
        raise problems.bad_type("valid version 4 UUID", field="uuid")
    return match[1].lower()


def received(
    body: dict[str, Any], names: Iterable[str], old: Row | None, store: Store
) -> tuple[str, Version]:
    """An entity sent as JSON: its uuid and version, merged with the old one if there is one."""
    if set(body) - set(KEYS):
        raise problems.unexpected_keys(KEYS, list(body))
    if old is not None:
        uuid = old["uuid"]
    elif body.get("uuid"):
        if not isinstance(body["uuid"], str):
            raise problems.bad_type("string", field="uuid")
        uuid = normal_uuid(body["uuid"])
    else:
        uuid = store.uuid()
    label = _label(body, old)
    data = body.get("data")
    if data is None and body.get("label") is None:
        raise problems.bad_entity("No entity data or label provided.")
    known = set(names)
    for key, value in (data or {}).items():
        if not isinstance(value, str):
            raise problems.bad_type("string", field=key)
        if key not in known:
            raise problems.bad_entity(f"You specified the dataset property [{key}] which does not exist.")
    merged = ({} if old is None else json.loads(old["data"])) | (data or {})
    given = dict(data or {}) | ({} if body.get("label") is None else {"label": body["label"]})
    return uuid, Version(label, merged, given)


def _label(body: dict[str, Any], old: Row | None) -> str:
    label = body.get("label")
    if label is None:
        if old is None:
            raise problems.missing("label")
        return str(old["label"])
    if not isinstance(label, str):
        raise problems.bad_type("string", field="label")
    if not label.strip():
        raise problems.unexpected("label", "(empty string)", "Label cannot be blank.")
    return label


# writing
def refuse_used(store: Store, uuids: list[str]) -> None:
    """409.19 for uuids of deleted entities, 409.3 for uuids in use anywhere on the server."""
    rows = [row for uuid in uuids if (row := store.one("select * from entity where uuid = ?", uuid))]
    if deleted := [row["uuid"] for row in rows if row["deletedAt"]]:
        raise problems.deleted_uuids(deleted)
    seen: set[str] = {row["uuid"] for row in rows}
    for uuid in uuids:
        if uuid in seen:
            raise problems.duplicate(("uuid",), (uuid,), "entities")
        seen.add(uuid)


def create(
    store: Store,
    dataset: int,
    uuid: str,
    version: Version,
    creator: int | None,
    agent: str | None,
    source: int,
) -> tuple[int, int]:
    """Writes a new entity; gives its number and that of its first version."""
    now = store.now()
    entity = store.insert("entity", datasetId=dataset, uuid=uuid, creatorId=creator, createdAt=now)
    return entity, _write(store, entity, version, 1, None, creator, agent, source, now)


def add_version(
    store: Store,
    old: Row,
    version: Version,
    base: int,
    creator: int | None,
    agent: str | None,
    source: int,
    *,
    conflict: str | None,
) -> int:
    """Writes the next version of an entity and gives its number."""
    now = store.now()
    store.run("update entity_def set current = 0 where entityId = ? and current", old["id"])
    store.update("entity", old["id"], updatedAt=now, conflict=conflict)
    return _write(store, old["id"], version, old["version"] + 1, base, creator, agent, source, now)


def _write(
    store: Store,
    entity: int,
    version: Version,
    number: int,
    base: int | None,
    creator: int | None,
    agent: str | None,
    source: int,
    now: str,
) -> int:
    return store.insert(
        "entity_def",
        entityId=entity,
        current=1,
        label=version.label,
        data=json.dumps(version.data, ensure_ascii=False),
        dataReceived=json.dumps(version.received, ensure_ascii=False),
        version=number,
        baseVersion=base,
        conflictingProperties=None if version.conflicting is None else json.dumps(version.conflicting),
        creatorId=creator,
        userAgent=agent,
        createdAt=now,
        branchId=version.branch,
        trunkVersion=version.trunk,
        branchBaseVersion=version.branch_base,
        sourceId=source,
    )


# JSON
def version_json(
    row: Row, *, data: bool = True, at: str = "versionAt", creator: str = "versionCreator"
) -> dict[str, Any]:
    """A version as Central shows it; lists leave the data out."""
    conflicting = row["conflictingProperties"]
    body: dict[str, Any] = {"current": bool(row["current"])}
    body |= {"label": row["label"], "creatorId": row[creator], "userAgent": row["userAgent"]}
    if data:
        body |= {"data": json.loads(row["data"]), "dataReceived": json.loads(row["dataReceived"])}
    names = ("version", "baseVersion", "branchId", "trunkVersion", "branchBaseVersion")
    body |= {name: row[name] for name in names}
    return body | {
        "conflictingProperties": None if conflicting is None else json.loads(conflicting),
        "createdAt": row[at],
    }


def entity_json(store: Store, row: Row, *, data: bool = True, extended: bool = False) -> dict[str, Any]:
    """An entity with its current version."""
    names = ("uuid", "creatorId", "conflict", "createdAt", "updatedAt", "deletedAt")
    body: dict[str, Any] = {name: row[name] for name in names}
    body["currentVersion"] = version_json(row, data=data)
    if extended:
        body["creator"] = actor_json(store.one("select * from actor where id = ?", row["creatorId"]))
        maker = store.one("select * from actor where id = ?", row["versionCreator"])
        body["currentVersion"]["creator"] = actor_json(maker)
    return body


# comparing versions
def ordered(names: Iterable[str]) -> list[str]:
    """Keys in the order Central's database keeps them: short ones first, then by bytes."""
    return sorted(names, key=lambda name: (len(name.encode()), name.encode()))


def changed(data: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The keys of `data` that `other` lacks or has otherwise."""
    return [key for key in ordered(data) if key not in other or data[key] != other[key]]


def diffs(versions: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """What each version changed against the one before, label first."""
    out = []
    for before, after in pairwise(versions):
        keys = ["label", *(key for key in ordered(after) if key != "label")]
        keys += [key for key in ordered(before) if key not in after]
        out.append(
            [
                {"old": before.get(key), "new": after.get(key), "propertyName": key}
                for key in keys
                if before.get(key) != after.get(key)
            ]
        )
    return out


class _Branch:
    """Tells whether the versions of an offline branch follow its trunk without interruption."""

    def __init__(self, first: dict[str, Any]) -> None:
        trunk, number = first["trunkVersion"], first["version"]
        if trunk is not None:
            self.contiguous = number if number == trunk + 1 else 0
        else:
            self.contiguous = 2 if number == 2 else 1

    def add(self, version: dict[str, Any]) -> None:
        if version["baseVersion"] == self.contiguous and version["version"] == version["baseVersion"] + 1:
            self.contiguous = version["version"]


def with_conflicts(versions: list[dict[str, Any]], defs: list[int], resolved: int) -> list[dict[str, Any]]:
    """Marks versions (oldest first) with their conflicts and what matters for resolving them.

    `defs` are their numbers in the store; `resolved` is the number that was current when a conflict was last
    resolved, or 0.
    """
    branches: dict[str, _Branch] = {}
    good, bases = 0, set()
    for place, version in enumerate(versions):
        version |= {
            "conflict": None,
            "resolved": False,
            "baseDiff": [],
            "serverDiff": [],
            "lastGoodVersion": False,
        }
        branch = version["branchId"]
        if branch is not None:
            if branch in branches:
                branches[branch].add(version)
            else:
                branches[branch] = _Branch(version)
        if version["version"] == 1:
            continue
        base, before = versions[version["baseVersion"] - 1], versions[place - 1]
        version["baseDiff"] = changed(version["dataReceived"], base["data"] | {"label": base["label"]})
        version["serverDiff"] = changed(version["dataReceived"], before["data"] | {"label": before["label"]})
        apart = branch is not None and branches[branch].contiguous < version["baseVersion"]
        if version["version"] != version["baseVersion"] + 1 or apart:
            version["conflict"] = "hard" if version["conflictingProperties"] else "soft"
            version["resolved"] = resolved >= defs[place]
            if not version["resolved"] and not good:
                good = version["version"] - 1
                versions[good - 1]["lastGoodVersion"] = True
        if good:
            bases.add(version["baseVersion"])
    for version in versions:
        relevant = version["version"] >= good or version["version"] in bases
        version["relevantToConflict"] = good > 0 and relevant
    if not good:
        versions[-1]["lastGoodVersion"] = True
    return versions
