"""Plan: which form is due when, as dates that follow from a person's return and recruitment.

Pure dates: who is assigned, interviewed or lost is not known here. `months` adds them, `tracks` is a plan in
memory, `reading` takes it from `plan.toml`, `blackouts` are days on which nobody is visited, `windows` lays
out the waves of one person.
"""

from instruments.plan.blackouts import Blackout, Blackouts, BlackoutsError, read_blackouts
from instruments.plan.months import add_months, century_month, months_between
from instruments.plan.reading import PLAN, from_text, load_plan, to_text
from instruments.plan.tracks import Effort, PlanError, Track, Wave, WavePlan
from instruments.plan.windows import Layout, Window, lay_out, windows

__all__ = [
    "PLAN",
    "Blackout",
    "Blackouts",
    "BlackoutsError",
    "Effort",
    "Layout",
    "PlanError",
    "Track",
    "Wave",
    "WavePlan",
    "Window",
    "add_months",
    "century_month",
    "from_text",
    "lay_out",
    "load_plan",
    "months_between",
    "read_blackouts",
    "to_text",
    "windows",
]
