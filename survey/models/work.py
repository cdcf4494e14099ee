"""What is to be done and what was done: windows and plans, messages to Central, runs, releases."""

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from survey.models.base import Moment, Row, one_of

RUN_STATES = ("requested", "running", "done", "failed")
PLANNED_STATES = ("planned", "open", "closed")
PLAN_CHANGES = ("moved", "dropped")
OUTBOX_STATES = ("planned", "sent", "confirmed", "failed")


class Run(Row, table=True):
    """One execution of a job: claimed by its key, alive while the heartbeat is fresh, with its outcome."""

    __table_args__ = (one_of("state", RUN_STATES),)
    closed: ClassVar = {"state": RUN_STATES}

    id: int | None = Field(default=None, primary_key=True)
    job: str = Field(index=True)
    key: str = Field(unique=True)
    state: str = "requested"
    asked_at: Moment | None = None
    started_at: Moment | None = None
    heartbeat_at: Moment | None = None
    finished_at: Moment | None = None
    outcome: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    error: str = ""


class Planned(Row, table=True):
    """One person's window in one wave, with the rule and the facts that gave it."""

    __table_args__ = (UniqueConstraint("case_id", "wave"), one_of("state", PLANNED_STATES))
    closed: ClassVar = {"state": PLANNED_STATES}

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.case_id")
    wave: int = Field(ge=0)
    opens: date
    due: date
    closes: date
    form: str
    state: str = "planned"
    why: str = ""
    made_at: Moment


class PlanChange(Row, table=True):
    """Where a window stood before it was moved or dropped, and why, by whom and when it was. Append-only."""

    __tablename__ = "plan_change"
    __table_args__ = (one_of("change", PLAN_CHANGES),)
    closed: ClassVar = {"change": PLAN_CHANGES}

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.case_id", index=True)
    wave: int = Field(ge=0)
    change: str
    opens: date
    due: date
    closes: date
    form: str
    was: str = ""
    why: str
    who: str
    at: Moment


class AdoptedPlan(Row, table=True):
    """A plan of waves that the study works by from a moment on; the newest counts. Append-only."""

    __tablename__ = "adopted_plan"

    id: int | None = Field(default=None, primary_key=True)
    text: str = Field(repr=False)
    why: str
    who: str
    at: Moment


class Outbox(Row, table=True):
    """Something Central must be told: planned first with our own ids, then sent until confirmed."""

    __table_args__ = (one_of("state", OUTBOX_STATES),)
    closed: ClassVar = {"state": OUTBOX_STATES}

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    key: str = Field(unique=True)
    case_id: str | None = Field(default=None, foreign_key="case.case_id", index=True)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, repr=False)
    state: str = Field(default="planned", index=True)
    attempts: int = Field(default=0, ge=0)
    error: str = ""
    made_at: Moment
    sent_at: Moment | None = None


class TabletCheck(Row, table=True):
    """What one tablet could download of a list, beside what it should: cases too many, missing, different."""

    __tablename__ = "tablet_check"

    id: int | None = Field(default=None, primary_key=True)
    enumerator: str = Field(foreign_key="enumerator.code", index=True)
    entity_list: str
    at: Moment
    expected: int = Field(default=0, ge=0)
    held: int = Field(default=0, ge=0)
    too_much: list[str] = Field(default_factory=list, sa_type=JSON)
    too_little: list[str] = Field(default_factory=list, sa_type=JSON)
    other: list[str] = Field(default_factory=list, sa_type=JSON)
    reason: str = ""
    run_id: int | None = Field(default=None, foreign_key="run.id")


class Release(Row, table=True):
    """A frozen data set: where it lies and what its content digests to."""

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    folder: str
    made_at: Moment
    run_id: int | None = Field(default=None, foreign_key="run.id")
