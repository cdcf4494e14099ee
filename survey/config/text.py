"""A settings file as text: every key with its comment, and the values given in it."""

from collections.abc import Mapping
from typing import Any

from survey.config.sections import SECTIONS, TIMETABLE


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


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
