"""What the platform does by itself, a few lines each over `survey`: the score that the timetable plays.

Jobs reconcile, they do not react: each makes good what is missing at the moment it runs, so that a missed
tick, a doubled tick and a run by hand are the same thing. A job takes the study and the time and returns what
it counted; the journal keeps that. What a job decides is decided in `survey`; when it runs, in the timetable.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from survey.app import App

Outcome = Mapping[str, Any]
Job = Callable[[App, datetime], Outcome]
JOBS: dict[str, Job] = {}


def job(name: str) -> Callable[[Job], Job]:
    """Enter a function under the name that the timetable calls it by."""

    def enter(function: Job) -> Job:
        JOBS[name] = function
        return function

    return enter
