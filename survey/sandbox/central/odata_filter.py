"""`$filter` and `$orderby` as SQL.

Only Central's own columns can be filtered. Comparisons with null follow Central (`eq null` finds empty
values, `ne` counts null as different), and naming `deletedAt` is what lets deleted rows through. A value
the database could not read is Central's bare 500.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from survey.sandbox.central import problems
from survey.sandbox.central.storage import iso

SUBMISSION_COLUMNS = {
    "__id": "submission.instanceId",
    "__system/submissionDate": "submission.createdAt",
    "__system/updatedAt": "submission.updatedAt",
    "__system/deletedAt": "submission.deletedAt",
    "__system/submitterId": "submission.submitterId",
    "__system/reviewState": "submission.reviewState",
}
SUBTABLE_COLUMNS = {f"$root/Submissions/{name}": column for name, column in SUBMISSION_COLUMNS.items()}
ENTITY_COLUMNS = {
    "__id": "entity.uuid",
    "__system/createdAt": "entity.createdAt",
    "__system/updatedAt": "entity.updatedAt",
    "__system/deletedAt": "entity.deletedAt",
    "__system/creatorId": "entity.creatorId",
    "__system/conflict": "entity.conflict",
}
SIGNS = {"eq": "is", "ne": "is not", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
PARTS = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S"}
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<word>[^\s(),']+))"
)
LITERAL = re.compile(r"^(?:null|true|false|[+-]?\d[\w.:+-]*)$")


@dataclass(frozen=True, slots=True)
class Selection:
    """A condition in SQL with its values."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    at: int
    end: int


@dataclass(slots=True)
class _Reader:
    """Reads an expression from left to right; `values` collects the values of the SQL it gives."""

    tokens: list[_Token]
    columns: Mapping[str, str]
    today: datetime
    values: list[object] = field(default_factory=list)
    place: int = 0
    names_deleted: bool = False

    def peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def word(self, *words: str) -> bool:
        token = self.peek()
        if token is not None and token.kind == "word" and token.text in words:
            self.place += 1
            return True
        return False

    def fail(self) -> problems.Problem:
        last = self.tokens[self.place - 1].end if self.place else 0
        token = self.peek()
        return problems.bad_filter(f"Unexpected character at {token.at if token else last}")

    def either(self) -> str:
        left = self.both()
        while self.word("or"):
            left = f"({left} or {self.both()})"
        return left

    def both(self) -> str:
        left = self.single()
        while self.word("and"):
            left = f"({left} and {self.single()})"
        return left

    def single(self) -> str:
        if self.word("not"):
            return f"(not {self.single()})"
        token = self.peek()
        if token is not None and token.kind == "open":
            self.place += 1
            inner = self.either()
            self.close()
            return inner
        return self.comparison()

    def close(self) -> None:
        token = self.peek()
        if token is None or token.kind != "close":
            raise self.fail()
        self.place += 1

    def comparison(self) -> str:
        left = self.operand()
        after = self.tokens[self.place - 1].end
        token = self.peek()
        if token is None or token.text not in SIGNS:
            raise problems.bad_filter(f"Unexpected character at {token.at if token else after}")
        self.place += 1
        if self.peek() is None:
            raise problems.bad_filter(f"Unexpected character at {after}")
        sides = [left, self.operand()]
        dated = any(kind == "date" for kind, _ in sides)
        numbered = any(kind == "number" for kind, _ in sides)
        shown = [self.shown(side, dated=dated, numbered=numbered) for side in sides]
        return f"({shown[0]} {SIGNS[token.text]} {shown[1]})"

    def operand(self) -> tuple[str, str]:
        """A column, a part of a date, or a literal, with its kind."""
        token = self.peek()
        if token is None or token.kind not in ("word", "text"):
            raise self.fail()
        self.place += 1
        if token.kind == "text":
            return "literal", token.text[1:-1]
        following = self.peek()
        if following is not None and following.kind == "open" and following.at == token.end:
            return self.call(token)
        if token.text in self.columns:
            column = self.columns[token.text]
            self.names_deleted |= token.text.endswith("deletedAt")
            kind = "date" if column.endswith("At") else "number" if column.endswith("Id") else "text"
            return ("text" if column.endswith("instanceId") else kind), column
        if LITERAL.match(token.text):
            return ("null", "null") if token.text == "null" else ("literal", token.text)
        raise problems.unsupported_field(token.text, token.at)

    def call(self, token: _Token) -> tuple[str, str]:
        self.place += 1
        if token.text == "now":
            raise problems.broken()
        if token.text not in PARTS:
            raise problems.unsupported_expression("MethodCallExpression", token.at, token.text)
        kind, column = self.operand()
        self.close()
        if kind != "date":
            raise problems.broken()
        return "number", f"cast(strftime('{PARTS[token.text]}', {column}) as integer)"

    def shown(self, side: tuple[str, str], *, dated: bool, numbered: bool) -> str:
        kind, text = side
        if kind != "literal":
            return text
        if dated:
            self.values.append(_moment(text, self.today))
        elif numbered:
            if not re.fullmatch(r"[+-]?\d+", text):
                raise problems.broken()
            self.values.append(int(text))
        else:
            self.values.append(text)
        return "?"


def _moment(text: str, today: datetime) -> str:
    """A date as PostgreSQL would read it, in the stored form."""
    midnight = today.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"yesterday": -1, "today": 0, "tomorrow": 1}
    if text in words:
        return iso(midnight + timedelta(days=words[text]))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise problems.broken() from None
    return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def selection(text: str | None, columns: Mapping[str, str], today: datetime) -> Selection:
    """The rows a $filter selects, without deleted ones unless it names deletedAt."""
    deleted = next(column for name, column in columns.items() if name.endswith("deletedAt"))
    live = f"{deleted} is null"
    if not text:
        return Selection(live)
    reader = _Reader(_tokens(text), columns, today)
    sql = reader.either()
    if reader.peek() is not None:
        raise reader.fail()
    return Selection(sql if reader.names_deleted else f"({sql}) and {live}", tuple(reader.values))


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise problems.bad_filter(f"Unexpected character at {at}")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind), match.end()))
        at = match.end()
    return tokens


def ordering(text: str | None, columns: Mapping[str, str], stable: str) -> str | None:
    """An $orderby as SQL, ties by number in the direction of its first column; None if there is none."""
    if not text:
        return None
    clauses, first = [], ""
    for part in text.split(","):
        name, _, way = part.strip().partition(" ")
        if name not in columns:
            raise problems.unsupported_field(name)
        if way.strip().lower() not in ("", "asc", "desc"):
            raise problems.unsupported_field(way.strip())
        direction = "desc nulls last" if way.strip().lower() == "desc" else "asc nulls first"
        first = first or direction
        clauses.append(f"{columns[name]} {direction}")
    return ", ".join([*clauses, f"{stable} {first}"])
