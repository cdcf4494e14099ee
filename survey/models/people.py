"""The people who are followed and those who follow them: cases, contacts, the team, who has whom."""

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field

from survey.models.base import Moment, Row, one_of

CASE_STATUSES = ("active", "withdrawn", "died", "ineligible", "duplicate", "moved_abroad", "refused", "lost")


class Case(Row, table=True):
    """A tracked returnee: the number on the sample list, the card of the panel, the entity, the pseudonym."""

    __table_args__ = (one_of("status", CASE_STATUSES),)
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
    sample: str = ""  # which sample the case came in with, where there is more than one
    gender: str = ""
    language: str = ""
    wish: str = ""  # the gender of interviewer that the person asked for


class Contact(Row, table=True):
    """Names and phones; read by `survey.cases` and `survey.sample.register` alone."""

    case_id: str = Field(primary_key=True, foreign_key="case.case_id")
    name: str = Field(default="", repr=False)
    commune: str = Field(default="", repr=False)
    listed_phone: str = Field(default="", repr=False)  # as on the sample list; phone1 is the newest told
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
    areas: str = ""
    capacity: int | None = Field(default=None, ge=0)
    app_user_id: int | None = Field(default=None, unique=True)
    active: bool = True


class AppUserToken(Row, table=True):
    """The key a tablet shows to Central. Never printed, logged or exported."""

    __tablename__ = "app_user_token"

    app_user_id: int = Field(primary_key=True)
    token: str = Field(repr=False)
    made_at: Moment


class Assignment(Row, table=True):
    """A case given to an enumerator in a wave from a day on, and why. Append-only; the last counts."""

    __table_args__ = (UniqueConstraint("case_id", "wave", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="case.case_id", index=True)
    wave: int = Field(ge=0)
    number: int = Field(default=1, ge=1)  # its place among the assignments of this case in this wave
    enumerator: str = Field(foreign_key="enumerator.code", index=True)
    starts_on: date
    made_at: Moment | None = None
    made_by: str = "rules"
    why: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
