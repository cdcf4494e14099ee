"""Reading a form definition: its identity, fields, media and entity blocks.

Follows Central's own reading of an XForm, oddities included: fields come in document order, a repeat counts
once, a node without a typed bind is a group if it has children, and broken XML is read as far as it goes.
XLSForms are turned into XForms by `instruments.xform`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lxml import etree

from survey.sandbox.central import problems

Element = Any

HTML, FORM = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2002/xforms}"
MEDIA_TYPES = {"image": "image", "audio": "audio", "video": "video", "big-image": "image"}
JR_PATH = re.compile(r"^jr://(?:images|audio|video|file|file-csv)/([^/]+)$")
SEARCH = re.compile(r"^\s*(?:\w*\s+)?search\s*\(\s*(\"|')([^\"',]+)\1")
DATASET_NAME = re.compile(r"^(?!__)[^\W\d_](?:[\w:-])*$|^(?!__)[:_][\w:-]*$")
PROPERTY_NAME = re.compile(r"^(?!__)(?!name$)(?!label$)(?:[^\W\d]|_)[\w.-]*$")
OLD_SPEC = ("2022.1", "2023.1")
KNOWN_SPEC = re.compile(r"^202[234]\.\d+\.\d+$|^2025\.[01]\.\d+$")


@dataclass(frozen=True, slots=True)
class Field:
    """A node of the form: path without the root, XForms type, place in document order."""

    name: str
    path: str
    type: str
    order: int
    binary: bool = False
    multiple: bool = False
    saveto: str | None = None

    def json(self, *, odata: bool = False) -> dict[str, Any]:
        clean = odata_name if odata else str
        return {
            "path": "/".join(clean(part) for part in self.path.split("/")),
            "name": clean(self.name),
            "type": self.type,
            "binary": self.binary or None,
            "selectMultiple": self.multiple or None,
        }


@dataclass(frozen=True, slots=True)
class EntityBlock:
    """An `<entity>` of the form: list, permitted actions, path of the group it stands in."""

    dataset: str
    actions: tuple[str, ...]
    path: str
    is_repeat: bool
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """An XForm as Central understands it."""

    form_id: str
    version: str
    title: str | None
    fields: tuple[Field, ...]
    media: tuple[tuple[str, str], ...] = ()
    blocks: tuple[EntityBlock, ...] = ()
    spec_warnings: tuple[dict[str, Any], ...] = field(default=())


def odata_name(name: str) -> str:
    """A name as OData may hold it: other characters become underscores, and it starts with no digit."""
    clean = re.sub(r"[^\w]", "_", name)
    return f"_{clean}" if clean[:1].isdigit() else clean


def lenient(xml: bytes) -> Element | None:
    """The tree of an XML text, read as far as it goes; None where there is not even a root."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        return etree.fromstring(xml, parser)
    except etree.XMLSyntaxError:
        whole = xml[: xml.rfind(b">") + 1]
        forgiving = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=True)
        try:
            return etree.fromstring(whole, forgiving) if whole else None
        except etree.XMLSyntaxError:
            return None


def local(tag: Any) -> str:
    """A tag without its namespace; comments have none."""
    return str(tag).rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def children(node: Element, name: str | None = None) -> list[Element]:
    return [c for c in node if isinstance(c.tag, str) and (name is None or local(c.tag) == name)]


def child(node: Element | None, name: str) -> Element | None:
    found = children(node, name) if node is not None else []
    return found[0] if found else None


def version_in(xml: str, version: str) -> str:
    """The same form text with another version on its root node."""
    start = re.search(r"<(?:\w+:)?instance(?:\s[^>]*)?>\s*<[^>]*>", xml)
    if start is None:
        raise problems.missing("formId")
    safe = version.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head, root = re.match(r"(.*>\s*)(<[^>]*>)$", start.group(), re.DOTALL).groups()  # type: ignore[union-attr]
    if re.search(r"\sversion=([\"']).*?\1", root):
        root = re.sub(r"(\sversion=)([\"']).*?\2", lambda m: f'{m[1]}"{safe}"', root)
    else:
        root = re.sub(r"\s*(/?>)$", rf' version="{safe}"\1', root)
    return xml[: start.start()] + head + root + xml[start.end() :]


@lru_cache(maxsize=256)
def read(xml: str) -> Definition:
    """The definition in a form text; 400.2 without a form id, 400.25 for entity blocks it may not have."""
    tree = lenient(xml.encode())
    html = tree if tree is not None and local(tree.tag) == "html" else None
    head = child(html, "head")
    model = child(head, "model")
    instances = children(model, "instance") if model is not None else []
    roots = [c for instance in instances[:1] for c in children(instance)]
    if model is None or not roots or not (roots[0].get("id") or "").strip():
        raise problems.missing("formId")
    root, body = roots[0], child(html, "body")
    if re.search(r"\.(xlsx?|xml)$", root.get("id")):
        reason = (
            "The Form ID cannot end in .xls, .xlsx, or .xml. Please either specify an allowed ID in the form"
            " itself,"
            " or rename the file (eg change form.xls.xls to form.xls)."
        )
        raise problems.unexpected("formId", root.get("id"), reason)
    title = child(head, "title")
    fields = tuple(_fields(root, model, body))
    blocks, warnings = _blocks(root, model, fields)
    return Definition(
        form_id=root.get("id"),
        version=root.get("version") or "",
        title=None if title is None else "".join(title.itertext()),
        fields=fields,
        media=tuple(_media(model, body, root)),
        blocks=blocks,
        spec_warnings=warnings,
    )


# fields
def _prefixed(node: Element) -> str:
    return f"{node.prefix}:{local(node.tag)}" if node.prefix else local(node.tag)


def _bare(path: str) -> str:
    return re.sub(r"[\w-]+:", "", path)


def _fields(root: Element, model: Element, body: Element | None) -> Iterator[Field]:
    envelope = _prefixed(root)
    binds: dict[str, Element] = {}
    for bind in children(model, "bind"):
        if bind.get("type") is not None and bind.get("nodeset"):
            nodeset = bind.get("nodeset")
            binds.setdefault(nodeset if nodeset.startswith("/") else f"/{envelope}/{nodeset}", bind)
    inside = list(body.iter()) if body is not None else []
    repeats = {_bare(n.get("nodeset")) for n in inside if local(n.tag) == "repeat" and n.get("nodeset")}
    multiple = {_bare(n.get("ref") or n.get("nodeset") or "") for n in inside if local(n.tag) == "select"}
    counter = iter(range(1_000_000))

    def walk(node: Element, path: str) -> Iterator[Field]:
        seen: set[str] = set()
        for tag in children(node):
            here = f"{path}/{_prefixed(tag)}"
            bound = f"/{envelope}{here}"
            inner = children(tag)
            if bound in repeats:
                if bound in seen:
                    continue
                seen.add(bound)
                kind, saveto = "repeat", None
            else:
                kind, saveto = _type(tag, here, binds.get(bound), bool(inner))
            name = local(tag.tag)
            plain = _bare(here)
            binary = kind == "binary" or plain == "/meta/audit"
            yield Field(name, plain, kind, next(counter), binary, bound in multiple, saveto)
            if kind in ("repeat", "structure"):
                yield from walk(tag, here)

    return walk(root, "")


def _type(tag: Element, path: str, bind: Element | None, has_children: bool) -> tuple[str, str | None]:
    if bind is not None:
        saveto = next((value for name, value in bind.attrib.items() if local(name) == "saveto"), None)
        return bind.get("type") or "unknown", saveto
    if has_children or (local(tag.tag) == "entity" and "/meta/entity" in _bare(path)):
        return "structure", None
    return "unknown", None


# media
def _media(model: Element, body: Element | None, root: Element) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for kind, name in _expected(model, body, root):
        if name and (name, kind) not in seen:
            seen.add((name, kind))
            yield name, kind


def _expected(model: Element, body: Element | None, root: Element) -> Iterator[tuple[str, str | None]]:
    for instance in children(model, "instance"):
        if instance.get("src"):
            yield "file", _jr_name(instance.get("src"))
    for itext in children(model, "itext"):
        for value in itext.iter(f"{FORM}value"):
            if value.get("form") in MEDIA_TYPES:
                yield MEDIA_TYPES[value.get("form")], _jr_name("".join(value.itertext()))
    for node in root.iter():
        if isinstance(node.tag, str) and (node.text or "").strip().startswith("jr://images/"):
            yield "image", _jr_name(node.text)
    for node in body.iter() if body is not None else ():
        if local(node.tag) == "input" and node.get("query"):
            yield "file", "itemsets.csv"
        if local(node.tag) in ("select", "select1") and (found := SEARCH.match(node.get("appearance") or "")):
            name = found[2].strip()
            yield "file", name if name.endswith(".csv") else f"{name}.csv"


def _jr_name(path: str) -> str | None:
    match = JR_PATH.match(path.strip())
    return match[1] if match else None


# entities
def _blocks(
    root: Element, model: Element, fields: tuple[Field, ...]
) -> tuple[tuple[EntityBlock, ...], tuple[dict[str, Any], ...]]:
    """The entity blocks of a form, checked as Central checks them, and warnings about an old spec."""
    found = [n for n in root.iter() if local(n.tag) == "entity" and local(n.getparent().tag) == "meta"]
    places: dict[str, tuple[str, tuple[str, ...]]] = {}
    version = next((v for k, v in model.attrib.items() if local(k) == "entities-version"), None)
    if not found:
        return (), ()
    warnings = _spec(version)
    for node in found:
        place = _place(node, root)
        if place not in places:
            places[place] = _actions(node)
    if any(f.saveto is not None and not PROPERTY_NAME.match(f.saveto.lower()) for f in fields):
        raise problems.bad_entity_form("Invalid entity property name.")
    blocks = tuple(_block(place, places, fields) for place in places)
    old = (version or "") < "2025.1"
    if old and (len(blocks) > 1 or any(block.is_repeat for block in blocks)):
        raise problems.bad_entity_form(
            f"Entities specification version [{version}] is not compatible with entities from repeats or"
            " multiple"
            " entity lists.  Please use version 2025.1.0 or later."
        )
    return blocks, warnings


def _spec(version: str | None) -> tuple[dict[str, Any], ...]:
    if version is None:
        raise problems.bad_entity_form("Entities specification version is missing.")
    if not KNOWN_SPEC.match(version):
        raise problems.bad_entity_form(f"Entities specification version [{version}] is not supported.")
    if not version.startswith(OLD_SPEC):
        return ()
    reason = (
        f"Entities specification version [{version}] is not compatible with Offline Entities. Please use"
        " version"
        " 2024.1.0 or later."
    )
    return ({"type": "oldEntityVersion", "details": {"version": version}, "reason": reason},)


def _actions(node: Element) -> tuple[str, tuple[str, ...]]:
    attributes = {local(name): value for name, value in node.attrib.items()}
    if "dataset" not in attributes:
        raise problems.bad_entity_form("Dataset name is missing.")
    name = attributes["dataset"].strip()
    if not DATASET_NAME.match(name):
        raise problems.bad_entity_form("Invalid dataset name.")
    actions = tuple(action for action in ("create", "update") if action in attributes)
    if not actions:
        raise problems.bad_entity_form(
            "The form must specify at least one entity action, for example, create or update."
        )
    return name, actions


def _place(node: Element, root: Element) -> str:
    """The group an entity block stands in, as '/' or '/member/'."""
    parts = []
    above = node.getparent().getparent()
    while above is not None and above is not root:
        parts.append(local(above.tag))
        above = above.getparent()
    return "/" + "".join(f"{part}/" for part in reversed(parts))


def _block(place: str, places: dict[str, Any], fields: tuple[Field, ...]) -> EntityBlock:
    name, actions = places[place]
    closest = sorted(places, key=len, reverse=True)
    mine = tuple(
        f for f in fields if f.saveto and next(p for p in closest if f"{f.path}/".startswith(p)) == place
    )
    if len({f.saveto.lower() for f in mine if f.saveto}) < len(mine):
        raise problems.bad_entity_form("Multiple Form Fields cannot be saved to a single property.")
    is_repeat = any(f.type == "repeat" and f"{f.path}/" == place for f in fields)
    return EntityBlock(name, actions, place, is_repeat, mine)
