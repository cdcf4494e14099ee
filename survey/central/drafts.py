"""A form's way to a published version: draft, files, publish. Every step may be taken again.

Central keeps one draft per form at most, and a version string for ever. So the state is asked, not
remembered:

    published last               what is done
    this text with these files   nothing, it is the same
    this text with other files   a draft copied from it, the files, published as VERSION-1, -2 ...
    another text, or none        a draft of this text, unless a crash left one; the files; published

A file that is an entity list is linked, and one that nobody gives stops the form before it is published. A
version that got there meanwhile is the same; a lost answer is asked after.
"""

import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyodk.client import Client

from survey.errors import CentralRejected, CentralUnreachable
from survey.failpoints import passed

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXISTS, TAKEN = "409.6", "409.3"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a form: `outcome` is published, resumed (from a left-over draft), files or same."""

    form_id: str
    version: str
    outcome: str


def is_text_of(version: str, built: str) -> bool:
    """Whether a published version string stands for the text that was built as `built`."""
    return version == built or version.startswith(f"{built}-")


def digest_of(data: bytes) -> str:
    """The digest by which Central tells files apart."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Draft:
    """The steps for one text of one form."""

    client: Client
    path: Callable[..., str]
    form_id: str
    version: str

    def publish(self, body: bytes, media: Mapping[str, bytes]) -> Published:
        """Take what steps are left; see the module."""
        found = self._ask(self.path("forms/{}", self.form_id))
        published = found["version"] if found and found["publishedAt"] else ""
        if is_text_of(published, self.version):
            if not self._differing(media):
                return Published(self.form_id, published, "same")
            self._draft(b"", published, is_new=False)
            return self._finish("files", media, self._fresh())
        outcome = "resumed" if self._drafted() == self.version else "published"
        if outcome == "published":
            self._draft(body, self.version, is_new=found is None)
        return self._finish(outcome, media, self._fresh())

    def _finish(self, outcome: str, media: Mapping[str, bytes], version: str) -> Published:
        passed("draft.made")
        self._attach(media)
        came = self._release(outcome, version)
        passed("draft.published")
        return Published(self.form_id, version, came)

    def _fresh(self) -> str:
        """The version built, or VERSION-1, -2 ... when that string is used up."""
        found = self._ask(self.path("forms/{}/versions", self.form_id)) or []
        used = sum(is_text_of(row["version"], self.version) for row in found)
        return f"{self.version}-{used}" if used else self.version

    def _differing(self, media: Mapping[str, bytes]) -> bool:
        slots = self._ask(self.path("forms/{}/attachments", self.form_id)) or []
        return any(slot["hash"] != digest_of(media[slot["name"]]) for slot in slots if slot["name"] in media)

    def _drafted(self) -> str | None:
        found = self._ask(self.path("forms/{}/draft", self.form_id))
        return found["version"] if found else None

    def _draft(self, body: bytes, version: str, *, is_new: bool) -> None:
        """A draft from `body`, or copied from what is published; in a new form if Central has none."""
        kind = {"Content-Type": XLSX if body[:2] == b"PK" else "application/xml"} if body else {}
        headers = kind | {"X-XlsForm-FormId-Fallback": self.form_id}
        address = self.path("forms") if is_new else self.path("forms/{}/draft", self.form_id)
        try:
            self.client.post(address, data=body, headers=headers, params={"ignoreWarnings": "true"})
        except (CentralUnreachable, CentralRejected) as error:
            taken = isinstance(error, CentralRejected) and error.code == TAKEN and is_new
            if not (taken or isinstance(error, CentralUnreachable)) or self._drafted() != version:
                raise
        if (made := self._drafted()) != version:
            raise CentralRejected(
                f"Central read version {made!r} from form {self.form_id}, we built {version!r}",
                status=200,
                where=f"form {self.form_id}, settings sheet",
                cure="the version is set while building; leave the cell to the program and publish again",
            )

    def _attach(self, media: Mapping[str, bytes]) -> None:
        for slot in self.client.get(self.path("forms/{}/draft/attachments", self.form_id)).json():
            name = slot["name"]
            where = self.path("forms/{}/draft/attachments/{}", self.form_id, name)
            if name in media:
                if slot["hash"] != digest_of(media[name]):
                    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                    self.client.post(where, data=media[name], headers={"Content-Type": kind})
                    passed("draft.attached")
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
        passed("draft.linked")

    def _release(self, outcome: str, version: str) -> str:
        rename = {"version": version} if version != self.version else {}
        try:
            self.client.post(self.path("forms/{}/draft/publish", self.form_id), params=rename)
        except CentralRejected as error:
            if error.code == EXISTS:
                self.client.delete(self.path("forms/{}/draft", self.form_id))
                return "same"
            if not (error.status == 404 and self._is_published(version)):
                raise
        except CentralUnreachable:
            if not self._is_published(version):
                raise
        return outcome

    def _is_published(self, version: str) -> bool:
        return self._ask(self.path("forms/{}/versions/{}", self.form_id, version)) is not None

    def _ask(self, path: str) -> Any | None:
        try:
            return self.client.get(path).json()
        except CentralRejected as error:
            if error.status == 404:
                return None
            raise
