"""Writing: what a machine can see of a translated text without knowing the language.

Unicode is brought to NFC, so that equal letters are equal bytes. What stands in braces has to stand in the
translation too. Burmese in Zawgyi, an encoding of its own that shows as rubbish wherever Unicode is read, is
told from Unicode by what Unicode never writes: a vowel sign before its consonant, a stacking sign with
nothing to stack, letters of other languages of Myanmar.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_PLACEHOLDER = re.compile(r"\$?\{[^{}]*\}")
_CONSONANT = "\u1000-\u102a\u103f\u104e"
_ZAWGYI = re.compile(
    "|".join(
        (
            rf"(?:^|[^{_CONSONANT}\u1039\u103a-\u103e\u1040-\u1049])\u1031",  # vowel e before any consonant
            rf"\u1039(?![{_CONSONANT}])",  # a stack without a lower letter: Zawgyi's asat
            r"(?:^|[\s\u104a\u104b(“\"'])[\u103b-\u103e]",  # a medial that begins a word
            r"[\u1060-\u1097]",  # Mon, Karen and Shan letters: Zawgyi's stacks
            r"[\u102b-\u1030\u1032]\u103a[\u103b-\u103e]",  # medials behind a killed vowel
        )
    ),
)


def composed(text: str) -> str:
    """The text in Unicode NFC, line ends as here, without blanks around it."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()


def placeholders(text: str) -> Counter[str]:
    """What stands in braces, `${name}` and `{word}`, and how often."""
    return Counter("".join(found.split()) for found in _PLACEHOLDER.findall(text))


def changed_placeholders(source: str, translation: str) -> tuple[str, ...]:
    """What stands in braces in one of the two texts only."""
    return tuple(sorted(set(placeholders(source)) ^ set(placeholders(translation))))


def is_zawgyi(text: str) -> bool:
    """Whether Burmese is written in Zawgyi, as far as its signs tell."""
    return _ZAWGYI.search(text) is not None
