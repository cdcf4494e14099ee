"""Indicators: functions from columns to one new column, collected under `@indicator` and run by `derive`.

An indicator is a function whose parameters are named like its input columns; `@indicator("name")` files it
under the name of its result. Inputs are answers without missing codes, or other indicators. Rooms: `work`
(labour force), `plans` (ladder of intent), `economic` (debt), `migration` (who is a returnee), `social`
(family, help, well-being). Definitions follow indicators.md; each docstring gives the rule, its section and a
worked example that a test repeats. An input that decides a branch and is missing makes the result missing.
"""

from __future__ import annotations

from analysis.indicators import economic, migration, plans, social, work
from analysis.indicators.registry import INDICATORS, Indicator, derive, indicator

__all__ = [
    "INDICATORS",
    "Indicator",
    "derive",
    "economic",
    "indicator",
    "migration",
    "plans",
    "social",
    "work",
]
