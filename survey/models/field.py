"""What people decided about cases in the field: changed samples, hand-overs, late work, coupons, households.

Every table here can only be added to; the last row on a subject says how it stands. Triggers made by the
migrations see to that. No row holds a name, a phone number or an answer.
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from survey.models.base import Moment, Row, one_of

HANDOVER_STATES = ("frozen", "released", "moved", "cancelled")
VERDICTS = ("accepted", "rejected")
LINK_STATES = ("linked", "parted")


class CaseChange(Row, table=True):
    """A value of the sample that a later list put right; of a name, phone or commune only that it changed."""

    __tablename__ = "case_change"

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.case_id", index=True)
    variable: str
    before: str = ""
    after: str = ""
    source: str
    at: Moment


class HandoverStep(Row, table=True):
    """One step of a case on its way from one enumerator to another."""

    __tablename__ = "handover_step"
    __table_args__ = (UniqueConstraint("case_id", "number", "state"), one_of("state", HANDOVER_STATES))
    closed: ClassVar = {"state": HANDOVER_STATES}

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.case_id", index=True)
    number: int = Field(default=1, ge=1)  # counted within the case
    state: str
    former: str = Field(foreign_key="enumerator.code")
    successor: str | None = Field(default=None, foreign_key="enumerator.code")  # none: the rules choose
    who: str
    why: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    at: Moment


class LateRuling(Row, table=True):
    """What a named person decided about work that came from a former enumerator after a hand-over."""

    __tablename__ = "late_ruling"
    __table_args__ = (one_of("verdict", VERDICTS),)
    closed: ClassVar = {"verdict": VERDICTS}

    id: int | None = Field(default=None, primary_key=True)
    form_id: str
    instance_id: str = Field(index=True)
    verdict: str
    who: str
    why: str
    at: Moment


class Coupon(Row, table=True):
    """An invitation that a panel member may hand on: its code, whose it is, when it was issued."""

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    case_id: str = Field(foreign_key="case.case_id", index=True)
    issued_at: Moment
    issued_by: str


class HouseholdLink(Row, table=True):
    """Two cases that live in one household, or no longer do; the smaller number of the two comes first."""

    __tablename__ = "household_link"
    __table_args__ = (CheckConstraint("case_a < case_b", name="order"), one_of("state", LINK_STATES))
    closed: ClassVar = {"state": LINK_STATES}

    id: int | None = Field(default=None, primary_key=True)
    case_a: str = Field(foreign_key="case.case_id", index=True)
    case_b: str = Field(foreign_key="case.case_id", index=True)
    state: str
    who: str
    why: str
    at: Moment
