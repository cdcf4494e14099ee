"""Entities from submissions: reading the entity block, creating, updating, holding back, failing.

Central leaves this to a worker some seconds after the 201; the stand-in does it at once, in the transaction
of the submission. The rules are Central's: base version, offline branches with a backlog for updates that
arrive too early, soft and hard conflicts, and failures that only show as `entity.error` in the audit log.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from survey.sandbox.central import entity_store, problems
from survey.sandbox.central.entity_store import CURRENT, Version, changed, normal_uuid
from survey.sandbox.central.problems import Problem
from survey.sandbox.central.storage import Row, Store
from survey.sandbox.central.xform import EntityBlock, children, lenient, local, read

UPDATING = ("submission.create", "submission.update.version", "submission.backlog.reprocess")


@dataclass(slots=True)
class Told:
    """What a submission says about one entity."""

    block: EntityBlock
    attributes: dict[str, str] = field(default_factory=dict)
    label: str | None = None
    data: dict[str, str] = field(default_factory=dict)

    def wants(self, action: str) -> bool:
        return self.attributes.get(action) in ("1", "true")

    def number(self, name: str) -> int | None:
        text = (self.attributes.get(name) or "").strip()
        if not text:
            return None
        if not text.isdigit():
            raise problems.bad_type("integer", field=name)
        return int(text)


@dataclass(frozen=True, slots=True)
class Event:
    """The audit entry that set the making off."""

    id: int
    actor: int | None
    actee: str
    action: str
    submission: int
    definition: int
    review: str | None = None


def make_entities(store: Store, event: Event) -> None:
    """Does what a submission says about entities; a failure is logged and takes back nothing else."""
    try:
        with store.step():
            _make(store, event)
    except Problem as problem:
        shown: dict[str, Any] = {"problemCode": problem.code}
        if problem.details is not None:
            shown["problemDetails"] = {k: v for k, v in problem.details.items() if k != "table"}
        details = {
            "submissionId": event.submission,
            "submissionDefId": event.definition,
            "errorMessage": problem.message,
            "problem": shown,
        }
        store.log(event.actor, "entity.error", None, details)


def make_pending(store: Store, dataset: int) -> None:
    """Makes the entities of submissions that waited for an approval no longer needed."""
    rows = store.all(
        "select submission_def.id, submission.id as submission, form.acteeId, submission_def.submitterId"
        " from submission join submission_def on submissionId = submission.id and current"
        " join form on form.id = formId join dataset_form on dataset_form.formDefId ="
        " submission_def.formDefId"
        " where datasetId = ? and not draft and submission.deletedAt is null and form.deletedAt is null"
        " and (reviewState is null or reviewState in ('edited', 'hasIssues')) order by submission.id",
        dataset,
    )
    for row in rows:
        sql = "select id, actorId from audit where submissionId = ? and action = 'submission.create'"
        origin = store.one(sql, row["submission"])
        if origin is not None:
            about = (row["acteeId"], "submission.create", row["submission"], row["id"])
            make_entities(store, Event(origin["id"], origin["actorId"], *about))


def _make(store: Store, event: Event) -> None:
    definition = store.one("select * from submission_def where id = ?", event.definition)
    assert definition is not None
    form = store.one(
        "select form.*, xml from form_def join form on form.id = formId where form_def.id = ?",
        definition["formDefId"],
    )
    assert form is not None
    blocks = read(form["xml"]).blocks
    made = (
        "select 1 from entity_def join source on source.id = sourceId join submission_def on"
        " submission_def.id ="
        " submissionDefId where submissionId = ?"
    )
    held = "select 1 from backlog where submissionId = ?"
    if not blocks or store.one(made, event.submission) or store.one(held, event.submission):
        return
    told = _told(definition["xml"], blocks)
    source = store.insert("source", submissionDefId=event.definition, auditId=event.id)
    failed = []
    for place, one in enumerate(told):
        try:
            with store.step():
                _Making(store, event, definition, form["projectId"], source).do(one)
        except Problem as problem:
            if len(told) == 1:
                raise
            failed.append({"index": place, "errorMessage": problem.message, "problem": problem.payload()})
    if failed:
        raise problems.several_entities_failed(failed, len(told))


# reading
def _told(xml: bytes, blocks: tuple[EntityBlock, ...]) -> list[Told]:
    """What a submission says, one `Told` per entity group it holds, list by list."""
    root = lenient(xml)
    out: list[Told] = []
    for block in blocks:
        groups = [root] if root is not None else []
        for part in block.path.strip("/").split("/") if block.path != "/" else ():
            groups = [c for group in groups for c in children(group, part)]
        out.extend(_told_in(group, block) for group in groups)
    return out


def _told_in(group: Any, block: EntityBlock) -> Told:
    told = Told(block)
    for meta in children(group, "meta"):
        for node in children(meta, "entity"):
            told.attributes = {local(name): value for name, value in node.attrib.items()}
            for label in children(node, "label"):
                told.label = "".join(label.itertext())
    for item in block.fields:
        nodes = [group]
        for part in item.path[len(block.path) :].split("/"):
            nodes = [c for node in nodes for c in children(node, part)]
        if nodes and item.saveto is not None:
            told.data[item.saveto] = "".join(nodes[-1].itertext())
    return told


# deciding
class _Making:
    """The making of one entity from one submission."""

    def __init__(self, store: Store, event: Event, definition: Row, project: int, source: int) -> None:
        self.store, self.event, self.definition = store, event, definition
        self.project, self.source = project, source

    def do(self, told: Told) -> None:
        name = (told.attributes.get("dataset") or "").strip()
        if not name:
            raise problems.missing("dataset")
        sql = "projectId = ? and name = ? and deletedAt is null and publishedAt is not null"
        dataset = self.store.one(f"select * from dataset where {sql}", self.project, name)
        if dataset is None:
            raise problems.dataset_not_found(name)
        for action in ("create", "update"):
            if told.wants(action) and action not in told.block.actions:
                raise problems.action_not_permitted(action, told.block.actions)
        uuid = normal_uuid(told.attributes.get("id"))
        done = None
        if told.wants("update"):
            done = self._update_or_create(dataset, uuid, told)
        elif told.wants("create"):
            done = self._create(dataset, uuid, told)
        if done is not None:
            self._release(uuid, *done)

    def _update_or_create(self, dataset: Row, uuid: str, told: Told) -> tuple[str | None, int] | None:
        try:
            return self._update(dataset, uuid, told)
        except Problem as problem:
            no_base = problem.code == 400.2 and (problem.details or {}).get("field") == "baseVersion"
            if told.wants("create") and (problem.code == 404.8 or no_base):
                return self._create(dataset, uuid, told)
            raise

    def _create(self, dataset: Row, uuid: str, told: Told) -> tuple[str | None, int] | None:
        """Writes a new entity; gives branch and place in it, or None while approval is awaited."""
        if dataset["approvalRequired"]:
            if self.event.review != "approved":
                return None
        elif self.event.action == "submission.update":
            return None
        if not (told.label or "").strip():
            raise problems.missing("label")
        branch, trunk = self._branch(told)
        if self.store.one(
            "select 1 from entity where uuid = ? and datasetId = ? and deletedAt is null", uuid, dataset["id"]
        ):
            raise problems.duplicate(("uuid",), (uuid,), None)
        entity_store.refuse_used(self.store, [uuid])
        version = Version(told.label, told.data, told.data | {"label": str(told.label)}, branch, trunk)
        who = (self.definition["submitterId"], self.definition["userAgent"], self.source)
        entity, number = entity_store.create(self.store, dataset["id"], uuid, version, *who)
        self._log("entity.create", dataset, uuid, entity, number)
        return branch, 0

    def _update(self, dataset: Row, uuid: str, told: Told) -> tuple[str | None, int] | None:
        """Writes the next version; gives branch and place in it, or None if held back or not asked to act."""
        if self.event.action not in UPDATING:
            return None
        label = told.label if (told.label or "").strip() else None
        base_number = told.number("baseVersion")
        if base_number is None:
            raise problems.missing("baseVersion")
        branch, trunk = self._branch(told)
        base = self._base(dataset, uuid, base_number, branch, trunk)
        if base is None:
            return None
        server = self.store.one(f"{CURRENT} where uuid = ? and datasetId = ?", uuid, dataset["id"])
        assert server is not None
        if trunk and trunk > server["version"]:
            raise problems.entity_version_not_found(f"trunkVersion={trunk}", uuid, dataset["name"])
        given = told.data | ({} if label is None else {"label": label})
        conflict, conflicting = self._conflict(server, base, given, branch, trunk)
        version = Version(
            label=label if label is not None else server["label"],
            data=json.loads(server["data"]) | told.data,
            received=given,
            branch=branch,
            trunk=trunk,
            branch_base=base_number if branch else None,
            conflicting=conflicting,
        )
        who = (self.definition["submitterId"], self.definition["userAgent"], self.source)
        number = entity_store.add_version(
            self.store, server, version, base["version"], *who, conflict=conflict
        )
        self._log("entity.update.version", dataset, uuid, server["id"], number)
        return branch, version.branch_base or 0

    def _branch(self, told: Told) -> tuple[str | None, int | None]:
        text = told.attributes.get("branchId") or ""
        match = entity_store.UUID4.match(text)
        if text and match is None:
            raise problems.bad_type("valid version 4 UUID", field="branchId")
        branch = match[1].lower() if match else None
        if told.attributes.get("trunkVersion") and branch is None:
            raise problems.missing("branchId")
        return branch, told.number("trunkVersion")

    def _base(
        self, dataset: Row, uuid: str, number: int, branch: str | None, trunk: int | None
    ) -> Row | None:
        """The version an update starts from; None when it must wait for an earlier update of its branch."""
        versions = (
            "select entity_def.* from entity_def join entity on entity.id = entityId where uuid = ? and"
            " datasetId = ?"
            " and deletedAt is null"
        )
        if branch is None or number == 1 or number == trunk:
            found = self.store.one(f"{versions} and version = ?", uuid, dataset["id"], number)
        else:
            sql = f"{versions} and branchId = ? and branchBaseVersion = ?"
            found = self.store.one(sql, uuid, dataset["id"], branch, number - 1)
        if found is not None:
            return found
        if branch is not None:
            self._hold(uuid, branch, number)
            return None
        row = self.store.one("select * from entity where uuid = ? and datasetId = ?", uuid, dataset["id"])
        if row is None:
            raise problems.entity_not_found(uuid, dataset["name"])
        if row["deletedAt"]:
            raise problems.entity_deleted(uuid)
        raise problems.entity_version_not_found(number, uuid, dataset["name"])

    def _conflict(
        self, server: Row, base: Row, given: dict[str, str], branch: str | None, trunk: int | None
    ) -> tuple[str | None, list[str] | None]:
        """The conflict an update leaves on its entity and the properties both sides changed."""
        now = server["conflict"]
        if base["version"] != server["version"]:
            data = json.loads(server["data"])
            theirs = {key: data[key] for key in changed(data, json.loads(base["data"]))}
            if server["label"] != base["label"]:
                theirs["label"] = server["label"]
            both = [key for key in entity_store.ordered(given) if key in theirs and given[key] != theirs[key]]
            return ("hard" if both or now == "hard" else "soft"), both
        if branch is not None and now != "hard":
            interrupted = (
                "select 1 from entity_def where entityId = ? and branchId is not ? and version > ? limit 1"
            )
            if self.store.one(interrupted, server["id"], branch, trunk or 1):
                return "soft", None
        return now, None

    # the backlog
    def _hold(self, uuid: str, branch: str, base: int) -> None:
        event = self.event
        details = {"submissionId": event.submission, "submissionDefId": event.definition}
        self.store.log(event.actor, "submission.backlog.hold", event.actee, details)
        self.store.insert(
            "backlog",
            auditId=event.id,
            submissionId=event.submission,
            submissionDefId=event.definition,
            entityUuid=uuid,
            branchId=branch,
            branchBaseVersion=base,
        )

    def _release(self, uuid: str, branch: str | None, base: int) -> None:
        """Takes up the update that waited for this one, if there is one."""
        if branch is None:
            sql = "select * from backlog where entityUuid = ? and branchBaseVersion = 1"
            waiting = self.store.one(sql, uuid)
        else:
            sql = "select * from backlog where branchId = ? and branchBaseVersion = ?"
            waiting = self.store.one(sql, branch, base + 1)
        if waiting is None:
            return
        self.store.run("delete from backlog where auditId = ?", waiting["auditId"])
        event = self.event
        about = (waiting["submissionId"], waiting["submissionDefId"])
        details = {"submissionId": about[0], "submissionDefId": about[1]}
        number = self.store.log(event.actor, "submission.backlog.reprocess", event.actee, details)
        again = Event(number, event.actor, event.actee, "submission.backlog.reprocess", *about)
        make_entities(self.store, again)

    def _log(self, action: str, dataset: Row, uuid: str, entity: int, number: int) -> None:
        details = {
            "entityId": entity,
            "entityDefId": number,
            "entity": {"uuid": uuid, "dataset": dataset["name"]},
            "submissionId": self.event.submission,
            "submissionDefId": self.event.definition,
        }
        self.store.log(self.event.actor, action, dataset["acteeId"], details)
