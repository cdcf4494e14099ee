"""Patterns: a regular expression of a form as signs and how many of them, which needs no language.

`^[A-Z]{2}[0-9]{6}$` is told as `A–Z × 2, 0–9 × 6`. Only what forms use is read: classes, single signs and how
often; anything else is shown as it stands.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"(?P<sign>\[[^\]]+\]|\\d|\\s|\\w|\\?[^\\\[\](){}|*+?^$.])(?P<times>\{\d+(?:,\d*)?\}|[*+?])?"
)
_RANGE = re.compile(r"(\w)-(\w)")
_TIMES = {"*": "0–∞", "+": "1–∞", "?": "0–1"}
_CLASSES = {r"\d": "0–9", r"\s": "␣", r"\w": "A–Z a–z 0–9 _"}


def in_signs(pattern: str) -> str:
    """The pattern told piece by piece; the pattern itself where it is more than a row of pieces."""
    text = pattern.removeprefix("^").removesuffix("$")
    told, at = [], 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            return pattern
        at = piece.end()
        times = _often(piece["times"] or "")
        told.append(_signs(piece["sign"]) + (f" × {times}" if times else ""))
    return ", ".join(told)


def _signs(sign: str) -> str:
    if sign in _CLASSES:
        return _CLASSES[sign]
    if not sign.startswith("["):
        return sign.removeprefix("\\")
    inner = sign[1:-1]
    ranges = [f"{low}–{high}" for low, high in _RANGE.findall(inner)]
    rest = _RANGE.sub("", inner).replace(" ", "␣")
    return " ".join([*ranges, *rest])


def _often(times: str) -> str:
    return _TIMES.get(times, times.strip("{}").replace(",", "–"))
