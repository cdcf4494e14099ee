"""Recoding: two choice lists compared by what their codes stand for.

A code is recoded when its words in the default language are others, or when the same words now stand under
another code. That two wordings mean the same, nobody here can know. Which questions use a list is `compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from instruments.codebook import Choice
from instruments.comparability.changes import Change, bare


def choices(
    variable: str, before: Sequence[Choice], after: Sequence[Choice], spoken: str
) -> Iterator[Change]:
    """Changes from one list to another, told of `variable`; `spoken` is the language people mostly hear."""
    old, new = ({choice.name: choice for choice in some} for some in (before, after))
    heard = {bare(_label(choice, spoken)): choice.name for choice in before}
    for code in (code for code in new if code in old):
        yield from _choice(variable, old[code], new[code], heard, spoken)
    for code, choice in old.items():
        if code not in new:
            told = _coded(choice, spoken), ""
            yield Change("list", variable, *told, True, f"code {code} is no longer offered")
    for code, choice in new.items():
        if code not in old:
            was = heard.get(bare(_label(choice, spoken)))
            if was is not None and was not in new:
                told = _coded(old[was], spoken), _coded(choice, spoken)
                yield Change("recoded", variable, *told, True, f"the answer that was {was} is {code}")
            else:
                told = "", _coded(choice, spoken)
                yield Change("list", variable, *told, False, f"code {code} is new; earlier answers stay")
    both = [code for code in old if code in new], [code for code in new if code in old]
    if both[0] != both[1]:
        told = " ".join(both[0]), " ".join(both[1])
        yield Change("list", variable, *told, False, "the choices stand in another order")


def _choice(
    variable: str, before: Choice, after: Choice, heard: Mapping[str, str], spoken: str
) -> Iterator[Change]:
    told = _coded(before, spoken), _coded(after, spoken)
    heard_same = bare(_label(before, spoken)) == bare(_label(after, spoken))
    if not heard_same:
        was = heard.get(bare(_label(after, spoken)), "")
        why = f"what it says now was code {was}" if was else "if it means the same, a crosswalk says so"
        yield Change(
            "recoded", variable, *told, True, f"code {after.name} says something else; {why}", spoken
        )
    for language in (code for code in after.label if code in before.label and code != spoken):
        words = before.label[language], after.label[language]
        if heard_same and bare(words[0]) != bare(words[1]):
            why = f"code {after.name} in another language than people mostly hear"
            yield Change("reworded", variable, *words, False, why, language)
    reasons = before.attributes.get("missing", ""), after.attributes.get("missing", "")
    if reasons[0] != reasons[1]:
        why = f"code {after.name} is counted as an answer on one side only"
        yield Change("missing", variable, *reasons, True, why)


def _coded(choice: Choice, spoken: str) -> str:
    return f"{choice.name} = {_label(choice, spoken)}"


def _label(choice: Choice, spoken: str) -> str:
    return choice.label.get(spoken) or next(iter(choice.label.values()), choice.name)
