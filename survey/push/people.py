"""People: sending what concerns app users (who they are, what they may fill and see) and states of forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlmodel import Session, col, select

from instruments.findings import Finding
from survey.central import Rule
from survey.errors import CentralRejected
from survey.models import AppUserToken, Enumerator, Outbox
from survey.push.wire import Outcome, Sender, Wire


def _property_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    def send(row: Outbox) -> Outcome:
        try:
            made = wire.central.access.register(row.payload["name"])
        except CentralRejected as error:
            if error.status != 404:
                raise
            return "waiting", [_unsupported(row)]
        return "sent" if made else "standing", []

    return send


def _user_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    session = wire.session

    def send(row: Outbox) -> Outcome:
        user = wire.central.create_app_user(row.payload["name"])
        code = col(Enumerator.code) == row.payload["name"]
        enumerator = session.exec(select(Enumerator).where(code)).one()
        enumerator.app_user_id = int(user["id"])
        session.add(enumerator)
        if session.get(AppUserToken, enumerator.app_user_id) is None:
            token = AppUserToken(app_user_id=enumerator.app_user_id, token=user["token"], made_at=wire.now)
            session.add(token)
        return "sent", []

    return send


def _value_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    users, supported = users_of(wire.session), not unsettled(wire.session, "property")
    carried = wire.central.access.carried(rows[0].payload["name"]) if supported else {}

    def send(row: Outbox) -> Outcome:
        number = users.get(row.payload["enumerator"])
        if number is None or not supported:
            return "waiting", []
        if carried.get(number) == row.payload["value"]:
            return "standing", []
        wire.central.access.carry(number, row.payload["name"], row.payload["value"])
        return "sent", []

    return send


def _access_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    supported = not unsettled(wire.session, "property")

    def send(row: Outbox) -> Outcome:
        rule = Rule(row.payload["of_list"], row.payload["of_user"])
        standing = wire.central.access.rules(row.payload["list"])
        if standing is None or not supported:
            return "waiting", []
        if standing == [rule]:
            return "standing", []
        wire.central.access.limit(row.payload["list"], rule)
        return "sent", []

    return send


def _assignment_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    users = users_of(wire.session)
    open_to_all = unsettled(wire.session, "access")

    def send(row: Outbox) -> Outcome:
        actor = users.get(row.payload["enumerator"])
        if actor is None or open_to_all:
            return "waiting", []
        wire.central.assign(row.payload["form"], actor)
        return "sent", []

    return send


def _state_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    standing = wire.central.form_states()

    def send(row: Outbox) -> Outcome:
        form, state = row.payload["form"], row.payload["state"]
        if form not in standing:
            return "waiting", []
        if standing[form] == state:
            return "standing", []
        wire.central.form_state(form, state)
        return "sent", []

    return send


SENDERS: dict[str, Callable[[Wire, Sequence[Outbox]], Sender]] = {
    "property": _property_sender,
    "app_user": _user_sender,
    "value": _value_sender,
    "access": _access_sender,
    "assignment": _assignment_sender,
    "form_state": _state_sender,
}


def users_of(session: Session) -> dict[str, int]:
    """The app users of the team, by enumerator; who has none yet is left out."""
    pairs = session.exec(select(Enumerator.code, Enumerator.app_user_id)).all()
    return {code: number for code, number in pairs if number is not None}


def unsettled(session: Session, kind: str) -> bool:
    """Whether something of a kind is planned that Central does not have."""
    query = select(Outbox.id).where(Outbox.kind == kind, Outbox.state != "confirmed")
    return session.exec(query.limit(1)).first() is not None


def _unsupported(row: Outbox) -> Finding:
    message = (
        "this Central cannot limit lists to an enumerator's own cases (v2026.2 can), so nobody new gets a "
        "form; bring Central up to date, or set central.access_rule = false: tablets then hold all cases."
    )
    return Finding("error", "access.unsupported", f"outbox/{row.key}", message)
