"""Phone numbers in one spelling: `+84912345678`, whatever a list or a spreadsheet made of them.

Known are the countries of the corridors. A mobile number of Viet Nam from before the renumbering of 2018 (ten
digits after the zero) is written as it is dialled now. A spreadsheet that took the number for a figure has
lost its zero; it is put back. What cannot be a phone number has no spelling.
"""

from __future__ import annotations

import re

COUNTRIES = {"VNM": "84", "KHM": "855", "MMR": "95", "IDN": "62", "PHL": "63", "THA": "66", "LAO": "856"}

# Viet Nam, September to November 2018: old beginning of a mobile number → new one.
_RENUMBERED = {
    **{f"16{n}": f"3{n}" for n in range(2, 10)},
    **{"120": "70", "121": "79", "122": "77", "126": "76", "128": "78"},
    **{"123": "83", "124": "84", "125": "85", "127": "81", "129": "82"},
    **{"186": "56", "188": "58", "199": "59"},
}
_LENGTHS = range(8, 12)  # digits after the zero of a national number
_BETWEEN = re.compile(r"[\s.\-()\u00a0\u2010-\u2015]+")
_SEVERAL = re.compile(r"[/;,|]|\s-\s|\bhoặc\b|\bor\b", re.IGNORECASE)


def normal(text: str, country: str = "84") -> str:
    """The number as `+` and digits, by default of Viet Nam; of several the first; empty if it is none."""
    first = next((part for part in _SEVERAL.split(text) if any(c.isdigit() for c in part)), "")
    bare = _BETWEEN.sub("", first)
    digits = bare.removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return ""
    if bare.startswith("+") or digits.startswith("00"):
        return _abroad(digits.removeprefix("00") if not bare.startswith("+") else digits, country)
    if digits.startswith("0"):
        return _national(digits[1:], country)
    if digits.startswith(country) and len(digits) - len(country) in _LENGTHS[1:]:
        return _national(digits.removeprefix(country), country)
    return _national(digits, country)


def spellings(number: str, country: str = "84") -> frozenset[str]:
    """The ways in which a normal number may stand elsewhere: with `+84`, with `84`, with `0`."""
    if not number.startswith("+"):
        return frozenset({number} - {""})
    digits = number[1:]
    home = {f"0{digits.removeprefix(country)}"} if digits.startswith(country) else set()
    return frozenset({number, digits} | home)


def _abroad(digits: str, country: str) -> str:
    if digits.startswith(country):
        return _national(digits.removeprefix(country).removeprefix("0"), country)
    return f"+{digits}" if 8 <= len(digits) <= 15 and digits[0] != "0" else ""


def _national(digits: str, country: str) -> str:
    if country == "84" and len(digits) == 10 and digits[:3] in _RENUMBERED:
        digits = _RENUMBERED[digits[:3]] + digits[3:]
    known = len(digits) in _LENGTHS and digits[0] != "0"
    return f"+{country}{digits}" if known else ""
