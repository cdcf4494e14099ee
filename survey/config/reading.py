"""Reading settings: the file, the environment over it, and what is wrong said with file, line and key."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from survey.config.sections import PREFIX, SECTIONS, Settings
from survey.errors import SettingsError


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
