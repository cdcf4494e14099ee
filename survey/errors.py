"""Everything the platform raises on purpose, as one small tree.

    SurveyError
    ├── SettingsError            survey.toml or the environment; the caller mends it
    ├── StoreError               the database
    │   ├── StoreUnreachable     no such file, no such server, no right to open it
    │   ├── StoreOutdated        the schema is not the one this version needs
    │   └── NotAllowed           something tried to change an append-only row
    ├── BackupError              a backup that cannot be made, opened or put back
    ├── CentralError             ODK Central
    │   ├── CentralUnreachable   down, timed out, wrong address
    │   ├── CentralRefused       e-mail or password not accepted
    │   ├── SessionExpired       the session ended and a new login did not help
    │   └── CentralRejected      Central understood and said no; keeps its status and its own code
    └── FormRefused              a form with findings at error level; keeps the findings

Each says what happened, where, and how to mend it, on one line. No message holds an answer, a name, a phone
number or a secret. Something a rule noticed about data is a Finding and is never raised. Built-in errors are
used wherever they do not mislead.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line starts without what the forms need
    from instruments.findings import Finding

DONE, FAILED, USAGE, FINDINGS = 0, 1, 2, 3


class SurveyError(Exception):
    """What happened, where, and how to mend it; `exit_code` is what the command line leaves with."""

    exit_code = FAILED

    def __init__(self, what: str, *, where: str = "", cure: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.cure = what, where, cure

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        cure = f": {self.cure}" if self.cure else ""
        return " ".join(f"{self.what}{place}{cure}".split())


class SettingsError(SurveyError):
    """The settings file or the environment cannot be used as it is."""

    exit_code = USAGE


class StoreError(SurveyError):
    """The database is at fault."""


class StoreUnreachable(StoreError):
    """The database cannot be opened."""


class StoreOutdated(StoreError):
    """The database has another schema than this version of the program."""


class NotAllowed(StoreError):
    """A row that may only be added was about to be changed."""


class BackupError(SurveyError):
    """A backup cannot be made, opened or put back."""


class CentralError(SurveyError):
    """ODK Central is at fault, or what we asked of it."""


class CentralUnreachable(CentralError):
    """No answer from Central: down, timed out, or not at that address."""


class CentralRefused(CentralError):
    """Central did not accept the e-mail or the password."""


class SessionExpired(CentralError):
    """The session ended in mid-work and logging in again did not help."""


class CentralRejected(CentralError):
    """Central understood and said no; `code` is Central's own (as text), `status` that of HTTP."""

    def __init__(self, what: str, *, status: int, code: str = "", where: str = "", cure: str = "") -> None:
        super().__init__(what, where=where, cure=cure)
        self.status, self.code = status, code


class FormRefused(SurveyError):
    """A form has findings at error level; nothing was sent."""

    exit_code = FINDINGS

    def __init__(self, what: str, findings: Sequence["Finding"], *, where: str = "", cure: str = "") -> None:
        super().__init__(what, where=where, cure=cure)
        self.findings = tuple(findings)


def told(error: BaseException) -> str | None:
    """The first line of an error of ours; nothing of a foreign one, since its text may quote data."""
    ours = type(error).__module__.split(".")[0] in ("survey", "instruments", "analysis", "scheduler")
    return str(error).partition("\n")[0] if ours else None
