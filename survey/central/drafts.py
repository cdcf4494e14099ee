"""A form's way to a published version: draft, files, publish. Every step may be taken again.

Central keeps at most one draft per form, and a version string for ever. So the state is asked, not
remembered:

    version published?      yes: done, it is the same (versions carry a digest of the text)
    draft of this version?  no: make it, in place of any other draft; yes: take it up where a crash left it
    files                   send those whose digest differs, link entity lists, refuse to go on without one
    publish                 a version that got there meanwhile is the same; a lost answer is asked after
"""

import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyodk.client import Client

from survey.errors import CentralRejected, CentralUnreachable

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXISTS, TAKEN = "409.6", "409.3"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a form: `outcome` is published, resumed (from a left-over draft) or same."""

    form_id: str
    version: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The steps for one version of one form."""

    client: Client
    path: Callable[..., str]
    form_id: str
    version: str

    def publish(self, body: bytes, media: Mapping[str, bytes]) -> Published:
        """Take what steps are left; see the module."""
        if self._is_published():
            return Published(self.form_id, self.version, "same")
        left_over = self._version_of("forms/{}/draft") == self.version
        if not left_over:
            self._make(body)
        self._attach(media)
        return Published(self.form_id, self.version, self._release("resumed" if left_over else "published"))

    def _is_published(self) -> bool:
        return self._ask(self.path("forms/{}/versions/{}", self.form_id, self.version)) is not None

    def _version_of(self, address: str) -> str | None:
        found = self._ask(self.path(address, self.form_id))
        return found["version"] if found else None

    def _make(self, body: bytes) -> None:
        """The draft, in a new form if Central has none of that id."""
        is_new = self._version_of("forms/{}") is None
        headers = {
            "Content-Type": XLSX if body[:2] == b"PK" else "application/xml",
            "X-XlsForm-FormId-Fallback": self.form_id,
        }
        address = self.path("forms") if is_new else self.path("forms/{}/draft", self.form_id)
        try:
            self.client.post(address, data=body, headers=headers, params={"ignoreWarnings": "true"})
        except (CentralUnreachable, CentralRejected) as error:
            there = self._version_of("forms/{}/draft")
            if isinstance(error, CentralRejected) and not (error.code == TAKEN and is_new and there):
                raise
            if there != self.version:
                raise
        if (made := self._version_of("forms/{}/draft")) != self.version:
            raise CentralRejected(
                f"Central read version {made!r} from form {self.form_id}, we built {self.version!r}",
                status=200,
                where=f"form {self.form_id}, settings sheet",
                cure="the version is set while building; leave the cell to the program and publish again",
            )

    def _attach(self, media: Mapping[str, bytes]) -> None:
        for slot in self.client.get(self.path("forms/{}/draft/attachments", self.form_id)).json():
            name = slot["name"]
            where = self.path("forms/{}/draft/attachments/{}", self.form_id, name)
            if name in media:
                if slot["hash"] != hashlib.md5(media[name], usedforsecurity=False).hexdigest():
                    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                    self.client.post(where, data=media[name], headers={"Content-Type": kind})
            elif not slot["exists"]:
                self._link(name, where)

    def _link(self, name: str, where: str) -> None:
        """Let the file be the entity list of its name, which must be there by now."""
        listed = name.removesuffix(".csv")
        if listed == name or self._ask(self.path("datasets/{}", listed)) is None:
            raise CentralRejected(
                f"form {self.form_id} needs the file {name}, which was not given and is no entity list",
                status=404,
                where=f"form {self.form_id}",
                cure="add the file to the form's lists, or publish first the form that makes the entity list",
            )
        self.client.patch(where, json={"dataset": True})

    def _release(self, outcome: str) -> str:
        try:
            self.client.post(self.path("forms/{}/draft/publish", self.form_id))
        except CentralRejected as error:
            if error.code == EXISTS:
                self.client.delete(self.path("forms/{}/draft", self.form_id))
                return "same"
            if not (error.status == 404 and self._is_published()):
                raise
        except CentralUnreachable:
            if not self._is_published():
                raise
        return outcome

    def _ask(self, path: str) -> Any | None:
        try:
            return self.client.get(path).json()
        except CentralRejected as error:
            if error.status == 404:
                return None
            raise
