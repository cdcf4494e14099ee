"""The manners of OData shared by submissions and entities: options, paging, cursors, footers, documents.

Central speaks a small part of OData 4.0: `$top $skip $skiptoken $count $filter $select $orderby $expand=*
$wkt $format`. What it does not speak answers 501 here too. Rows are made in `odata_rows` and
`entity_tables`.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from survey.sandbox.central import problems
from survey.sandbox.central.exchange import XML, Call, Reply, as_json, is_true, mustache

DOCUMENT = "application/json; charset=utf-8; odata.metadata=minimal"
ROWS = (
    "$format",
    "$count",
    "$skip",
    "$top",
    "$filter",
    "$wkt",
    "$expand",
    "$select",
    "$skiptoken",
    "$orderby",
    "$search",
)
JSON_FORMATS, XML_FORMATS = ("application/json", "json"), ("application/xml", "atom")
SYSTEM = (
    *("submissionDate", "updatedAt", "deletedAt", "submitterId", "submitterName", "attachmentsPresent"),
    *("attachmentsExpected", "status", "reviewState", "deviceId", "edits", "formVersion"),
)


def check(call: Call, allowed: Sequence[str]) -> None:
    """Refuses what this server does not do, before anything is looked up."""
    asked = call.query.get("$format") or _accepted(call.headers.get("accept", "*/*"), allowed)
    if asked and not any(asked.split(";")[0] == known for known in allowed):
        raise problems.wrong_format(allowed, asked)
    for name in call.query:
        if name not in ROWS:
            raise problems.not_supported(name)
    expand = call.query.get("$expand")
    if expand is not None and expand != "*":
        raise problems.unsupported_expand(expand)
    if expand is not None and call.query.get("$select") not in (None, "*"):
        raise problems.select_with_expand()


def _accepted(accept: str, allowed: Sequence[str]) -> str | None:
    kinds = [part.split(";")[0].strip() for part in accept.split(",")]
    fine = {"", "*/*", "application/*", *allowed}
    return None if any(kind in fine for kind in kinds) else accept


# paging
def number(call: Call, name: str) -> int | None:
    """$top or $skip as a number; the failures are Central's database's."""
    text = call.query.get(name)
    if text is None:
        return None
    match = re.match(r"\s*([+-]?\d+)", text)
    if match is None:
        raise problems.bad_type("type bigint", value="NaN")
    if int(match[1]) < 0:
        raise problems.broken()
    return int(match[1])


def skiptoken(call: Call) -> dict[str, Any] | None:
    text = call.query.get("$skiptoken")
    if not text:
        return None
    try:
        if not text.startswith("01"):
            raise ValueError
        token = json.loads(base64.b64decode(text[2:] + "=" * (-len(text[2:]) % 4), altchars=b"-_"))
    except ValueError:
        raise problems.bad_skiptoken() from None
    if not isinstance(token, dict):
        raise problems.bad_skiptoken()
    if call.query.get("$orderby"):
        raise problems.not_supported("using $orderby and $skiptoken together")
    return token


def next_link(call: Call, cursor: dict[str, Any]) -> str:
    """The address of the next page: the same query with a cursor in place of $skip."""
    token = (
        "01"
        + base64.b64encode(json.dumps(cursor, separators=(",", ":"), ensure_ascii=False).encode()).decode()
    )
    pairs = [(k, v) for k, v in parse_qsl(call.raw_query, keep_blank_values=True) if k != "$skip"]
    if any(name == "$skiptoken" for name, _ in pairs):
        pairs = [(name, token if name == "$skiptoken" else value) for name, value in pairs]
    else:
        pairs.append(("$skiptoken", token))
    coded = "&".join(f"{quote_plus(name, safe='*')}={quote_plus(value, safe='*')}" for name, value in pairs)
    return f"{call.base}{call.path}?{coded.replace('~', '%7E')}"


def service_root(call: Call) -> str:
    return call.base + call.path[: call.path.index(".svc") + 4]


def page(
    call: Call,
    table: str,
    rows: list[dict[str, Any]],
    *,
    cursor: dict[str, Any] | None = None,
    count: int | None = None,
    tag: str | None = None,
) -> Reply:
    """A page of rows with its footer; `cursor` if there is a next page, `count` if it was asked for."""
    body: dict[str, Any] = {"value": rows, "@odata.context": f"{service_root(call)}/$metadata#{table}"}
    if cursor is not None:
        body["@odata.nextLink"] = next_link(call, cursor)
    if count is not None and is_true(call.query.get("$count")):
        body["@odata.count"] = count
    return as_json(body, tag=tag)


def wanted_system(selected: Sequence[str] | None, values: dict[str, Any]) -> dict[str, Any] | None:
    """The part of `__system` a $select asks for; None if it asks for none of it."""
    if selected is None or "__system" in selected:
        return values
    names = [name.removeprefix("__system/") for name in selected if name.startswith("__system/")]
    return {name: value for name, value in values.items() if name in names} if names else None


# documents
def service_document(call: Call, tables: Sequence[str]) -> Reply:
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in tables]
    context = f"{call.base}{call.path}/$metadata"
    return as_json({"@odata.context": context, "value": sets}, content_type=DOCUMENT)


def edmx(text: str) -> Reply:
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">\n'
        "  <edmx:DataServices>\n"
    )
    return Reply(200, f"{head}{text}  </edmx:DataServices>\n</edmx:Edmx>".encode(), XML)


def capabilities(unfilterable: Sequence[str], gap: str = "") -> str:
    """The annotations by which Central tells clients what it cannot do."""
    term = 'Annotation Term="Org.OData.Capabilities.V1.'
    paths = "".join(
        f"                  <PropertyPath>{mustache(name)}</PropertyPath>\n" for name in unfilterable
    )
    return (
        f'          <{term}ConformanceLevel"'
        ' EnumMember="Org.OData.Capabilities.V1.ConformanceLevelType/Minimal"/>\n'
        f'          <{term}BatchSupported" Bool="false"/>\n'
        f'          <{term}CountRestrictions">\n'
        '            <Record><PropertyValue Property="Countable" Bool="true"/></Record>\n'
        "          </Annotation>\n"
        f'          <{term}FilterFunctions">\n'
        "            <Record>\n"
        '              <PropertyValue Property="NonCountableProperties">\n'
        "                <Collection>\n"
        "                  <String>eq</String>\n"
        "                </Collection>\n"
        "              </PropertyValue>\n"
        "            </Record>\n"
        "          </Annotation>\n"
        f'          <{term}FilterFunctions">\n'
        "            <Record>\n"
        '              <PropertyValue Property="Filterable" Bool="true"/>\n'
        '              <PropertyValue Property="RequiresFilter" Bool="false"/>\n'
        '              <PropertyValue Property="NonFilterableProperties">\n'
        "                <Collection>\n"
        f"{paths}"
        "                </Collection>\n"
        "              </PropertyValue>\n"
        "            </Record>\n"
        "          </Annotation>\n"
        f'          <{term}SortRestrictions">\n'
        '            <Record><PropertyValue Property="Sortable" Bool="false"/></Record>\n'
        "          </Annotation>\n"
        f'          <{term}ExpandRestrictions">\n'
        '            <Record><PropertyValue Property="Expandable" Bool="false"/></Record>\n'
        "          </Annotation>\n"
        f"{gap}"
    )


def metadata_type(
    namespace: str, properties: Sequence[tuple[str, str]], more: str = "", gap: str = ""
) -> str:
    """The schema of Central's own columns."""
    lines = "".join(
        f'        <Property Name="{name}" Type="{kind}"/>{gap if name == "creatorName" else ""}\n'
        for name, kind in properties
    )
    return (
        f'    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="{namespace}">\n'
        f'      <ComplexType Name="metadata">\n{lines}      </ComplexType>\n{more}    </Schema>\n'
    )
