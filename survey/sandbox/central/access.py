"""Who gets which rows of an entity list: properties of app users, and rules that compare them with entities.

A project registers names of properties, an app user carries at most one value for each. A rule of a list
names a property of its entities and one of app users; an app user then downloads the entities for which any
rule finds both values equal. Rules narrow what is downloaded, never what may be submitted, and a rule that
names an unknown property vanishes without a word, both as recorded.
"""

import json
from collections.abc import Mapping
from typing import Any

from survey.sandbox.central import problems
from survey.sandbox.central.addresses import project_of
from survey.sandbox.central.exchange import Call, Reply, Room, as_json, success
from survey.sandbox.central.sessions import require_user
from survey.sandbox.central.storage import Row, Store
from survey.sandbox.central.xform import PROPERTY_NAME

room = Room()

NAMES = "/projects/{project}/actor-properties"


# properties of app users
@room.on("POST", NAMES)
def register(call: Call) -> Reply:
    """A name that app users of the project may carry a value of."""
    project = project_of(call)
    require_user(call)
    name = call.json().get("name")
    valid = isinstance(name, str) and PROPERTY_NAME.match(name.lower()) and name.lower() != "displayname"
    if not valid:
        raise problems.unexpected("name", name, "This is not a valid property name.")
    if name in _registered(call.store, project["id"]):
        raise problems.duplicate(("projectId", "name"), (project["id"], name), "actor_properties")
    call.store.insert("actor_property", projectId=project["id"], name=name)
    call.log("actor_property.create", project["acteeId"], {"name": name})
    return success()


@room.on("GET", NAMES)
def listing(call: Call) -> Reply:
    """The names, and on request the values in use."""
    project = project_of(call)
    require_user(call)
    known = _registered(call.store, project["id"])
    if not call.extended:
        return as_json([{"name": name} for name in known])
    sql = "select distinct value from actor_value where propertyId = ? order by value"
    return as_json(
        [
            {"name": name, "values": [row["value"] for row in call.store.all(sql, number)]}
            for name, number in known.items()
        ]
    )


def values_of(store: Store, actor: int) -> dict[str, str] | None:
    """What an app user carries, by property; None for nothing."""
    sql = (
        "select name, value from actor_value join actor_property on actor_property.id = propertyId"
        " where actorId = ? order by actor_value.id"
    )
    return {row["name"]: row["value"] for row in store.all(sql, actor)} or None


def give_values(call: Call, project: int, actor: Row, given: object) -> None:
    """Sets what is text, takes away what is null or blank; all or nothing."""
    known = _registered(call.store, project)
    wanted = _checked(given, known)
    for name, value in wanted.items():
        call.store.run(
            "delete from actor_value where actorId = ? and propertyId = ?", actor["id"], known[name]
        )
        if value is not None:
            call.store.insert("actor_value", actorId=actor["id"], propertyId=known[name], value=value)
    if wanted:
        call.log("field_key.property.set", actor["acteeId"], {"properties": wanted})


def _checked(given: object, known: Mapping[str, int]) -> dict[str, str | None]:
    if not isinstance(given, dict):
        raise problems.unexpected("properties", given, "Must be an object.")
    wanted: dict[str, str | None] = {}
    for name, value in given.items():
        if name not in known:
            raise problems.unexpected("properties", name, "Unknown property name.")
        if value is not None and not isinstance(value, str):
            raise problems.unexpected(name, value, "Property values must be strings or null.")
        wanted[name] = (value or "").strip() or None
    return wanted


def _registered(store: Store, project: int) -> dict[str, int]:
    """The names of a project in the order of the server's language, which puts E after d and before e."""
    rows = store.all("select id, name from actor_property where projectId = ?", project)
    return {
        row["name"]: row["id"] for row in sorted(rows, key=lambda row: (row["name"].lower(), row["name"]))
    }


# rules of entity lists
def filter_json(store: Store, dataset: Row) -> dict[str, Any] | None:
    """How access to a list is limited; None where it is not."""
    if dataset["ownerOnly"]:
        return {"type": "ownerOnly"}
    rules = [
        {"datasetProperty": row["datasetProperty"], "actorProperty": row["actorProperty"]}
        for row in _rules(store, dataset["id"])
    ]
    return {"type": "property", "rules": rules} if rules else None


def limit(call: Call, dataset: Row, body: Mapping[str, Any]) -> bool | None:
    """Takes over a limit from the body of a change; the new `ownerOnly`, or None if the body has no limit."""
    store = call.store
    if "accessFilter" not in body:
        if body.get("ownerOnly") is None:
            return None
        if body["ownerOnly"]:
            _lift(store, dataset["id"])
        return bool(body["ownerOnly"])
    wanted = body["accessFilter"]
    kind = None if wanted is None else wanted.get("type")
    if kind not in (None, "ownerOnly", "property") or (wanted is not None and kind is None):
        raise problems.unexpected("accessFilter.type", kind, "type must be ownerOnly or property.")
    rules = _checked_rules(wanted.get("rules")) if kind == "property" else []
    _lift(store, dataset["id"])
    for rule in rules:
        _add(store, dataset, rule["datasetProperty"], rule["actorProperty"])
    return kind == "ownerOnly"


def _checked_rules(rules: object) -> list[dict[str, str]]:
    if not isinstance(rules, list) or not rules:
        raise problems.unexpected("accessFilter.rules", rules, "rules must be a non-empty array.")
    for rule in rules:
        if not rule.get("datasetProperty") or not rule.get("actorProperty"):
            reason = "Each rule must have datasetProperty and actorProperty."
            raise problems.unexpected("accessFilter.rules", rule, reason)
    return rules


def _add(store: Store, dataset: Row, of_list: str, of_user: str) -> None:
    """Adds a rule, or nothing if one of the two names is unknown."""
    sql = (
        "select id from property where datasetId = ? and name = ? and publishedAt is not null"
        " and deletedAt is null"
    )
    own, other = (
        store.value(sql, dataset["id"], of_list),
        _registered(store, dataset["projectId"]).get(of_user),
    )
    if own is not None and other is not None:
        store.run("insert or ignore into dataset_rule values (?, ?, ?)", dataset["id"], own, other)


def _lift(store: Store, dataset: int) -> None:
    store.run("delete from dataset_rule where datasetId = ?", dataset)


def _rules(store: Store, dataset: int) -> list[Row]:
    return store.all(
        "select property.name as datasetProperty, actor_property.name as actorProperty, actorPropertyId"
        " from dataset_rule join property on property.id = propertyId"
        " join actor_property on actor_property.id = actorPropertyId"
        " where dataset_rule.datasetId = ? order by 1, 2",
        dataset,
    )


class Sight:
    """What one caller gets of one list."""

    def __init__(self, store: Store, dataset: Row, actor: Row | None) -> None:
        """The administrator and whoever tests a draft (`actor` None) get everything."""
        self._actor = actor["id"] if actor is not None and actor["type"] == "field_key" else None
        self._owner_only = bool(dataset["ownerOnly"])
        self._rules = []
        if self._actor is not None:
            values = values_of(store, self._actor) or {}
            self._rules = [
                (rule["datasetProperty"], rule["actorProperty"], values.get(rule["actorProperty"]))
                for rule in _rules(store, dataset["id"])
            ]

    def gets(self, creator: int | None, data: str) -> bool:
        """Whether an entity of that maker and content is among what the caller gets."""
        if self._actor is None:
            return True
        if self._owner_only:
            return creator == self._actor
        if not self._rules:
            return True
        held = json.loads(data)
        return any(value is not None and held.get(name) == value for name, _, value in self._rules)

    @property
    def mark(self) -> list[Any]:
        """What tells this view of the list from others, for its hash; empty for the whole list."""
        if self._actor is None or not (self._rules or self._owner_only):
            return []
        return [self._actor, self._owner_only, self._rules]
