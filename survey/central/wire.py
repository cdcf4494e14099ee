"""The session pyodk talks through: login, retries, timeouts, and how every failure becomes one of our errors.

pyodk 1.3 keeps its token in a file of the home folder, mounts retries and timeouts on https:// only, never
logs in again, and logs the whole body of a refused answer. So the session is ours: the token stays in
memory, the adapter is mounted on both schemes, GET alone is retried, a 401 leads to one new login, and an
answer of 400 and above becomes an error of `survey.errors` before pyodk sees it, so no body reaches a log
or a message.
"""

import logging
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from pyodk._utils.config import CentralConfig, Config
from pyodk._utils.session import Session
from pyodk.client import Client
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from survey.config import CentralSettings
from survey.errors import CentralRefused, CentralRejected, CentralUnreachable, SessionExpired
from survey.logs import guard

log = logging.getLogger(__name__)

RETRIED = (429, 500, 502, 503, 504)
CURES = {
    "400.11": "Central takes text only, and ids that are version-4 UUIDs; report this fault of ours",
    "400.15": "Central cannot turn the form into an XForm; run `survey instrument lint`",
    "400.17": "give the question its former type back, or another name",
    "400.28": "the entity list lacks a property; run `survey publish`",
    "403.1": "the account needs the role Project Manager in this project",
    "404.1": "check central.project in the settings, and that it was not deleted in Central",
    "409.15": "the entity was changed meanwhile; read it again",
    "409.19": "the entity was deleted in Central; restore it there",
}


class CentralSession(Session):
    """pyodk's session, made to fail in one way and to log in again once."""

    def __init__(self, settings: CentralSettings, *, backoff: float) -> None:
        super().__init__(
            base_url=settings.url,
            api_version="v1",
            username=settings.email,
            password=settings.password.get_secret_value(),
            cache_path=None,
        )
        self.host = urlsplit(settings.url).netloc
        self._logging_in = False
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(settings.timeout, settings.retries, backoff))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        """The answer, always below 400.

        Raises
        ------
        CentralUnreachable, SessionExpired, CentralRejected
        """
        response = self._try(method, url, *args, **kwargs)
        if response.status_code == 401 and not self._logging_in:
            self.log_in()
            response = self._try(method, url, *args, **kwargs)
            if response.status_code == 401:
                raise SessionExpired(
                    "Central ends our session at once",
                    where=self.host,
                    cure="check its clock, and that the account was not disabled",
                )
        if response.status_code >= 400:
            raise _rejected(response, method, self.host)
        return response

    def log_in(self) -> None:
        """A new session token, in memory only.

        Raises
        ------
        CentralUnreachable, CentralRefused
        """
        self.headers.pop("Authorization", None)
        self._logging_in = True
        try:
            self.auth.login()
        except CentralRejected as error:
            if error.status in (400, 401, 403):
                raise CentralRefused(
                    "Central does not accept the e-mail or the password",
                    where=f"{self.auth.username} at {self.host}",
                    cure="check central.email in the settings and SURVEY_CENTRAL_PASSWORD",
                ) from None
            raise
        finally:
            self._logging_in = False

    def log_out(self) -> None:
        """End the session in Central too; what Central says to that is of no interest."""
        if "Authorization" in self.headers:
            try:
                super().request("DELETE", "sessions/current")
            except requests.RequestException:
                log.debug("central.logout_failed host=%s", self.host)
            self.headers.pop("Authorization", None)

    def local(self, link: str) -> str:
        """A link that Central gave, on the address that we know it by; the token goes nowhere else."""
        base, given = urlsplit(self.base_url), urlsplit(link)
        return urlunsplit((base.scheme, base.netloc, given.path, given.query, ""))

    def _try(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().request(method, url, *args, **kwargs)
        except requests.Timeout:
            raise CentralUnreachable(
                "Central takes too long to answer",
                where=self.host,
                cure="try again, or raise central.timeout",
            ) from None
        except requests.exceptions.SSLError:
            raise CentralUnreachable(
                "Central shows no certificate that we trust",
                where=self.host,
                cure="check central.url and its date",
            ) from None
        except requests.RequestException as error:
            raise CentralUnreachable(
                f"Central does not answer [{type(error).__name__}]",
                where=self.host,
                cure="check central.url, the network, and that Central is up; nothing is lost, try again",
            ) from None


class _Adapter(HTTPAdapter):
    """A timeout for every request, and repeats for GET when Central is busy or the line breaks."""

    def __init__(self, timeout: float, retries: int, backoff: float) -> None:
        self.timeout = timeout
        policy = Retry(
            total=retries,
            backoff_factor=backoff,
            status_forcelist=RETRIED,
            allowed_methods=("GET", "HEAD"),
            raise_on_status=False,
        )
        super().__init__(max_retries=policy)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send with the timeout unless the call has its own."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (min(10.0, self.timeout), self.timeout)
        return super().send(request, **kwargs)


def adapter(settings: CentralSettings, *, backoff: float = 1.0) -> HTTPAdapter:
    """What a line to this Central is mounted on: timeouts, and repeats for what only reads."""
    guard()
    return _Adapter(settings.timeout, settings.retries, backoff)


def connect(settings: CentralSettings, *, backoff: float = 1.0) -> Client:
    """A pyodk client on a session of ours, not logged in yet."""
    guard()
    if not settings.password.get_secret_value():
        raise CentralRefused(
            "there is no password for Central",
            where=f"{settings.email} at {urlsplit(settings.url).netloc}",
            cure="set SURVEY_CENTRAL_PASSWORD, or name a file in central.password_file",
        )
    central = CentralConfig(
        base_url=settings.url,
        username=settings.email,
        password=settings.password.get_secret_value(),
        default_project_id=settings.project,
    )
    session = CentralSession(settings, backoff=backoff)
    return Client(config=Config(central=central), session=session, project_id=settings.project)


def _rejected(response: requests.Response, method: str, host: str) -> CentralRejected | CentralUnreachable:
    """The refusal, with Central's code but not its message, which may quote what was sent."""
    code = _code(response)
    if response.status_code in (502, 503, 504):
        return CentralUnreachable(
            f"Central is not up behind its server [{response.status_code}]",
            where=host,
            cure="try again in a while",
        )
    path = urlsplit(response.url).path.partition("/v1/")[2]
    if path.startswith("sessions/"):
        path = "sessions/..."
    return CentralRejected(
        f"Central refuses {method} {path} [{code or response.status_code}]",
        status=response.status_code,
        code=code,
        where=host,
        cure=CURES.get(code, "look the number up in Central's documentation, then mend what was asked"),
    )


def _code(response: requests.Response) -> str:
    try:
        return str(response.json().get("code", ""))
    except (ValueError, AttributeError):
        return ""
