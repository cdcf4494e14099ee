"""What ODK Collect does over the network: form list, manifest, attached files, forms, multipart posts.

A `Collect` is one tablet's app user with a folder. It downloads only what changed by the server's hashes
and keeps filled forms in its outbox until the server has taken them, so nothing is lost when the server is
down; posting the same bytes again does no harm. Follows the OpenRosa exchanges recorded from ODK Central.
Filling is tablet.py.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from lxml import etree

LIST = "{http://openrosa.org/xforms/xformsList}"
MANIFEST = "{http://openrosa.org/xforms/xformsManifest}"
USER_AGENT = "org.odk.collect.android/v2026.2.0 (virtual tablet)"
PATIENCE = 60.0


class CollectError(Exception):
    """The server did not take or give something; `status` is its answer, None when there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class ListedForm:
    """A form as the server lists it."""

    form_id: str
    version: str
    hash: str
    download_url: str
    manifest_url: str


class Collect:
    """An app user's tablet: `base` ends in /v1/key/TOKEN/projects/N."""

    def __init__(
        self,
        base: str,
        folder: Path,
        *,
        device: str = "collect:virtual",
        session: requests.Session | None = None,
    ) -> None:
        self.base, self.folder, self.device = base.rstrip("/"), folder, device
        self._session = session or requests.Session()
        self._address = {"scheme": urlsplit(base).scheme, "netloc": urlsplit(base).netloc}
        self._token = re.sub(r".*/key/([^/]+)/.*", r"\1", self.base)
        (folder / "forms").mkdir(parents=True, exist_ok=True)
        (folder / "outbox").mkdir(exist_ok=True)

    def update(self, now: datetime) -> list[str]:
        """Download what changed since the last time; the names of the files written."""
        known = self._known()
        seen: dict[str, dict[str, str]] = {}
        written: list[str] = []
        for listed in self.form_list(now):
            files = {"form.xml": (listed.hash, listed.download_url)} | self._manifest(listed, now)
            written += self._fetch(listed.form_id, files, known.get(listed.form_id, {}), now)
            seen[listed.form_id] = {name: digest for name, (digest, _) in files.items()}
            self._remember(known | seen)
        self._remember(seen)
        return written

    def form_list(self, now: datetime) -> list[ListedForm]:
        """The forms this app user may fill."""
        root = _xml(self._get(f"{self.base}/formList", now))
        return [
            ListedForm(
                form_id=form.findtext(f"{LIST}formID", ""),
                version=form.findtext(f"{LIST}version", ""),
                hash=form.findtext(f"{LIST}hash", ""),
                download_url=form.findtext(f"{LIST}downloadUrl", ""),
                manifest_url=form.findtext(f"{LIST}manifestUrl", ""),
            )
            for form in root.iter(f"{LIST}xform")
        ]

    def has(self, form_id: str) -> bool:
        """Whether the form is on the tablet."""
        return form_id in self._known()

    def form(self, form_id: str) -> Path:
        """The downloaded XForm."""
        return self.folder / "forms" / form_id / "form.xml"

    def media(self, form_id: str) -> Path:
        """The folder of the form's attached files."""
        return self.folder / "forms" / form_id / "media"

    def keep(self, instance_id: str, xml: str) -> None:
        """Put a finished form into the outbox; forms leave it in the order in which they came."""
        number = 1 + max((int(p.name[:6]) for p in self.unsent()), default=0)
        safe = re.sub(r"[^\w-]", "", instance_id)
        (self.folder / "outbox" / f"{number:06d}-{safe}.xml").write_text(xml, encoding="utf-8")

    def unsent(self) -> list[Path]:
        """Finished forms that the server has not taken yet, oldest first."""
        return sorted((self.folder / "outbox").glob("*.xml"))

    def send(self, now: datetime, most: int | None = None) -> int:
        """Post the outbox, or its oldest `most` forms; how many were taken.

        What the server does not take stays, with the error raised.
        """
        taken = 0
        for path in self.unsent()[:most]:
            self.post(path.read_text(encoding="utf-8"), now)
            path.unlink()
            taken += 1
        return taken

    def post(self, xml: str, now: datetime) -> None:
        """Post one submission as Collect does: a HEAD to ask, then the multipart body.

        Raises
        ------
        CollectError
            The server cannot be reached or refuses the submission.
        """
        url = f"{self.base}/submission"
        self._call("HEAD", url, now)
        files = {"xml_submission_file": ("submission.xml", xml.encode(), "text/xml")}
        self._call("POST", url, now, params={"deviceID": self.device}, files=files)

    def _manifest(self, listed: ListedForm, now: datetime) -> dict[str, tuple[str, str]]:
        if not listed.manifest_url:
            return {}
        root = _xml(self._get(listed.manifest_url, now))
        return {
            f"media/{file.findtext(f'{MANIFEST}filename', '')}": (
                file.findtext(f"{MANIFEST}hash", ""),
                file.findtext(f"{MANIFEST}downloadUrl", ""),
            )
            for file in root.iter(f"{MANIFEST}mediaFile")
        }

    def _fetch(
        self, form_id: str, files: Mapping[str, tuple[str, str]], known: Mapping[str, str], now: datetime
    ) -> list[str]:
        folder = self.folder / "forms" / form_id
        (folder / "media").mkdir(parents=True, exist_ok=True)
        written = []
        for name, (digest, url) in files.items():
            if known.get(name) != digest or not (folder / name).exists():
                (folder / name).write_bytes(self._get(url, now))
                written.append(f"{form_id}/{name}")
        return written

    def _known(self) -> dict[str, dict[str, str]]:
        index = self.folder / "index.json"
        return json.loads(index.read_text()) if index.exists() else {}

    def _remember(self, seen: Mapping[str, Mapping[str, str]]) -> None:
        (self.folder / "index.json").write_text(json.dumps(seen, sort_keys=True, indent=1))

    def _get(self, url: str, now: datetime) -> bytes:
        """The file at `url`, asked from the address the tablet knows: a server may call itself by another."""
        return self._call("GET", urlsplit(url)._replace(**self._address).geturl(), now).content

    def _call(self, method: str, url: str, now: datetime, **what: object) -> requests.Response:
        """One exchange; the app user's token never appears in an error."""
        headers = {
            "X-OpenRosa-Version": "1.0",
            "Date": format_datetime(now.astimezone(UTC), usegmt=True),
            "User-Agent": USER_AGENT,
        }
        said = f"{method} {urlsplit(url).path.replace(self._token, '…')}"
        try:
            reply = self._session.request(method, url, headers=headers, timeout=PATIENCE, **what)  # type: ignore[arg-type]
        except requests.RequestException as error:
            cause = type(error).__name__
            raise CollectError(
                f"{said}: no answer from the server ({cause}); forms stay in the outbox"
            ) from None
        if not reply.ok:
            raise CollectError(f"{said}: {reply.status_code} {_message(reply)}", reply.status_code)
        return reply


def _xml(body: bytes) -> etree._Element:
    return etree.fromstring(body.strip())


def _message(reply: requests.Response) -> str:
    """What the server said, from an OpenRosa answer or a JSON problem."""
    found = re.search(r"<message[^>]*>([^<]*)<", reply.text or "")
    if found:
        return found.group(1).strip()
    try:
        return str(reply.json().get("message", ""))
    except ValueError:
        return reply.reason or ""
