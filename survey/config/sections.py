"""The sections of survey.toml: every key, what it may hold, what it is when nobody says anything.

What a key means is said once, in its description here; `settings_text` (survey.config.text) prints it as the
comment above the key, and docs/settings.md is made from that.
"""

import difflib
import re
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "SURVEY_"


def _zone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), 1)
        raise ValueError("no such time zone" + (f"; did you mean {near[0]!r}?" if near else ""))
    return name


def _corridor(name: str) -> str:
    from instruments.corridor import corridor

    return corridor(name).name


def _database(url: str) -> str:
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        raise ValueError(
            "not a database address; write sqlite:///survey.sqlite or postgresql://..."
        ) from None
    if backend not in {"sqlite", "postgresql"}:
        raise ValueError(f"{backend} is not supported; use sqlite or postgresql")
    return url


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (http:// only on a trusted machine)")
    return url.rstrip("/").removesuffix("/v1")


def _recipient(key: str) -> str:
    if not re.fullmatch(r"age1[0-9a-z]{58}", key):
        raise ValueError("a recipient is a public key of age, a line that begins with age1")
    return key


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Study(_Section):
    """What the study is, where and in which languages."""

    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_-]*$", description="Short name, used in file names.")
    ] = "returnees"
    title: Annotated[str, Field(description="Title on reports.")] = "Returned migrants: a panel"
    corridor: Annotated[
        str,
        AfterValidator(_corridor),
        Field(description="vn-jp, id-jp, kh-jp, mm-jp or ph-jp: whose words, lists and places forms have."),
    ] = "vn-jp"
    time_zone: Annotated[
        str,
        AfterValidator(_zone),
        Field(description="Time zone of the field; days and windows are days there."),
    ] = "Asia/Ho_Chi_Minh"
    languages: Annotated[
        list[str], Field(min_length=1, description="Languages that every form must be complete in.")
    ] = ["en", "vi"]
    approved_languages: Annotated[
        list[str],
        Field(description="Languages in which every text must be approved before a form is published."),
    ] = []
    forms: Annotated[
        list[str], Field(description="Forms this study uses; they are published in the order they need.")
    ] = ["rm_baseline", "rm_followup", "rm_contact"]
    forms_folder: Annotated[str, Field(description="Folder of your own forms; empty for those shipped.")] = ""
    plan_file: Annotated[
        str, Field(description="Your own plan of waves (plan.toml); empty for the one shipped.")
    ] = ""
    waves: Annotated[
        int, Field(ge=0, description="How many waves of the plan are run, the baseline counted; 0 for all.")
    ] = 0
    simulated: Annotated[
        bool, Field(description="Whether the people are invented; releases and reports then say so.")
    ] = False
    seed: Annotated[int, Field(ge=0, description="Seed of the pseudonyms; who knows it can undo them.")] = (
        20260101
    )


class CentralSettings(_Section):
    """Where ODK Central is and who we are there."""

    url: Annotated[str, AfterValidator(_address), Field(description="Address of ODK Central.")] = (
        "https://central.example.org"
    )
    project: Annotated[int, Field(ge=1, description="Number of the project in Central.")] = 1
    email: Annotated[str, Field(description="Web user who logs in; needs the role Project Manager.")] = (
        "panel@example.org"
    )
    password: SecretStr = SecretStr("")
    password_file: Annotated[
        str,
        Field(
            description="File with the password, outside this folder; SURVEY_CENTRAL_PASSWORD comes first."
        ),
    ] = ""
    upload: Annotated[
        str,
        Field(
            pattern="^(xlsx|xml)$", description="What Central is sent: xlsx (can be downloaded there) or xml."
        ),
    ] = "xlsx"
    timeout: Annotated[float, Field(gt=0, description="Seconds to wait for an answer.")] = 120.0
    retries: Annotated[int, Field(ge=0, description="How often a reading request is tried again.")] = 3
    overlap: Annotated[
        float, Field(ge=60, description="Seconds before the last sync that are looked at again; at least 60.")
    ] = 600.0
    access_rule: Annotated[
        bool,
        Field(
            description="Whether a tablet downloads its enumerator's own cases alone (from Central v2026.2)."
        ),
    ] = True
    grace_days: Annotated[
        int,
        Field(
            ge=0, description="Days after its last window until a form refuses late submissions; 0 for never."
        ),
    ] = 60


class Database(_Section):
    """Where everything is kept."""

    url: Annotated[
        str,
        AfterValidator(_database),
        Field(description="sqlite:///file (beside this one) or postgresql://host/name (without password)."),
    ] = "sqlite:///survey.sqlite"


class Log(_Section):
    """What is written down about each run; never an answer or a name."""

    file: Annotated[str, Field(description="File for the log, one JSON object per line; empty for none.")] = (
        ""
    )
    level: Annotated[
        str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR.")
    ] = "INFO"


class AssignmentRules(_Section):
    """Which enumerator a case may go to."""

    same_interviewer: Annotated[
        bool, Field(description="Whether a person keeps the interviewer of the wave before, who still fits.")
    ] = True
    gender: Annotated[
        str,
        Field(
            pattern="^(any|same|wish)$",
            description="any; same: as the person's own; wish: as the person asked for, where one did.",
        ),
    ] = "any"
    language: Annotated[
        bool,
        Field(description="Whether the interviewer must speak the person's language, where known."),
    ] = False
    area: Annotated[
        str,
        Field(
            pattern="^(any|prefer|require)$",
            description="any; prefer: those of the area first; require: nobody else. Areas: enumerators add.",
        ),
    ] = "any"
    capacity: Annotated[
        int,
        Field(ge=0, description="Most open cases of one enumerator, unless said for them; 0: no limit."),
    ] = 0


class Recruiting(_Section):
    """How panel members invite others."""

    letters: Annotated[
        str, Field(pattern="^[A-Z]{2}$", description="The two letters with which every coupon begins.")
    ] = "RP"
    coupons: Annotated[
        int, Field(ge=1, le=3, description="Coupons issued to one person; the form has room for three.")
    ] = 3
    degree: Annotated[
        str,
        Field(
            pattern="^(net_30d|net_know)$",
            description="The answer that stands for the size of a person's network.",
        ),
    ] = "net_30d"


class Backup(_Section):
    """Encrypted copies of the study: where they go and who can open them."""

    recipients: Annotated[
        list[Annotated[str, AfterValidator(_recipient)]],
        Field(description="Public keys (age1...) that open backups; without one none is made."),
    ] = []
    folder: Annotated[str, Field(description="Folder of the backups, best on another disk or machine.")] = (
        "backups"
    )
    keep: Annotated[
        int, Field(ge=1, description="How many are kept; who withdrew is gone after as many newer ones.")
    ] = 30
    postgres_tools: Annotated[
        str, Field(description="Folder of pg_dump and pg_restore; empty to find them on the path.")
    ] = ""


TIMETABLE = {
    "sync": "hourly :05",
    "waves": "daily 04:30",
    "publish": "daily 04:40",
    "push": "daily 04:50",
    "check": "daily 05:00",
    "release": "daily 05:10",
    "report": "weekly mon 05:30",
    "backup": "daily 05:50",
}


SECTIONS: dict[str, type[BaseModel]] = {
    "study": Study,
    "central": CentralSettings,
    "database": Database,
    "log": Log,
    "assignment": AssignmentRules,
    "recruiting": Recruiting,
    "backup": Backup,
}


class Settings(BaseSettings):
    """All settings of a study; frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    study: Study = Study()
    central: CentralSettings = CentralSettings()
    database: Database = Database()
    log: Log = Log()
    assignment: AssignmentRules = AssignmentRules()
    recruiting: Recruiting = Recruiting()
    backup: Backup = Backup()
    schedule: dict[str, str] = TIMETABLE

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the study."""
        return ZoneInfo(self.study.time_zone)
