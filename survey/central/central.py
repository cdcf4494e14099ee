"""Central: what we ask of ODK Central and tell it, in our words.

Use as `with app.central() as central:`; it logs in on entering and out on leaving. Reading requests are
repeated when the line breaks. A writing request is sent once; when its answer is lost, Central is asked
what became of it before anything is sent again, so every call here may be made twice. Entity values are
text and their ids ours. pyodk's `entities.merge` is never used: it forgets the project it was told.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol
from uuid import UUID

from pyodk.client import Client

from survey.central.access import EXTENDED, Access
from survey.central.drafts import Draft, Published
from survey.central.wire import CentralSession, connect
from survey.config import CentralSettings
from survey.errors import CentralRejected, CentralUnreachable

log = logging.getLogger(__name__)

PAGE = 1000
APP_USER = 2
"""Central's number of the role App User."""

SYSTEM = (
    "__id,__system/submissionDate,__system/updatedAt,__system/deletedAt,__system/submitterId,"
    "__system/submitterName,__system/attachmentsPresent,__system/attachmentsExpected,__system/status,"
    "__system/reviewState,__system/deviceId,__system/edits,__system/formVersion"
)


class Form(Protocol):
    """What of a built form is needed to publish it (`instruments.xform.BuiltForm` has it)."""

    @property
    def form_id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def xml(self) -> str: ...
    @property
    def xlsx(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """One version of a submission: its place from 0, its own instance id, when Central got it."""

    edit: int
    version_id: str
    created_at: str


class Central:
    """One project of one ODK Central, logged in for the time of a `with`."""

    def __init__(self, settings: CentralSettings, *, backoff: float = 1.0) -> None:
        self._settings = settings
        self._client: Client = connect(settings, backoff=backoff)
        self._session: CentralSession = self._client.session
        self.access = Access(self._client, self._path)

    def __enter__(self) -> "Central":
        self._session.log_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.log_out()
        self._client.close()

    # forms

    def forms(self) -> list[dict[str, Any]]:
        """Every form of the project: xmlFormId, version, state, publishedAt (null if only a draft), ..."""
        return list(self._get("forms"))

    def versions(self, form_id: str) -> list[str]:
        """The version strings published so far, newest first; none for an unknown form."""
        found = self._ask("forms/{}/versions", form_id)
        return [row["version"] for row in found or []]

    def publish(self, form: Form, media: Mapping[str, bytes] | None = None) -> Published:
        """Publish a form with its files, or find that they are published already; see `drafts`.

        A draft left over by a crash is taken up again. Files that are entity lists are linked, not sent.

        Raises
        ------
        CentralRejected
            Central does not take the form, or a file it needs was not given.
        """
        body = form.xlsx if self._settings.upload == "xlsx" else form.xml.encode()
        return Draft(self._client, self._path, form.form_id, form.version).publish(body, media or {})

    def files(self, form_id: str) -> dict[str, str]:
        """The files of a published form with their MD5; nothing for an entity list or a missing file."""
        found = self._ask("forms/{}/attachments", form_id) or []
        return {row["name"]: row["hash"] or "" for row in found}

    def form_states(self) -> dict[str, str]:
        """Which published form is open, closing (still accepts, is offered no more) or closed."""
        return {row["xmlFormId"]: row["state"] for row in self.forms() if row["publishedAt"]}

    def form_state(self, form_id: str, state: str) -> None:
        """Set a form to open, closing or closed; sent again when the answer is lost."""
        try:
            self._client.patch(self._path("forms/{}", form_id), json={"state": state})
        except CentralUnreachable:
            self._client.patch(self._path("forms/{}", form_id), json={"state": state})

    # submissions

    def submission_pages(self, form_id: str, since: datetime | None = None) -> Iterator[list[dict[str, Any]]]:
        """Pages of {__id, __system}, newest first: what arrived, changed or was deleted since, or all.

        Without `since` deleted submissions are listed as well. A restored one has no new date and shows
        only in a full listing.
        """
        everything = "__system/deletedAt eq null or __system/deletedAt ne null"
        chosen = _changed_since(since) if since else everything
        query = {"$top": str(PAGE), "$select": SYSTEM, "$filter": chosen, "$count": "true"}
        yield from self._pages(self._path("forms/{}.svc/Submissions", form_id), query)

    def submissions_since(self, form_id: str, since: datetime | None = None) -> Iterator[dict[str, Any]]:
        """The rows of `submission_pages`, one by one."""
        for page in self.submission_pages(form_id, since):
            yield from page

    def submission_xml(self, form_id: str, instance_id: str, version_id: str | None = None) -> str | None:
        """The exact XML of a submission, or of one version of it; None if it is gone."""
        if version_id is None:
            path = self._path("forms/{}/submissions/{}.xml", form_id, instance_id)
        else:
            path = self._path("forms/{}/submissions/{}/versions/{}.xml", form_id, instance_id, version_id)
        try:
            return self._client.get(path).content.decode()
        except CentralRejected as error:
            if error.status == 404:
                return None
            raise

    def submission_edits(self, form_id: str, instance_id: str) -> list[Edit]:
        """The versions of a submission, oldest first; none if it is gone."""
        found = self._ask("forms/{}/submissions/{}/versions", form_id, instance_id) or []
        return [Edit(i, row["instanceId"], row["createdAt"]) for i, row in enumerate(reversed(found))]

    # entities

    def entity_list(self, name: str) -> dict[str, Any] | None:
        """An entity list with its properties, or None."""
        found: dict[str, Any] | None = self._ask("datasets/{}", name)
        return found

    def create_entity_list(self, name: str, properties: Iterable[str]) -> None:
        """Make an entity list, and the properties it lacks; nothing happens to what is there."""
        found = self.entity_list(name)
        if found is None:
            self._once(self._path("datasets"), {"name": name, "approvalRequired": False})
            found = self.entity_list(name) or {}
        known = {row["name"] for row in found.get("properties", [])}
        for missing in [item for item in properties if item not in known]:
            self._once(self._path("datasets/{}/properties", name), {"name": missing})

    def entities(self, name: str) -> list[dict[str, Any]]:
        """Every entity of a list: uuid, label, version, conflict, updated_at, data (text by property)."""
        path = self._path("datasets/{}.svc/Entities", name)
        return [
            _entity(row) for page in self._pages(path, {"$top": str(PAGE), "$count": "true"}) for row in page
        ]

    def conflicts(self, name: str) -> int:
        """How many entities of a list are marked as changed by two sides; 0 for a list that is not there."""
        path = self._path("datasets/{}", name)
        try:
            return int(self._client.get(path, headers=EXTENDED).json().get("conflicts") or 0)
        except CentralRejected as error:
            if error.status == 404:
                return 0
            raise

    def entity_versions(self, name: str, uuid: str) -> list[dict[str, Any]]:
        """The versions of an entity that bear on its conflict, oldest first; none for no such entity."""
        path = "datasets/{}/entities/{}/versions?relevantToConflict=true"
        return self._ask(path, name, uuid) or []

    def resolve(self, name: str, uuid: str, data: Mapping[str, Any], base_version: int) -> bool:
        """Take the mark of a conflict off an entity, with a last word on it or none; False if it is off.

        Raises
        ------
        CentralRejected
            With code 409.15 when it has changed since `base_version`: look at it again.
        """
        path = self._path("datasets/{}/entities/{}", name, uuid)
        body: dict[str, Any] = {"data": _texts(data)} if data else {}
        query = {"baseVersion": str(base_version), "resolve": "true"}
        try:
            self._client.patch(path, json=body, params=query)
        except (CentralUnreachable, CentralRejected):
            if self._client.get(path).json()["conflict"] is not None:
                raise
            return False
        return True

    def create_entities(
        self, name: str, entities: Sequence[Mapping[str, Any]], source: str = "survey"
    ) -> int:
        """Create the entities ({uuid, label, data}) that are not there yet; how many were made.

        Values may be anything with a text; ids must be version-4 UUIDs of ours, which makes this safe to
        repeat.
        """
        wanted = {row["uuid"]: _payload(row) for row in entities}
        if not wanted:
            return 0
        path = self._path("datasets/{}/entities", name)
        try:
            self._client.post(path, json={"entities": [*wanted.values()], "source": {"name": source}})
        except CentralUnreachable:
            if not wanted.keys() <= {row["uuid"] for row in self.entities(name)}:
                raise
        except CentralRejected as error:
            if error.code != "409.3":  # some are there; Central takes all of a request or nothing
                raise
            there = {row["uuid"] for row in self.entities(name)}
            missing = [row for uuid, row in wanted.items() if uuid not in there]
            if len(missing) == len(wanted):  # they are in another project of the server
                raise
            return self.create_entities(name, missing, source)
        return len(wanted)

    def update_entity(
        self, name: str, uuid: str, data: Mapping[str, Any], base_version: int, label: str | None = None
    ) -> int:
        """Update an entity that we saw at `base_version`; the version it has afterwards.

        Raises
        ------
        CentralRejected
            With code 409.15 when somebody changed it since, and the change is not ours.
        """
        path = self._path("datasets/{}/entities/{}", name, uuid)
        body: dict[str, Any] = {"data": _texts(data)} | ({"label": label} if label is not None else {})
        try:
            reply = self._client.patch(path, json=body, params={"baseVersion": str(base_version)}).json()
        except (CentralUnreachable, CentralRejected) as error:
            if isinstance(error, CentralRejected) and error.code != "409.15":
                raise
            current = self._client.get(path).json()["currentVersion"]
            ours = {"label": current["label"], **current["data"]}
            said = body["data"] | ({"label": label} if label is not None else {})
            if current["version"] != base_version + 1 or any(ours.get(k) != v for k, v in said.items()):
                raise
            return int(current["version"])
        return int(reply["currentVersion"]["version"])

    # app users

    def app_users(self) -> list[dict[str, Any]]:
        """The app users of the project: id, name, and token (None once revoked)."""
        return [
            {"id": row["id"], "name": row["displayName"], "token": row["token"]}
            for row in self._get("app-users")
        ]

    def create_app_user(self, name: str) -> dict[str, Any]:
        """The app user of that name, made if there is none with a valid token: id, name, token."""
        if found := self._valid_user(name):
            return found
        try:
            self._client.post(self._path("app-users"), json={"displayName": name})
        except CentralUnreachable:
            if self._valid_user(name) is None:
                raise
        made = self._valid_user(name)
        assert made is not None
        return made

    def revoke(self, app_user_id: int) -> None:
        """End the token of an app user for good; the user stays in the list, its tablet is locked out."""
        for user in self.app_users():
            if user["id"] == app_user_id and user["token"]:
                self._client.delete(self._session.urlformat("sessions/{}", user["token"]))

    def assign(self, form_id: str, app_user_id: int) -> None:
        """Let an app user fill a form; nothing happens if it may already."""
        self._once(self._path("forms/{}/assignments/{}/{}", form_id, APP_USER, app_user_id), None)

    def assignments(self) -> set[tuple[str, int]]:
        """Which app user may fill which form, as pairs of form and app user."""
        rows = self._get("assignments/forms/{}", APP_USER)
        return {(row["xmlFormId"], row["actorId"]) for row in rows}

    def create_project(self, name: str) -> int:
        """A new project in Central, and its number; needs a site administrator. Settings name the number."""
        return int(self._client.post("projects", json={"name": name}).json()["id"])

    # how all of these ask

    def _path(self, address: str, *parts: object) -> str:
        return str(self._session.urlformat(f"projects/{self._settings.project}/{address}", *parts))

    def _get(self, address: str, *parts: object) -> Any:
        return self._client.get(self._path(address, *parts)).json()

    def _ask(self, address: str, *parts: object) -> Any | None:
        """What is there, or None where Central says that nothing is."""
        try:
            return self._get(address, *parts)
        except CentralRejected as error:
            if error.status == 404:
                return None
            raise

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """The pages of an OData listing; one that ends before its own count is an error, not an end.

        Central answers 200 and no rows when the row a cursor stands on was purged meanwhile.
        """
        page = self._client.get(path, params=dict(query)).json()
        left = int(page.get("@odata.count", 0))
        while page["value"]:
            yield page["value"]
            left -= len(page["value"])
            if not (link := page.get("@odata.nextLink")):
                break
            page = self._client.get(self._session.local(link)).json()
        if left > 0:
            raise CentralUnreachable(
                "a listing broke off half-way", where=self._session.host, cure="nothing is lost, try again"
            )

    def _once(self, path: str, body: Mapping[str, Any] | None) -> None:
        """POST something that Central keeps once: 409.3 says it is there, and so does a second try."""
        for again in (True, False):
            try:
                self._client.post(path, json=body)
            except CentralRejected as error:
                if error.code != "409.3":
                    raise
            except CentralUnreachable:
                if not again:
                    raise
                continue
            return

    def _valid_user(self, name: str) -> dict[str, Any] | None:
        return next((user for user in self.app_users() if user["name"] == name and user["token"]), None)


def _changed_since(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone; pass an aware datetime")
    at = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return " or ".join(f"__system/{name} ge {at}" for name in ("submissionDate", "updatedAt", "deletedAt"))


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    """Values as Central stores them: text, nothing for None, whole numbers without a point."""
    return {key: _text(value) for key, value in data.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _payload(row: Mapping[str, Any]) -> dict[str, Any]:
    if UUID(row["uuid"]).version != 4:
        raise ValueError("an entity id must be a version-4 UUID")
    return {"uuid": row["uuid"], "label": str(row["label"]), "data": _texts(row.get("data", {}))}


def _entity(row: Mapping[str, Any]) -> dict[str, Any]:
    system = row["__system"]
    data = {key: value or "" for key, value in row.items() if key not in ("__id", "__system", "label")}
    return {
        "uuid": row["__id"],
        "label": row["label"],
        "version": int(system["version"]),
        "conflict": system["conflict"],
        "updated_at": system["updatedAt"],
        "data": data,
    }
