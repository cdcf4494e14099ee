"""All tables, and what a row must be before it is written.

The database keeps what happened and what people did: submissions as Central gave them, corrections, cases,
plans, published forms, runs. Typed answers, progress, findings and panels are computed from these and have no
table. `submission`, `submission_event` and `correction` can only be added to; triggers made by the migrations
see to that (see `survey.store`). Moments are aware and stored as UTC; a naive one is refused.

SQLModel does not validate rows of tables by itself, so every row is validated when it is flushed. A change
inside a JSON value is not noticed: assign a new one. What reads and writes these tables is elsewhere.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, ValidationError
from sqlalchemy import JSON, CheckConstraint, Index, MetaData, UniqueConstraint, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper
from sqlmodel import Field, SQLModel

RUN_STATES = ("requested", "running", "done", "failed")
EVENT_KINDS = ("review", "deleted", "restored", "late")
CASE_STATUSES = ("active", "withdrawn", "died", "ineligible", "duplicate", "moved_abroad", "refused", "lost")
PLANNED_STATES = ("planned", "open", "closed")
OUTBOX_STATES = ("planned", "sent", "confirmed", "failed")

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone; pass an aware datetime")
    return moment


Moment = Annotated[datetime, AfterValidator(_aware)]


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


class Row(SQLModel):
    """What all tables share: no answer in an error message, and these values only in these columns."""

    model_config = ConfigDict(hide_input_in_errors=True)  # type: ignore[assignment]
    closed: ClassVar[Mapping[str, tuple[str, ...]]] = {}


class Run(Row, table=True):
    """One execution of a job: claimed by its key, alive while the heartbeat is fresh, with its outcome."""

    __table_args__ = (_one_of("state", RUN_STATES),)
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
    __table_args__ = (_one_of("kind", EVENT_KINDS), Index(None, "form_id", "instance_id"))
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


class Case(Row, table=True):
    """A tracked returnee: the number on the sample list, the card of the panel, the entity, the pseudonym."""

    __table_args__ = (_one_of("status", CASE_STATUSES),)
    closed: ClassVar = {"status": CASE_STATUSES}

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(unique=True)
    person_id: str = Field(unique=True)
    panel_id: str | None = Field(default=None, unique=True)
    entity_uuid: str | None = Field(default=None, unique=True)
    track: str | None = None
    frame_src: str = ""
    psu_code: str = ""
    stratum: str = ""
    incl_prob: float | None = Field(default=None, gt=0, le=1)
    recruited_on: date | None = None
    returned_on: date | None = None
    status: str = "active"


class Contact(Row, table=True):
    """Names and phones; read by `survey.cases` alone."""

    case_id: str = Field(primary_key=True, foreign_key="case.case_id")
    name: str = Field(default="", repr=False)
    phone1: str = Field(default="", repr=False)
    c1_name: str = Field(default="", repr=False)
    c1_phone: str = Field(default="", repr=False)


class Enumerator(Row, table=True):
    """A member of the field team and the app user that their tablet logs in as."""

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    label: str = Field(default="", repr=False)
    team: str = ""
    langs: str = ""
    gender: str = ""
    app_user_id: int | None = Field(default=None, unique=True)
    active: bool = True


class AppUserToken(Row, table=True):
    """The key a tablet shows to Central. Never printed, logged or exported."""

    __tablename__ = "app_user_token"

    app_user_id: int = Field(primary_key=True)
    token: str = Field(repr=False)
    made_at: Moment


class Assignment(Row, table=True):
    """A case given to an enumerator in a wave, from a day on; the latest day counts."""

    __table_args__ = (UniqueConstraint("case_id", "wave", "starts_on"),)

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.case_id", index=True)
    wave: int = Field(ge=0)
    enumerator: str = Field(foreign_key="enumerator.code", index=True)
    starts_on: date


class Planned(Row, table=True):
    """One person's window in one wave, with the rule and the facts that gave it."""

    __table_args__ = (UniqueConstraint("case_id", "wave"), _one_of("state", PLANNED_STATES))
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


class Outbox(Row, table=True):
    """Something Central must be told: planned first with our own ids, then sent until confirmed."""

    __table_args__ = (_one_of("state", OUTBOX_STATES),)
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


class Release(Row, table=True):
    """A frozen data set: where it lies and what its content digests to."""

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    folder: str
    made_at: Moment
    run_id: int | None = Field(default=None, foreign_key="run.id")


def faults(row: Row) -> list[str]:
    """What is wrong with a row, as `column: reason`, without the values."""
    try:
        type(row).model_validate({name: getattr(row, name) for name in type(row).model_fields}, strict=True)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        return [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in details]
    return [
        f"{column}: not one of {', '.join(known)}"
        for column, known in row.closed.items()
        if getattr(row, column) not in known
    ]


@event.listens_for(Row, "before_insert", propagate=True)
@event.listens_for(Row, "before_update", propagate=True)
def _validate(mapper: Mapper[Any], connection: Connection, row: Row) -> None:
    if wrong := faults(row):
        raise ValueError(f"row of table {row.__tablename__} cannot be written: {'; '.join(wrong)}")
