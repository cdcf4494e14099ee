"""Renames: what questions used to be called, followed through all versions of a form.

A question says in `codebook::formerly` which names it had. Answers given under one of them are read as the
text of their version says, and then stand under the name of today. A name still there was not renamed.
"""

from __future__ import annotations

from collections.abc import Sequence

from instruments import sheets as sheet_io
from instruments.sheets import Sheets

COLUMN = "codebook::formerly"


def names_now(versions: Sequence[Sheets]) -> dict[str, str]:
    """Former name → name in the newest of these versions, which come from the oldest to the newest.

    A name given up and taken over by another question, and one that two questions claim, stay as they are:
    the first is another question by then, the second cannot be told.
    """
    if not any(COLUMN in (sheets.get("survey") or [[]])[0] for sheets in versions):
        return {}
    rows = [sheet_io.rows(sheets.get("survey", [])) for sheets in versions]
    today = {row.get("name", "") for row in rows[-1]}
    now: dict[str, str] = {}
    unclear: set[str] = set()
    for version in reversed(rows):
        for row in version:
            name = row.get("name", "")
            name = name if name in today else now.get(name, "")
            for old in row.get(COLUMN, "").split() if name else ():
                if old not in today and now.setdefault(old, name) != name:
                    unclear.add(old)
    return {old: name for old, name in now.items() if old not in unclear}
