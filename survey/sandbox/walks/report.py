"""What a walk found, as rows for a table and as findings: unasked questions, long paths, lost answers."""

from collections.abc import Iterator
from typing import Any

from instruments.findings import Finding, sort_findings
from instruments.length import BUDGET
from survey.sandbox.walks.walking import Unasked, Walk, Walked, shown_by

NAMED = 5  # paths over budget that are told; they are told longest first


def summary(walk: Walk) -> dict[str, Any]:
    """One row: how much of the form was asked, how the interviews ended, the longest of them."""
    longest = walk.longest
    asked = walk.questions - len(walk.unasked)
    return {
        "form": walk.instrument.form_id,
        "version": walk.instrument.version,
        "interviews": len(walk.held),
        "complete": walk.complete,
        "refused": len(walk.held) - walk.complete,
        "questions": walk.questions,
        "asked": asked,
        "share": f"{asked / walk.questions:.1%}" if walk.questions else "",
        "longest_minutes": f"{longest.minutes:.1f}" if longest else "",
        "longest_path": longest.gates if longest else "",
        "never_asked": " ".join(one.name for one in walk.unasked),
    }


def by_question(walk: Walk) -> Iterator[dict[str, Any]]:
    """One row for each question: in how many interviews it was asked, and how often in all."""
    instrument, why = walk.instrument, {one.name: one.why for one in walk.unasked}
    for name in shown_by(instrument):
        question = instrument.question(name)
        yield {
            "form": instrument.form_id,
            "question": name,
            "module": question.module if question else "",
            "interviews": sum(name in one.asked for one in walk.held),
            "times": walk.asked[name],
            "why_not": why.get(name, ""),
        }


def findings(walk: Walk, budget: float = BUDGET) -> list[Finding]:
    """What is to be mended: questions nobody can be asked, paths over the budget, answers lost."""
    form = walk.instrument.form_id
    found = [_unasked(form, one) for one in walk.unasked]
    found += [_over(form, one, budget) for one in walk.over(budget)[:NAMED]]
    lost = dict.fromkeys(place for one in walk.held for place in one.lost)
    found += [
        Finding("error", "walk.lost", f"{form}: {place}", "The XML and what is decoded of it differ here.")
        for place in lost
    ]
    return sort_findings(found)


def _unasked(form: str, one: Unasked) -> Finding:
    where = f"{form}: {one.where} ({one.name})"
    if one.is_given_up:
        message = f"No interview got here, not even those aimed at it: {one.why}. Look at the routing."
        return Finding("error", "walk.unreachable", where, message)
    message = f"The interviews were too few to get here: {one.why}. Walk with more --interviews."
    return Finding("warning", "walk.not_reached", where, message)


def _over(form: str, one: Walked, budget: float) -> Finding:
    modules = sorted(one.lengths, key=lambda length: -length.minutes)
    told = ", ".join(f"{length.module} {length.minutes:.0f}" for length in modules)
    message = (
        f"The path {one.gates} takes about {one.minutes:.0f} minutes, the budget is {budget:.0f}: {told}."
    )
    return Finding("warning", "walk.over_budget", form, message)
