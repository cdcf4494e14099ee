"""The OData addresses of submissions: documents, the table, one row, and the tables of repeats.

Always under the newest published fields, whatever version a row was answered under. The entity tag covers row
events only: a new form version or a late photo does not change it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from survey.sandbox.central import odata, problems
from survey.sandbox.central.addresses import definition_of, form_of, found, published_of
from survey.sandbox.central.exchange import Call, Reply, Room
from survey.sandbox.central.odata_filter import (
    SUBMISSION_COLUMNS,
    SUBTABLE_COLUMNS,
    Selection,
    ordering,
    selection,
)
from survey.sandbox.central.odata_rows import Node, Rows, rows, table_name, tree
from survey.sandbox.central.odata_schema import form_schema, system_schema
from survey.sandbox.central.sessions import require_user
from survey.sandbox.central.storage import Row
from survey.sandbox.central.submissions import event_tag
from survey.sandbox.central.xform import Field, read

room = Room()

FORM = "/projects/{project}/forms/{form}"
SERVICES = (f"{FORM}.svc", f"{FORM}/draft.svc")
KEY = re.compile(r"^'((?:uuid:)?[A-Za-z0-9-]+)'$")
Repeated = tuple[str, str, dict[str, Any]]

NEWEST = "submission.createdAt desc, submission.id desc"


@dataclass(frozen=True, slots=True)
class Source:
    """A form under its newest fields, its draft if that was asked for."""

    form: Row
    fields: tuple[Field, ...]
    draft: bool


def _source(call: Call) -> Source:
    form = form_of(call)
    draft = "/draft.svc" in call.path
    definition = found(definition_of(call, form)) if draft else published_of(call, form)
    require_user(call)
    return Source(form, read(definition["xml"]).fields, draft)


# documents
@room.on("GET", *SERVICES, kind="odata")
def service(call: Call) -> Reply:
    repeats = [table_name(f.path) for f in _source(call).fields if f.type == "repeat"]
    return odata.service_document(call, ["Submissions", *repeats])


@room.on("GET", *(f"{service}/$metadata" for service in SERVICES), kind="odata-xml")
def metadata(call: Call) -> Reply:
    source = _source(call)
    return odata.edmx(system_schema() + form_schema(source.form["xmlFormId"], source.fields))


# which fields
def _selected(call: Call) -> list[str] | None:
    text = call.query.get("$select")
    return None if not text or text == "*" else [part.strip() for part in text.split(",")]


def _chosen(fields: tuple[Field, ...], selected: list[str] | None, table: str) -> list[Field]:
    """The fields a $select names, with the groups around and below them; 400.23 for a name nobody knows."""
    if selected is None:
        return list(fields)
    by_path = {f"/{table_name(f.path).removeprefix('Submissions.').replace('.', '/')}": f for f in fields}
    prefix = "" if table == "Submissions" else f"/{table.removeprefix('Submissions.').replace('.', '/')}"
    known = {"__id", "__system", *(f"__system/{name}" for name in odata.SYSTEM)}
    keep: set[str] = set()
    for name in selected:
        if name.startswith("__"):
            if name not in known and not name.endswith("-id"):
                raise problems.no_property(name)
            continue
        path = f"{prefix}/{name}"
        if path not in by_path:
            raise problems.no_property(name)
        keep.add(path)
        if by_path[path].type == "structure":
            keep |= _below(path, by_path)
    around = {path[: m.start()] for path in keep | {f"{prefix}/"} for m in re.finditer("/", path)}
    return [f for path, f in by_path.items() if path in keep or path in around]


def _below(path: str, by_path: dict[str, Field]) -> set[str]:
    """What a selected group holds, without the insides of repeats."""
    inner = {p for p in by_path if p.startswith(f"{path}/")}
    repeats = [p for p in inner if by_path[p].type == "repeat"]
    return {p for p in inner if not any(p.startswith(f"{r}/") for r in repeats)}


def _exists(fields: tuple[Field, ...], table: str) -> bool:
    return table == "Submissions" or any(f.type == "repeat" and table_name(f.path) == table for f in fields)


# which rows
@dataclass(frozen=True, slots=True)
class Query:
    """The rows a request selects: condition, order, window and cursor."""

    where: Selection
    order: str
    limit: int | None
    offset: int
    token: dict[str, Any] | None


def _query(call: Call, table: str) -> Query:
    main = table == "Submissions"
    limit, offset = odata.number(call, "$top"), odata.number(call, "$skip") or 0
    token = odata.skiptoken(call)
    columns = SUBMISSION_COLUMNS if main else SUBTABLE_COLUMNS
    where = selection(call.query.get("$filter"), columns, call.store.moment())
    order = ordering(call.query.get("$orderby"), SUBMISSION_COLUMNS, "submission.id") or NEWEST
    return Query(where, order, limit, 0 if token else offset, token)


def _where(source: Source, query: Query, token: dict[str, Any] | None) -> tuple[str, list[object]]:
    sql = f"formId = ? and draft = ? and ({query.where.sql})"
    values: list[object] = [source.form["id"], source.draft, *query.where.values]
    if token is not None:
        sql += (
            " and exists (select 1 from submission as seen where seen.formId = submission.formId and"
            " seen.draft = submission.draft and seen.instanceId = ? and (submission.createdAt, submission.id)"
            " < (seen.createdAt, seen.id))"
        )
        values.append(token.get("instanceId"))
    return sql, values


def _count(call: Call, source: Source, query: Query, token: dict[str, Any] | None) -> int:
    sql, values = _where(source, query, token)
    return int(call.store.value(f"select count(*) from submission where {sql}", *values))


def _events(
    call: Call, source: Source, query: Query, token: dict[str, Any] | None, *, window: bool
) -> list[int]:
    sql, values = _where(source, query, token)
    limit = query.limit if window and query.limit is not None else -1
    offset = query.offset if window else 0
    found_rows = call.store.all(
        f"select event from submission where {sql} order by {query.order} limit ? offset ?",
        *values,
        limit,
        offset,
    )
    return [row["event"] for row in found_rows]


EXPORT = (
    "select submission.*, submission_def.id as defId, xml, actor.displayName as submitterName,"
    " (select count(*) - 1 from submission_def as d where d.submissionId = submission.id) as edits,"
    " (select version from form_def join submission_def as d on d.formDefId = form_def.id where"
    " d.submissionId = submission.id and root) as formVersion,"
    " (select count(blobId) from submission_attachment where defId = submission_def.id) as present,"
    " (select count(*) from submission_attachment where defId = submission_def.id) as expected"
    " from submission join submission_def on submissionId = submission.id and current"
    " left join actor on actor.id = submission.submitterId"
)


def _rows(
    call: Call, source: Source, query: Query, token: dict[str, Any] | None, *, window: bool
) -> list[Row]:
    sql, values = _where(source, query, token)
    limit = query.limit if window and query.limit is not None else -1
    offset = query.offset if window else 0
    return call.store.all(
        f"{EXPORT} where {sql} order by {query.order} limit ? offset ?", *values, limit, offset
    )


def _system(row: Row) -> dict[str, Any]:
    return {
        "submissionDate": row["createdAt"],
        "updatedAt": row["updatedAt"],
        "submitterId": None if row["submitterId"] is None else str(row["submitterId"]),
        "submitterName": row["submitterName"],
        "attachmentsPresent": row["present"],
        "attachmentsExpected": row["expected"],
        "status": None,
        "reviewState": row["reviewState"],
        "deviceId": row["deviceId"],
        "edits": row["edits"],
        "formVersion": row["formVersion"],
        "deletedAt": row["deletedAt"],
    }


def _read_rows(call: Call, row: Row, node: Node) -> Rows:
    expand, wkt = call.query.get("$expand") == "*", call.flag("$wkt")
    return rows(row["xml"], node, row["instanceId"], expand=expand, wkt=wkt)


def _root(row: Row, read_rows: Rows, selected: list[str] | None) -> dict[str, Any]:
    out = dict(read_rows.root)
    if selected is None or "__id" in selected:
        out["__id"] = row["instanceId"]
    system = odata.wanted_system(selected, _system(row))
    return out if system is None else out | {"__system": system}


def _repeat_rows(read_rows: Rows, table: str, selected: list[str] | None) -> list[Repeated]:
    """Rows of a repeat as (identifier, parent, row), with the columns a $select leaves."""
    out = []
    for row in read_rows.tables.get(table, []):
        shown = dict(row.data) | {row.parent_key: row.parent}
        if selected is not None:
            hidden = {name for name in ("__id", row.parent_key) if name not in selected}
            shown = {name: value for name, value in shown.items() if name not in hidden}
        out.append((row.data["__id"], row.parent, shown))
    return out


# answers
@room.on("GET", *(f"{service}/Submissions({{key}})" for service in SERVICES), kind="odata")
@room.on("GET", *(f"{service}/Submissions({{key}})/{{rest:path}}" for service in SERVICES), kind="odata")
def one(call: Call) -> Reply:
    """One submission, or the rows of one of its repeats."""
    source = _source(call)
    steps = [step for step in call.at.get("rest", "").split("/") if step]
    table = ".".join(["Submissions", *(step.partition("(")[0] for step in steps)])
    selected = _selected(call)
    node = tree(_chosen(source.fields, selected, table))
    match = KEY.match(call.at["key"])
    if match is None or not _exists(source.fields, table):
        raise problems.not_found()
    sql = (
        f"{EXPORT} where formId = ? and draft = ? and submission.instanceId = ? and submission.deletedAt is"
        " null"
    )
    row = found(call.store.one(sql, source.form["id"], source.draft, match[1]))
    data = _read_rows(call, row, node)
    if table == "Submissions":
        return odata.page(call, table, [_root(row, data, selected)], count=1)
    keys = [m[1] for step in steps if (m := re.search(r"\('([^']+)'\)$", step))]
    mine = [item for item in _repeat_rows(data, table, selected) if not keys or item[1] == keys[-1]]
    return _repeat_page(call, table, mine, odata.number(call, "$top"), odata.number(call, "$skip") or 0, None)


@room.on("GET", *(f"{service}/{{table}}" for service in SERVICES), kind="odata")
def listing(call: Call) -> Reply:
    """The table of submissions or of a repeat."""
    if "$search" in call.query:
        raise problems.not_supported("$search")
    source, table = _source(call), call.at["table"]
    query = _query(call, table)
    if query.limit == 0:
        counted = call.flag("$count") and table == "Submissions"
        count = _count(call, source, query, None) if counted else None
        if counted or not call.flag("$count"):
            return odata.page(call, table, [], count=count)
    if table == "Submissions":
        return _submissions(call, source, query)
    return _repeats(call, source, query, table)


def _submissions(call: Call, source: Source, query: Query) -> Reply:
    tag = event_tag(_events(call, source, query, query.token, window=True))
    with _tagged(tag):
        selected = _selected(call)
        node = tree(_chosen(source.fields, selected, "Submissions"))
        data = _rows(call, source, query, query.token, window=True)
        shown = [_root(row, _read_rows(call, row, node), selected) for row in data]
        count = _count(call, source, query, None) if call.flag("$count") else None
        return odata.page(
            call, "Submissions", shown, cursor=_cursor(call, source, query, data), count=count, tag=tag
        )


def _cursor(call: Call, source: Source, query: Query, data: list[Row]) -> dict[str, Any] | None:
    """Where the next page starts. Central does not count $skip, so a page past the end still offers one."""
    if query.limit is None and query.token is None and "$skip" not in call.query:
        return None
    if _count(call, source, query, query.token) <= len(data):
        return None
    return {"instanceId": data[-1]["instanceId"] if data else None}


def _repeats(call: Call, source: Source, query: Query, table: str) -> Reply:
    tag = event_tag(_events(call, source, query, None, window=False))
    with _tagged(tag):
        if not _exists(source.fields, table):
            raise problems.not_found()
        selected = _selected(call)
        node = tree(_chosen(source.fields, selected, table))
        data = _rows(call, source, query, None, window=False)
        found_rows = [
            item for row in data for item in _repeat_rows(_read_rows(call, row, node), table, selected)
        ]
        return _repeat_page(call, table, found_rows, query.limit, query.offset, tag)


@contextmanager
def _tagged(tag: str) -> Iterator[None]:
    """Failures from here on carry the entity tag of the selection, as Central has set it by then."""
    try:
        yield
    except problems.Problem as problem:
        problem.tag = tag
        raise


def _repeat_page(
    call: Call,
    table: str,
    found_rows: list[tuple[str, str, dict[str, Any]]],
    limit: int | None,
    offset: int,
    tag: str | None,
) -> Reply:
    token = odata.skiptoken(call)
    if token is not None:
        places = [place for place, item in enumerate(found_rows) if item[0] == token.get("repeatId")]
        if not places:
            raise problems.skiptoken_lost()
        offset = places[0] + 1
    stop = len(found_rows) if limit is None else offset + limit
    shown = found_rows[offset:stop]
    cursor = {"repeatId": shown[-1][0]} if shown and stop < len(found_rows) else None
    return odata.page(call, table, [item[2] for item in shown], cursor=cursor, count=len(found_rows), tag=tag)
