"""What a tablet gets: entity lists downloaded with an app user's own key, the way Collect downloads them.

Nothing is sent with our own rights here, and nothing is kept: the rows are compared and forgotten. A form
that is closed, or not given to this app user, answers 403, so the first form that shows a list is taken.
The key stands in every address, therefore no address is ever part of an error.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree import ElementTree

import requests

from survey.central.wire import adapter
from survey.config import CentralSettings
from survey.errors import CentralRejected, CentralUnreachable

OPENROSA = {"X-OpenRosa-Version": "1.0"}
MANIFEST = "{http://openrosa.org/xforms/xformsManifest}"
CLOSED_TO_IT = (401, 403, 404)


class Tablets:
    """The tablets of one project, one after the other over one line."""

    def __init__(self, settings: CentralSettings) -> None:
        self._settings = settings
        self._host = urlsplit(settings.url).netloc
        self._line = requests.Session()
        for scheme in ("http://", "https://"):
            self._line.mount(scheme, adapter(settings))

    def __enter__(self) -> "Tablets":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def holds(
        self, key: str, forms: Sequence[str], lists: Iterable[str]
    ) -> dict[str, list[dict[str, str]]] | None:
        """The rows of these lists as the holder of `key` gets them; None when the key is not valid any more.

        A list that no form of theirs shows is left out.
        """
        if self._get(f"{self._home(key)}/formList") is None:
            return None
        wanted = set(lists)
        found: dict[str, list[dict[str, str]]] = {}
        for form in forms:
            if wanted <= found.keys():
                break
            for name, address in self._files(key, form):
                if name in wanted - found.keys() and (reply := self._get(address)) is not None:
                    found[name] = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8"))))
        return found

    def _files(self, key: str, form: str) -> Iterator[tuple[str, str]]:
        """The entity lists in a form's manifest, with the addresses they are at."""
        reply = self._get(f"{self._home(key)}/forms/{quote(form, safe='')}/manifest")
        if reply is None:
            return
        for file in ElementTree.fromstring(reply.content).iter(f"{MANIFEST}mediaFile"):
            if file.get("type") == "entityList":
                name = file.findtext(f"{MANIFEST}filename", "").removesuffix(".csv")
                yield name, self._local(file.findtext(f"{MANIFEST}downloadUrl", ""))

    def _home(self, key: str) -> str:
        return f"{self._settings.url}/v1/key/{quote(key, safe='')}/projects/{self._settings.project}"

    def _local(self, link: str) -> str:
        """A link that Central gave, on the address that we know it by."""
        base, given = urlsplit(self._settings.url), urlsplit(link)
        return urlunsplit((base.scheme, base.netloc, given.path, given.query, ""))

    def _get(self, address: str) -> requests.Response | None:
        """What is there; None where this app user may not look."""
        try:
            reply = self._line.get(address, headers=OPENROSA)
        except requests.RequestException as error:
            raise CentralUnreachable(
                f"Central does not answer a tablet [{type(error).__name__}]",
                where=self._host,
                cure="the lists of the tablets were not compared; they are at the next push",
            ) from None
        if reply.status_code in CLOSED_TO_IT:
            return None
        if reply.status_code >= 500:
            raise CentralUnreachable(
                f"Central does not serve a tablet [{reply.status_code}]",
                where=self._host,
                cure="the lists of the tablets were not compared; they are at the next push",
            )
        if reply.status_code >= 400:
            raise CentralRejected(
                f"Central refuses a tablet its list [{reply.status_code}]",
                status=reply.status_code,
                where=self._host,
                cure="look whether the app users of the project are as `survey enumerators list` says",
            )
        return reply
