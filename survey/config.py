"""Settings of a study: survey.toml, with the environment on top.

A study is a folder with a `survey.toml`. Every key can also come from the environment, which wins, as
SURVEY_<SECTION>_<KEY> (SURVEY_DATABASE_URL). Secrets never stand in the file: the Central password comes from
SURVEY_CENTRAL_PASSWORD or from a file outside the study folder and outside any repository, named by
`central.password_file`. Unknown keys are refused, since a misspelt key would be a setting silently lost.
What the keys mean is said once, in the descriptions here; `settings_text` prints them as comments.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from survey.errors import SettingsError

FILE = "survey.toml"
PREFIX = "SURVEY_"


def load_settings(path: Path, **overrides: Mapping[str, Any]) -> "Settings":
    """Settings from the file at `path`, the environment over it, and `overrides` by section over both."""
    text = _read(path)
    data = _parse(text, path)
    _refuse_secrets(data, text, path)
    try:
        settings = _reading(data)(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise _explain(error, text, path) from None
    return _with_password(settings, path.parent)


def settings_text(**values: Mapping[str, Any]) -> str:
    """A commented survey.toml with the defaults, or the `values` given by section, in it."""
    lines = [
        "# Settings of one study. The environment wins over every key, e.g. SURVEY_DATABASE_URL.",
        "# No secrets here: set SURVEY_CENTRAL_PASSWORD, or name a file elsewhere in password_file.",
    ]
    for section, model in SECTIONS.items():
        given = values.get(section, {})
        lines += ["", f"[{section}]"]
        for key, about in model.model_fields.items():
            if key != "password":
                value = given.get(key, about.get_default(call_default_factory=True))
                lines += [f"# {about.description}", f"{key} = {_toml(value)}"]
    lines += [
        "",
        "# When each job runs: hourly :MM, daily HH:MM, weekly DAY HH:MM, monthly D HH:MM, quarterly D HH:MM",
    ]
    lines += [
        "# or off, in the time zone above. Jobs make good what is missing; a missed one does no harm.",
        "[schedule]",
    ]
    lines += [f"{job} = {_toml(words)}" for job, words in values.get("schedule", TIMETABLE).items()]
    return "\n".join(lines) + "\n"


def _zone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), 1)
        raise ValueError("no such time zone" + (f"; did you mean {near[0]!r}?" if near else ""))
    return name


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
        Field(
            pattern=r"^[A-Z]{3}-[A-Z]{3}$",
            description="Country of origin and of destination, ISO 3166 alpha-3.",
        ),
    ] = "VNM-JPN"
    time_zone: Annotated[
        str,
        AfterValidator(_zone),
        Field(description="Time zone of the field; days and windows are days there."),
    ] = "Asia/Ho_Chi_Minh"
    languages: Annotated[
        list[str], Field(min_length=1, description="Languages that every form must be complete in.")
    ] = ["en", "vi"]
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


TIMETABLE = {
    "sync": "hourly :05",
    "waves": "daily 04:30",
    "publish": "daily 04:40",
    "push": "daily 04:50",
    "check": "daily 05:00",
    "release": "daily 05:10",
    "report": "weekly mon 05:30",
}


SECTIONS: dict[str, type[BaseModel]] = {
    "study": Study,
    "central": CentralSettings,
    "database": Database,
    "log": Log,
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
    schedule: dict[str, str] = TIMETABLE

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the study."""
        return ZoneInfo(self.study.time_zone)


def _reading(data: dict[str, Any]) -> type[Settings]:
    """Settings that look into `data` for what neither the caller nor the environment gave."""

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, data)

    return FromFile


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            "no settings file",
            where=str(path),
            cure="make one with `survey init DIR`, or name it with --settings FILE",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            "the settings file cannot be read",
            where=str(path),
            cure=f"make it readable UTF-8 text ({type(error).__name__})",
        ) from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        what, _, rest = message.partition(" (at ")
        raise SettingsError(
            "the settings file is not valid TOML",
            where=f"{path}, {rest.removesuffix(')') or 'somewhere'}",
            cure=f"{what[:1].lower()}{what[1:]}; text needs quotes, a section stands in [brackets]",
        ) from None


def _refuse_secrets(data: Mapping[str, Any], text: str, path: Path) -> None:
    central, database = data.get("central", {}), data.get("database", {})
    if isinstance(central, dict) and "password" in central:
        raise SettingsError(
            "a password does not belong in the settings file",
            where=f"{path}, line {_line(text, ('central', 'password'))}, key central.password",
            cure="delete the line, change that password, and set SURVEY_CENTRAL_PASSWORD",
        )
    url = database.get("url", "") if isinstance(database, dict) else ""
    if isinstance(url, str) and _has_password(url):
        raise SettingsError(
            "a password does not belong in the settings file",
            where=f"{path}, line {_line(text, ('database', 'url'))}, key database.url",
            cure="set the whole address as SURVEY_DATABASE_URL, or put the password into ~/.pgpass",
        )


def _has_password(url: str) -> bool:
    try:
        return make_url(url).password is not None
    except ArgumentError:
        return False


def _explain(error: ValidationError, text: str, path: Path) -> SettingsError:
    """The first fault: which file and line (or environment variable), which key, how to mend it."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    loc = tuple(str(part) for part in first["loc"])
    key = ".".join(loc)
    line = _line(text, loc)
    variable = PREFIX + "_".join(loc).upper()
    where = (
        f"environment variable {variable}"
        if variable in os.environ or not line
        else f"{path}, line {line}, key {key}"
    )
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(loc[-1], _known(loc[:-1]), 1)
        return SettingsError(
            f"unknown setting {key!r}",
            where=where,
            cure=f"did you mean {near[0]!r}?"
            if near
            else f"known here are {', '.join(sorted(_known(loc[:-1])))}",
        )
    return SettingsError(
        f"setting {key!r} cannot be used", where=where, cure=first["msg"].removeprefix("Value error, ")
    )


def _known(section: tuple[str, ...]) -> list[str]:
    if not section:
        return list(Settings.model_fields)
    return (
        [key for key in SECTIONS[section[0]].model_fields if key != "password"]
        if section[0] in SECTIONS
        else []
    )


def _line(text: str, loc: tuple[str, ...]) -> int:
    """The line of a key (counted from 1), of its section if the key stands nowhere, or 0."""
    section, found = "", 0
    for number, row in enumerate(text.splitlines(), start=1):
        bare = row.split("#", 1)[0].strip()
        if bare.startswith("["):
            section = bare.strip("[] ")
            found = number if section == loc[0] and not found else found
        elif section == ("" if len(loc) == 1 else loc[0]) and bare.partition("=")[0].strip() == loc[-1]:
            return number
    return found


def _with_password(settings: Settings, folder: Path) -> Settings:
    """Settings with the password read from `central.password_file`, unless one was given otherwise."""
    central = settings.central
    if central.password.get_secret_value() or not central.password_file:
        return settings
    file = (folder / Path(central.password_file).expanduser()).resolve()
    inside = file.is_relative_to(folder.resolve()) or any((up / ".git").exists() for up in file.parents)
    if inside:
        raise SettingsError(
            "the password file would be copied along with the study",
            where=f"central.password_file = {central.password_file}",
            cure="move it outside this folder and outside any repository",
        )
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            "the password file cannot be read",
            where=f"central.password_file = {central.password_file}",
            cure="check the path, or set SURVEY_CENTRAL_PASSWORD",
        ) from None
    return settings.model_copy(update={"central": central.model_copy(update={"password": SecretStr(secret)})})


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
