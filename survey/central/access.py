"""Who downloads which rows of an entity list: properties of app users, and the rule that compares them.

Central v2026.2 and later let an app user carry a value, and a list give each app user the entities with
that value. Two traps, both recorded: a rule that names something unknown answers 200 and leaves the list
without any rule, so the answer is read; of several rules any one suffices, so there is only ever one. Every
call asks before it tells, because telling the same again makes every tablet download its list once more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyodk.client import Client

from survey.errors import CentralRejected, CentralUnreachable

EXTENDED = {"X-Extended-Metadata": "true"}


@dataclass(frozen=True, slots=True)
class Rule:
    """An app user gets the entities whose `of_list` equals their own `of_user`."""

    of_list: str
    of_user: str


class Access:
    """The app-user properties and access rules of one project."""

    def __init__(self, client: Client, path: Callable[..., str]) -> None:
        self._client, self._path = client, path

    def names(self) -> list[str]:
        """The properties that app users of the project may carry.

        Raises
        ------
        CentralRejected
            With status 404 when this Central knows no such thing.
        """
        return [row["name"] for row in self._client.get(self._path("actor-properties")).json()]

    def register(self, name: str) -> bool:
        """Let app users carry `name`; False when they may already."""
        if name in self.names():
            return False
        try:
            self._client.post(self._path("actor-properties"), json={"name": name})
        except CentralRejected as error:
            if error.code != "409.3":
                raise
        except CentralUnreachable:
            if name not in self.names():
                raise
        return True

    def carried(self, name: str) -> dict[int, str]:
        """What each app user carries under `name`, by number."""
        rows = self._client.get(self._path("app-users"), headers=EXTENDED).json()
        values = {row["id"]: (row.get("properties") or {}).get(name) for row in rows}
        return {number: value for number, value in values.items() if value is not None}

    def carry(self, app_user_id: int, name: str, value: str) -> None:
        """Give an app user this value; sent again when the answer is lost, which changes nothing."""
        self._patch(self._path("app-users/{}", app_user_id), {"properties": {name: value}})

    def rules(self, entity_list: str) -> list[Rule] | None:
        """The rules of a list, each sufficient by itself; None for a list that is not there."""
        try:
            found = self._client.get(self._path("datasets/{}", entity_list)).json()
        except CentralRejected as error:
            if error.status == 404:
                return None
            raise
        return _rules(found)

    def limit(self, entity_list: str, rule: Rule) -> None:
        """Make this the one rule of a list.

        Raises
        ------
        CentralRejected
            With code "rule.lost" when Central answers well and has no such rule: the list is open to all.
        """
        wanted = {"datasetProperty": rule.of_list, "actorProperty": rule.of_user}
        body = {"accessFilter": {"type": "property", "rules": [wanted]}}
        if _rules(self._patch(self._path("datasets/{}", entity_list), body)) != [rule]:
            raise CentralRejected(
                "Central took an access rule and does not have it",
                status=200,
                code="rule.lost",
                where=entity_list,
                cure=f"see that the list has the property {rule.of_list}; run `survey publish`, then push",
            )

    def _patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = self._client.patch(path, json=body).json()
        except CentralUnreachable:
            reply = self._client.patch(path, json=body).json()
        return reply


def _rules(found: dict[str, Any]) -> list[Rule]:
    limited = found.get("accessFilter") or {}
    return [Rule(rule["datasetProperty"], rule["actorProperty"]) for rule in limited.get("rules", [])]
