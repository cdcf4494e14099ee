"""Entity lists as tables: OData and CSV."""

import csv
import io
import json
from typing import Any

from survey.sandbox.central import datasets, media, odata, problems
from survey.sandbox.central.addresses import dataset_of
from survey.sandbox.central.exchange import CSV, Call, Reply, Room, as_file, mustache
from survey.sandbox.central.odata_filter import ENTITY_COLUMNS, ordering, selection
from survey.sandbox.central.storage import Row
from survey.sandbox.central.xform import odata_name

room = Room()

LIST = "/projects/{project}/datasets/{dataset}"
TYPES = (
    ("createdAt", "Edm.DateTimeOffset"),
    ("creatorId", "Edm.String"),
    ("creatorName", "Edm.String"),
    ("updates", "Edm.Int64"),
    ("updatedAt", "Edm.DateTimeOffset"),
    ("deletedAt", "Edm.DateTimeOffset"),
    ("version", "Edm.Int64"),
    ("conflict", "Edm.String"),
)
NEWEST = "entity.createdAt desc, entity.id desc"
ROWS = (
    "select entity.*, label, data, version, actor.displayName as creatorName from entity"
    " join entity_def on entityId = entity.id and current left join actor on actor.id = entity.creatorId"
)


@room.on("GET", f"{LIST}.svc", kind="odata")
def service(call: Call) -> Reply:
    dataset_of(call)
    return odata.service_document(call, ["Entities"])


@room.on("GET", f"{LIST}.svc/$metadata", kind="odata-xml")
def metadata(call: Call) -> Reply:
    dataset = dataset_of(call)
    names = [odata_name(row["name"]) for row in datasets.properties(call.store, dataset["id"])]
    system = odata.metadata_type("org.opendatakit.entity", TYPES, gap="        ")
    return odata.edmx(system + _schema(mustache(odata_name(dataset["name"])), names))


def _schema(name: str, names: list[str]) -> str:
    lines = "".join(f'        <Property Name="{item}" Type="Edm.String"/>\n' for item in ("label", *names))
    search = "Org.OData.Capabilities.V1.SearchExpressions"
    members = "".join(
        f"                <EnumMember>{search}/{word}</EnumMember>\n" for word in ("And", "Not", "Group")
    )
    searching = (
        '          <Annotation Term="Org.OData.Capabilities.V1.SearchRestrictions">\n'
        "            <Record>\n"
        '              <PropertyValue Property="Searchable" Bool="true" />\n'
        '              <PropertyValue Property="UnsupportedExpressions">\n'
        f"              <Collection>\n{members}              </Collection>\n"
        "            </PropertyValue>\n"
        "            </Record>\n"
        "          </Annotation>\n"
    )
    space = f"org.opendatakit.user.{name}"
    return (
        f'    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="{space}">    \n'
        '      <EntityType Name="Entities">\n'
        '        <Key><PropertyRef Name="__id"/></Key>\n'
        '        <Property Name="__id" Type="Edm.String"/>\n'
        '        <Property Name="__system" Type="org.opendatakit.entity.metadata"/>\n'
        f"{lines}      </EntityType>    \n"
        f'      <EntityContainer Name="{name}">      \n'
        f'        <EntitySet Name="Entities" EntityType="{space}.Entities">          \n'
        f"{odata.capabilities(names, searching)}"
        "        </EntitySet>\n      </EntityContainer>\n    </Schema>\n"
    )


@room.on("GET", f"{LIST}.svc/Entities", kind="odata")
def listing(call: Call) -> Reply:
    """The table of a list; there is no entity tag, as Central streams it."""
    dataset = dataset_of(call)
    names = [row["name"] for row in datasets.properties(call.store, dataset["id"])]
    selected = _selected(call, names)
    limit, offset = odata.number(call, "$top"), odata.number(call, "$skip") or 0
    token = odata.skiptoken(call)
    found, count = _found(call, dataset), None
    everything = len(found)
    if call.flag("$count"):
        count = everything
    if token is not None:
        places = [place for place, row in enumerate(found) if row["uuid"] == token.get("uuid")]
        offset = places[0] + 1 if places else everything
    stop = everything if limit is None else offset + limit
    shown = found[offset:stop]
    cursor = {"uuid": shown[-1]["uuid"]} if shown and stop < everything else None
    reply = odata.page(
        call, "Entities", [_row(r, names, selected) for r in shown], cursor=cursor, count=count
    )
    reply.streamed = True
    return reply


def _selected(call: Call, names: list[str]) -> list[str] | None:
    text = call.query.get("$select")
    if not text or text == "*":
        return None
    selected = [part.strip() for part in text.split(",")]
    for name in selected:
        if name != "__system" and name not in ENTITY_COLUMNS and name not in names:
            raise problems.no_property(name)
    return selected


def _found(call: Call, dataset: Row) -> list[Row]:
    where = selection(call.query.get("$filter"), ENTITY_COLUMNS, call.store.moment())
    order = ordering(call.query.get("$orderby"), ENTITY_COLUMNS, "entity.id") or NEWEST
    rows = call.store.all(
        f"{ROWS} where datasetId = ? and ({where.sql}) order by {order}", dataset["id"], *where.values
    )
    words = (call.query.get("$search") or "").lower().split()
    return [row for row in rows if all(_says(row, word) for word in words)]


def _says(row: Row, word: str) -> bool:
    text = " ".join([row["label"], *json.loads(row["data"]).values()]).lower()
    return word in text.split()


def _row(row: Row, names: list[str], selected: list[str] | None) -> dict[str, Any]:
    data = json.loads(row["data"])
    out: dict[str, Any] = {}
    if selected is None or "__id" in selected:
        out["__id"] = row["uuid"]
    if selected is None:
        out["label"] = row["label"]
    system = odata.wanted_system(selected, _system(row))
    if system is not None:
        out["__system"] = system
    return out | {
        odata_name(name): data.get(name, "") for name in names if selected is None or name in selected
    }


def _system(row: Row) -> dict[str, Any]:
    names = ("createdAt", "updatedAt", "deletedAt", "version", "conflict", "creatorName")
    body: dict[str, Any] = {name: row[name] for name in names}
    return body | {"creatorId": str(row["creatorId"]), "updates": row["version"] - 1}


@room.on("GET", f"{LIST}/entities.csv")
def as_csv(call: Call) -> Reply:
    """The list as CSV; only the whole list has an entity tag."""
    dataset = dataset_of(call)
    names = [row["name"] for row in datasets.properties(call.store, dataset["id"])]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ends = ("__createdAt", "__creatorId", "__creatorName", "__updates", "__updatedAt", "__version")
    writer.writerow(["__id", "label", *names, *ends])
    for row in _found(call, dataset):
        data, system = json.loads(row["data"]), _system(row)
        values = [system[name.removeprefix("__")] for name in ends]
        writer.writerow([row["uuid"], row["label"], *(data.get(name, "") for name in names), *values])
    tag = f'"{media.list_hash(call.store, dataset)}"'
    reply = as_file(f"{dataset['name']}.csv", out.getvalue().encode(), CSV, tag=tag)
    if call.query.get("$filter") or call.query.get("$search"):
        reply.tag, reply.streamed = None, True
    return reply
