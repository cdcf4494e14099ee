"""What all tables share: how a row is checked, which moments it takes, how constraints are named.

SQLModel does not validate rows of tables by itself, so every row is validated when it is flushed. Moments
are aware and stored as UTC; a naive one is refused. A change inside a JSON value is not noticed: assign a new
one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, ValidationError
from sqlalchemy import CheckConstraint, MetaData, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper
from sqlmodel import SQLModel

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


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


class Row(SQLModel):
    """What all tables share: no answer in an error message, and these values only in these columns."""

    model_config = ConfigDict(hide_input_in_errors=True)  # type: ignore[assignment]
    closed: ClassVar[Mapping[str, tuple[str, ...]]] = {}


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
