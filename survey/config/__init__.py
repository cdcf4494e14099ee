"""Settings of a study: survey.toml, with the environment on top.

A study is a folder with a `survey.toml`. Every key can also come from the environment, which wins, as
SURVEY_<SECTION>_<KEY> (SURVEY_DATABASE_URL). Secrets never stand in the file: the Central password comes from
SURVEY_CENTRAL_PASSWORD or from a file outside the study folder and outside any repository, named by
`central.password_file`. Unknown keys are refused, since a misspelt key would be a setting silently lost.
What the keys mean is said once, in their descriptions (`sections`); `settings_text` prints them as comments.
"""

from survey.config.reading import load_settings
from survey.config.sections import (
    PREFIX,
    SECTIONS,
    TIMETABLE,
    AssignmentRules,
    CentralSettings,
    Database,
    Log,
    Recruiting,
    Settings,
    Study,
)
from survey.config.text import settings_text

FILE = "survey.toml"

__all__ = [
    "FILE",
    "PREFIX",
    "SECTIONS",
    "TIMETABLE",
    "AssignmentRules",
    "CentralSettings",
    "Database",
    "Log",
    "Recruiting",
    "Settings",
    "Study",
    "load_settings",
    "settings_text",
]
