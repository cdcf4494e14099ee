"""The EDMX document of a form: which tables, groups and types OData clients may expect."""

from survey.sandbox.central import odata
from survey.sandbox.central.exchange import mustache
from survey.sandbox.central.odata_rows import table_name
from survey.sandbox.central.xform import Field, odata_name

TYPES = {
    "int": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "boolean": "Edm.Boolean",
    "geopoint": "Edm.GeographyPoint",
    "geotrace": "Edm.GeographyLineString",
    "geoshape": "Edm.GeographyPolygon",
    "date": "Edm.Date",
    "dateTime": "Edm.DateTimeOffset",
}
SYSTEM_TYPES = (
    ("submissionDate", "Edm.DateTimeOffset"),
    ("updatedAt", "Edm.DateTimeOffset"),
    ("deletedAt", "Edm.DateTimeOffset"),
    ("submitterId", "Edm.String"),
    ("submitterName", "Edm.String"),
    ("attachmentsPresent", "Edm.Int64"),
    ("attachmentsExpected", "Edm.Int64"),
    ("status", "org.opendatakit.submission.Status"),
    ("reviewState", "org.opendatakit.submission.ReviewState"),
    ("deviceId", "Edm.String"),
    ("edits", "Edm.Int64"),
    ("formVersion", "Edm.String"),
)


def system_schema() -> str:
    """Central's own columns."""
    enums = {
        "Status": ("notDecrypted", "missingEncryptedFormData"),
        "ReviewState": ("hasIssues", "edited", "rejected", "approved"),
    }
    more = "".join(
        f'      <EnumType Name="{name}">\n'
        + "".join(f'        <Member Name="{member}"/>\n' for member in members)
        + "      </EnumType>\n"
        for name, members in enums.items()
    )
    return odata.metadata_type("org.opendatakit.submission", SYSTEM_TYPES, more)


def form_schema(form_id: str, fields: tuple[Field, ...]) -> str:
    """The tables and groups of a form: an entity type per table, a complex type per group."""
    name = odata_name(form_id)
    space = f"org.opendatakit.user.{name}"
    entities: list[tuple[str, list[str]]] = [
        ("Submissions", ['<Property Name="__system" Type="org.opendatakit.submission.metadata"/>'])
    ]
    groups: list[tuple[str, list[str]]] = []
    holders = {"": entities[0][1]}
    repeats = {""}
    for f in fields:
        above = f.path.rpartition("/")[0]
        clean, typed = odata_name(f.name), table_name(f.path)
        if f.type == "repeat":
            around = max((path for path in repeats if f"{f.path}/".startswith(f"{path}/")), key=len)
            key = "-".join(table_name(around).split(".")) if around else "Submissions"
            entities.append((typed, [f'<Property Name="__{key}-id" Type="Edm.String"/>']))
            holders[f.path] = entities[-1][1]
            line = f'<NavigationProperty Name="{clean}" Type="Collection({space}.{typed})"/>'
            repeats.add(f.path)
        elif f.type == "structure":
            short = typed.removeprefix("Submissions.")
            groups.append((short, []))
            holders[f.path] = groups[-1][1]
            line = f'<Property Name="{clean}" Type="{space}.{short}"/>'
        else:
            line = f'<Property Name="{clean}" Type="{TYPES.get(f.type, "Edm.String")}"/>'
        holders[above].append(line)
    top = [odata_name(f.name) for f in fields if f.path.count("/") == 1]
    return _schema_text(mustache(name), mustache(space), entities, groups, top)


def _schema_text(
    name: str,
    space: str,
    entities: list[tuple[str, list[str]]],
    groups: list[tuple[str, list[str]]],
    top: list[str],
) -> str:
    out = [f'    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="{space}">\n']
    for table, lines in entities:
        out.append(f'      <EntityType Name="{table}">\n        <Key><PropertyRef Name="__id"/></Key>\n')
        out += [f"        {line}\n" for line in ('<Property Name="__id" Type="Edm.String"/>', *lines)]
        out.append("      </EntityType>\n")
    for group, lines in groups:
        out.append(f'      <ComplexType Name="{group}">\n')
        out += [f"        {line}\n" for line in lines]
        out.append("      </ComplexType>\n")
    out.append(f'      <EntityContainer Name="{name}">\n')
    for table, _ in entities:
        out.append(f'        <EntitySet Name="{table}" EntityType="{space}.{table}">\n')
        out.append(odata.capabilities(top) if table == "Submissions" else "")
        out.append("        </EntitySet>\n")
    out.append("      </EntityContainer>\n    </Schema>\n")
    return "".join(out)
