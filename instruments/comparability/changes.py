"""Change: one difference in meaning between two versions of a form, and the kinds there are.

Here are the record, the words for its kinds, and how texts are told apart (`bare`). Finding changes is
`compare` and, for choice lists, `recoding`; covering one that breaks comparability is `crosswalk`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

KINDS: Mapping[str, str] = {
    "added": "a question that was not there",
    "dropped": "a question that is no longer there",
    "renamed": "the same question under another name, as codebook::formerly says",
    "perhaps_renamed": "a dropped and an added question that look alike",
    "retyped": "another type of answer",
    "unit": "another unit",
    "recoded": "a code that stands for another answer",
    "list": "other choices, or another list",
    "missing": "other codes for no answer, or other reasons for them",
    "ranged": "other values are let through",
    "reworded": "other words, in one language",
    "moved": "another place in the order, or another group",
    "repeated": "asked once before and several times now, or the other way, or another number of times",
    "rerouted": "asked of other people",
    "recomputed": "computed in another way",
    "filtered": "other choices are offered to some people",
    "prefilled": "another answer stands there beforehand",
    "preload": "another mode of dependent interviewing",
    "required": "may or may not be left out now",
    "sensitivity": "guarded in another way",
    "language": "other languages, or another default language",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference in meaning.

    `variable` is the question's name (the new one if it was renamed), a group's name, `[list]` for a choice
    list that several questions use, or "" for the form as a whole. `breaks` says that answers before and
    after cannot be put side by side as they are; `language` is set where words changed.
    """

    kind: str
    variable: str
    before: str
    after: str
    breaks: bool
    why: str
    language: str = ""

    def __str__(self) -> str:
        sign = "!" if self.breaks else " "
        words = f"{self.before or '–'} → {self.after or '–'}"
        return f"{sign} {self.kind} {self.variable}: {' '.join(words.split())} ({self.why})"


@cache
def bare(text: str) -> str:
    """A text without what is not heard: capitals, punctuation, blanks, and how accents are encoded."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(sign if sign.isalnum() or sign in "${}_" else " " for sign in plain).split())
