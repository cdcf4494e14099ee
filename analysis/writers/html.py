"""Document → one self-contained HTML file: styles and drawings inside, no scripts, nothing fetched.

Readable on a phone and on paper, and by a screen reader: table cells carry their headings, drawings their
alternative text. Jinja2 escapes every word; the template and the style sheet stand beside this file.
"""

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from analysis.document import Document, FigureBlock, pieces

HERE = Path(__file__).parent


def write(document: Document) -> bytes:
    """The document as UTF-8 HTML."""
    page = _template().render(
        document=document,
        meta=document.meta,
        words=document.meta.words,
        style=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        blocks=[(type(block).__name__, block) for block in document.blocks],
        linked=linked,
        drawing=drawing,
        texts=lambda table: table.texts(document.language),
    )
    return page.encode("utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def linked(text: str) -> Markup:
    """The text, escaped, with its pointers as links."""
    parts = [
        Markup('<a class="key" href="#{0}">{0}</a>').format(part) if kind == "key" else escape(part)
        for kind, part in pieces(text)
    ]
    return Markup("").join(parts)


def drawing(figure: FigureBlock) -> Markup:
    """The drawing for use inside a page: no prologue, own names for its parts, alternative text in front."""
    svg = figure.svg.decode("utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    prefix = figure.key + "-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    svg = svg.replace("url(#", f"url(#{prefix}")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    name = Markup('<svg role="img" aria-label="{}" ').format(figure.alt)
    return name + Markup(svg.removeprefix("<svg "))
