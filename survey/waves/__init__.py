"""Waves: the planned window of every case in every wave, how it came about, and where it stands on a day.

`planning` lays the windows out and keeps what it replaces, `adopted` says which plan the study works by,
`states` opens and closes windows, `history` tells what they were, `workload` adds up what they ask of the
field. Dates come from `instruments.plan`; who is visited and by whom is the matter of `survey.cases`.
"""

from survey.waves.adopted import adopt, working_plan
from survey.waves.history import history
from survey.waves.planning import (
    Anchor,
    Change,
    Outcome,
    lay_out_all,
    layout_of,
    plan_case,
    plan_issued,
    track_of,
)
from survey.waves.states import Standing, forms_open, move, open_rows, state_on, table
from survey.waves.workload import WEEKS, Load, Place, compared, workload

__all__ = [
    "WEEKS",
    "Anchor",
    "Change",
    "Load",
    "Outcome",
    "Place",
    "Standing",
    "adopt",
    "compared",
    "forms_open",
    "history",
    "lay_out_all",
    "layout_of",
    "move",
    "open_rows",
    "plan_case",
    "plan_issued",
    "state_on",
    "table",
    "track_of",
    "working_plan",
    "workload",
]
