"""All tables, by subject, and what a row must be before it is written.

The database keeps what happened and what people did: submissions as Central gave them, corrections, cases,
plans, published forms, runs. Typed answers, progress, findings and panels are computed from these and have no
table. What reads and writes these tables is elsewhere.
"""

from survey.models.base import Row, faults, metadata
from survey.models.collected import (
    EVENT_KINDS,
    AttachedList,
    Correction,
    FormVersion,
    Redaction,
    Submission,
    SubmissionEvent,
    SyncMark,
)
from survey.models.field import (
    HANDOVER_STATES,
    LINK_STATES,
    VERDICTS,
    CaseChange,
    Coupon,
    HandoverStep,
    HouseholdLink,
    LateRuling,
)
from survey.models.people import CASE_STATUSES, AppUserToken, Assignment, Case, Contact, Enumerator
from survey.models.work import (
    OUTBOX_STATES,
    PLAN_CHANGES,
    PLANNED_STATES,
    RUN_STATES,
    AdoptedPlan,
    Outbox,
    PlanChange,
    Planned,
    Release,
    Run,
    TabletCheck,
)

__all__ = [
    "CASE_STATUSES",
    "EVENT_KINDS",
    "HANDOVER_STATES",
    "LINK_STATES",
    "OUTBOX_STATES",
    "PLANNED_STATES",
    "PLAN_CHANGES",
    "RUN_STATES",
    "VERDICTS",
    "AdoptedPlan",
    "AppUserToken",
    "Assignment",
    "AttachedList",
    "Case",
    "CaseChange",
    "Contact",
    "Correction",
    "Coupon",
    "Enumerator",
    "FormVersion",
    "HandoverStep",
    "HouseholdLink",
    "LateRuling",
    "Outbox",
    "PlanChange",
    "Planned",
    "Redaction",
    "Release",
    "Row",
    "Run",
    "Submission",
    "SubmissionEvent",
    "SyncMark",
    "TabletCheck",
    "faults",
    "metadata",
]
