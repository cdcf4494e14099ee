"""Tables: what a row must be before it is written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from survey.models import (
    AppUserToken,
    Case,
    Contact,
    Correction,
    Enumerator,
    Planned,
    Row,
    Run,
    Submission,
    faults,
    metadata,
)

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
NAIVE = datetime(2026, 3, 2, 8, 30)


def tables() -> list[type[Row]]:
    return Row.__subclasses__()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Run(job="sync", key="k", started_at=NAIVE), "started_at"),
        (Run(job="sync", key="k", started_at="yesterday"), "started_at"),
        (Run(job="sync", key="k", state="asleep"), "state: not one of requested, running, done, failed"),
        (Run(key="k"), "job"),
        (Case(case_id="1", person_id="P1", incl_prob=1.5), "incl_prob"),
        (Case(case_id="1", person_id="P1", recruited_on=NOW), "recruited_on"),
        (Planned(case_id="1", wave=-1), "wave"),
    ],
)
def test_a_row_that_is_wrong_is_refused_by_column(session: Session, row: Row, told: str):
    session.add(row)
    with pytest.raises(ValueError, match="cannot be written") as caught:
        session.commit()
    assert told in str(caught.value)


def test_a_change_is_looked_at_like_a_new_row(session: Session):
    run = Run(job="sync", key="k")
    session.add(run)
    session.commit()
    run.heartbeat_at = NAIVE
    with pytest.raises(ValueError, match="time zone"):
        session.commit()


def test_a_refusal_does_not_repeat_the_value(session: Session):
    session.add(Correction(instance_id="a", variable="phone", old=912345678, new="", who="w", why="", at=NOW))
    with pytest.raises(ValueError, match="old: ") as caught:
        session.commit()
    assert "912345678" not in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        Contact(case_id="1", name="Hoa", phone1="0912"),
        AppUserToken(app_user_id=1, token="t0ken", made_at=NOW),
        Enumerator(code="E1", label="Hoa"),
        Submission(form_id="f", instance_id="a", form_version="1", xml="<a>Hoa</a>", digest="d"),
    ],
)
def test_names_answers_and_tokens_show_in_no_repr(row: Row):
    assert not any(secret in repr(row) for secret in ("Hoa", "0912", "t0ken"))


def test_moments_come_back_aware_in_utc_on_both_databases(each_engine: Engine):
    hanoi = NOW.astimezone(timezone(timedelta(hours=7)))
    with Session(each_engine) as session:
        session.add(Run(job="sync", key="k", started_at=hanoi))
        session.commit()
        session.expire_all()
        back = session.exec(select(Run)).one().started_at
    assert back is not None
    assert (back, back.utcoffset()) == (NOW, timedelta(0))


def test_the_database_itself_refuses_what_slips_by_the_models(each_engine: Engine):
    with each_engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(
            text("INSERT INTO run (job, key, state, outcome, error) VALUES ('a', 'b', 'asleep', '{}', '')")
        )


def test_a_row_that_belongs_to_nobody_is_refused(each_engine: Engine):
    with Session(each_engine) as session:
        session.add(Contact(case_id="404", name="x"))
        with pytest.raises(IntegrityError) as caught:
            session.commit()
    assert "'x'" not in str(caught.value)


def test_json_keeps_the_order_of_its_keys_on_both_databases(each_engine: Engine):
    with Session(each_engine) as session:
        session.add(Run(job="sync", key="k", outcome={"b": 1, "a": {"z": 1, "y": 2}}))
        session.commit()
        session.expire_all()
        assert list(session.exec(select(Run)).one().outcome) == ["b", "a"]


def test_every_closed_column_is_closed_in_the_database_too():
    for table in tables():
        checks = {str(c.name) for c in metadata.tables[str(table.__tablename__)].constraints}
        assert {f"ck_{table.__tablename__}_{column}" for column in table.closed} <= checks


def test_a_sound_row_has_no_faults():
    assert faults(Run(job="sync", key="k", asked_at=NOW)) == []
