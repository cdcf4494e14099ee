"""Finding: something a rule noticed about a form or about data, and what is done with lists of them.

Here live the record itself, its order, counting and printing. No rule lives here: each rule belongs to the
module that knows its subject (`instruments.lint`, `instruments.decode`, `survey.checks`). Findings are
collected and shown together; they are never raised. Codes are stable and dotted (`value.outside_list`),
messages say what is wrong and what to do, and hold no personal data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LEVELS = ("error", "warning", "note")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One remark: how grave, which rule, where, and what to do about it."""

    level: str
    code: str
    where: str
    message: str

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"A finding's level is one of {', '.join(LEVELS)}, not {self.level!r}.")

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.message} [{self.code}]"


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with the gravest first, then by place (row 9 before row 10) and code."""
    return sorted(findings, key=lambda f: (LEVELS.index(f.level), _natural(f.where), f.code, f.message))


def count(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each level; every level is present."""
    counts = dict.fromkeys(LEVELS, 0)
    for finding in findings:
        counts[finding.level] += 1
    return counts


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether one of the findings forbids going on."""
    return any(finding.level == "error" for finding in findings)


def to_text(findings: Iterable[Finding]) -> str:
    """One line per finding in the order of `sort_findings`, closed by a count."""
    ordered = sort_findings(findings)
    counts = count(ordered)
    total = ", ".join(f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}" for level in LEVELS)
    return "\n".join([*map(str, ordered), total])


def _natural(text: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", text)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
