"""Chapters without results: limitations, methods with definitions, formulas and the health cards of
the models."""

from collections.abc import Sequence
from importlib.metadata import version

from analysis.document import Block, Definitions, Heading, Listing, Paragraph
from analysis.report import Section, Source
from analysis.reports.panel.models import Model, health_card

LIMITS = ("sample", "loss", "survivors", "recall", "weights", "models", "small")
DEFINED = ("returnee", "clock", "remigration", "ladder", "employment")
FORMULAS = ("response", "km", "aj", "cox", "clogit", "ame", "change", "disclosure", "software")


def limitations(source: Source) -> Section:
    """What the numbers cannot carry."""
    word = source.wording
    items = tuple(word(f"limits.{name}") for name in LIMITS)
    return Section(word("limits.title"), (Paragraph(word("limits.lead"), "lead"), Listing(items)))


def methods(source: Source, models: Sequence[Model]) -> Section:
    """Definitions, formulas, health cards."""
    word, rules = source.wording, source.rules
    thresholds = {
        "few": rules.few,
        "smallest": rules.smallest,
        "last": rules.few - 1,
        "median": rules.median,
        "decimals": rules.decimals,
        "version": version("returnee-panel"),
    }
    blocks: tuple[Block, ...] = (
        Paragraph(word("method.lead"), "lead"),
        Heading(word("method.heading_definitions")),
        Definitions(tuple((word(f"method.{name}"), word(f"method.{name}_text")) for name in DEFINED)),
        Heading(word("method.heading_formulas")),
        Definitions(
            tuple((word(f"method.{name}"), word(f"method.{name}_text", **thresholds)) for name in FORMULAS)
        ),
        Heading(word("method.heading_health")),
        Definitions(tuple(health_card(source, model) for model in models)),
    )
    return Section(word("method.title"), blocks)
