"""What Central gave us and what was made of it by hand: forms, submissions, events, corrections, redactions.

`submission`, `submission_event`, `correction` and `attached_list` can only be added to; triggers made by the
migrations see to that (see `survey.store`).
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field

from survey.models.base import Moment, Row, one_of

EVENT_KINDS = ("review", "deleted", "restored", "late")


class FormVersion(Row, table=True):
    """A form as it was published, with its text, so that old answers decode as they were asked."""

    __tablename__ = "form_version"
    __table_args__ = (UniqueConstraint("form_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    form_id: str
    version: str
    digest: str
    title: str = ""
    sheets: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    published_at: Moment
    run_id: int | None = Field(default=None, foreign_key="run.id")


class AttachedList(Row, table=True):
    """One content of a code list attached to forms, from the day Central was given it. Append-only."""

    __tablename__ = "attached_list"

    id: int | None = Field(default=None, primary_key=True)
    file: str = Field(index=True)
    sha256: str
    text: str
    published_at: Moment
    run_id: int | None = Field(default=None, foreign_key="run.id")


class SyncMark(Row, table=True):
    """How far a form has been read: Central's own time of the newest change seen in a complete listing."""

    __tablename__ = "sync_mark"

    form_id: str = Field(primary_key=True)
    since: Moment
    full_at: Moment | None = None
    run_id: int | None = Field(default=None, foreign_key="run.id")


class Redaction(Row, table=True):
    """The tombstone of a withdrawal: whose payloads were blanked, when, by whom and why. Never changed."""

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(index=True)
    at: Moment
    who: str
    why: str
    submissions: int = 0


class Submission(Row, table=True):
    """One edit of one instance, as Central gave it. Append-only; a redacted one names its tombstone."""

    __table_args__ = (
        UniqueConstraint("form_id", "instance_id", "digest"),
        Index(None, "form_id", "form_version"),
    )

    id: int | None = Field(default=None, primary_key=True)
    form_id: str
    instance_id: str = Field(index=True)
    edit: int = Field(default=0, ge=0)
    form_version: str
    xml: str = Field(repr=False)
    digest: str
    meta: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, repr=False)
    submitted_at: Moment
    received_at: Moment
    run_id: int | None = Field(default=None, foreign_key="run.id")
    redaction_id: int | None = Field(default=None, foreign_key="redaction.id")


class SubmissionEvent(Row, table=True):
    """What became of a submission in Central later: reviewed, deleted, restored, attachment late."""

    __tablename__ = "submission_event"
    __table_args__ = (one_of("kind", EVENT_KINDS), Index(None, "form_id", "instance_id"))
    closed: ClassVar = {"kind": EVENT_KINDS}

    id: int | None = Field(default=None, primary_key=True)
    form_id: str
    instance_id: str
    kind: str
    meta: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, repr=False)
    seen_at: Moment
    run_id: int | None = Field(default=None, foreign_key="run.id")
    redaction_id: int | None = Field(default=None, foreign_key="redaction.id")


class Correction(Row, table=True):
    """A recorded human change to one value; the raw answer stays as it is. Append-only."""

    id: int | None = Field(default=None, primary_key=True)
    instance_id: str = Field(index=True)
    variable: str
    old: str = Field(repr=False)
    new: str = Field(repr=False)
    who: str
    why: str = Field(repr=False)
    at: Moment
    redaction_id: int | None = Field(default=None, foreign_key="redaction.id")
