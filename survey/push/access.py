"""Access: one rule by one property, so that a tablet downloads the cases of its enumerator and no others.

App users carry their enumerator's code under `enumerator`; each list gives an app user the entities whose
`assigned` is that code, the same word by which the forms filter their choices. The rule narrows what is
downloaded and never what may be submitted. Who carries nothing downloads nothing, so the order of sending
(name, values, rules, only then the forms) errs on the safe side at every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from instruments.findings import Finding
from survey.central import Central, Rule
from survey.errors import CentralRejected
from survey.outbox import LISTS, Told, Write

PROPERTY = "enumerator"
RULE = Rule("assigned", PROPERTY)


def access_writes(team: Iterable[str], lists: Iterable[str] = tuple(LISTS)) -> list[Write]:
    """How access to the lists should stand: the name, each enumerator's value, each list's rule."""
    writes = [Write("property", PROPERTY, {"name": PROPERTY})]
    writes += [Write("value", code, {"enumerator": code, "name": PROPERTY, "value": code}) for code in team]
    rule = {"of_list": RULE.of_list, "of_user": RULE.of_user}
    return writes + [Write("access", name, {"list": name, **rule}) for name in lists]


def strayed(
    central: Central,
    wanted: Sequence[Write],
    told: Mapping[tuple[str, str], Told],
    users: Mapping[str, int],
) -> tuple[list[tuple[int, Write]], list[Finding]]:
    """What was told and does not stand any more: rules, values, states, assignments changed in Central.

    Each comes with its next place in the series, as `survey.outbox.enqueue` takes it.
    """
    standing = _standing(central, {write.kind for write in wanted}, users)
    again = []
    for write in wanted:
        last = told.get((write.kind, write.subject))
        if last is None or not last.settled or dict(last.payload) != dict(write.payload):
            continue
        if not _stands(write, standing):
            again.append((last.number + 1, write))
    return again, [_changed(write) for _, write in again]


def _standing(central: Central, kinds: set[str], users: Mapping[str, int]) -> dict[tuple[str, str], Any]:
    """How Central stands in what can be asked at little cost; what it has not at all is left out."""
    found: dict[tuple[str, str], Any] = {}
    if "form_state" in kinds:
        found |= {("form_state", form): state for form, state in central.form_states().items()}
    if "assignment" in kinds:
        found |= {("assignment", code): given for code, given in _given(central, users).items()}
    if "access" in kinds:
        rules = {name: central.access.rules(name) for name in LISTS}
        found |= {("access", name): rule for name, rule in rules.items() if rule is not None}
        try:
            found["property", PROPERTY] = PROPERTY in central.access.names()
        except CentralRejected as error:
            if error.status != 404:
                raise
            return found
        carried = central.access.carried(PROPERTY)
        found |= {("value", code): carried.get(number) for code, number in users.items()}
    return found


def _given(central: Central, users: Mapping[str, int]) -> dict[str, frozenset[str]]:
    """The forms that each enumerator's app user may fill."""
    pairs = central.assignments()
    return {
        code: frozenset(form for form, actor in pairs if actor == number) for code, number in users.items()
    }


def _stands(write: Write, standing: Mapping[tuple[str, str], Any]) -> bool:
    """Whether Central is as this says; what was not asked for is taken to be."""
    if write.kind == "assignment":
        given = standing.get(("assignment", write.payload["enumerator"]))
        return given is None or write.payload["form"] in given
    asked = (write.kind, write.subject)
    said = {
        "form_state": write.payload.get("state"),
        "property": True,
        "value": write.payload.get("value"),
        "access": [RULE],
    }
    return asked not in standing or standing[asked] == said[write.kind]


def _changed(write: Write) -> Finding:
    message = "this did not stand in Central any more; it was told again. Ask who has rights in the project."
    return Finding("warning", "push.changed", f"central/{write.kind}/{write.subject}", message)
