"""Registry: the one dictionary of indicators, and the function that runs them in order of their inputs.

No rule of an indicator stands here; rooms of this package file theirs with `@indicator`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

Compute = Callable[..., pd.Series]


@dataclass(frozen=True, slots=True)
class Indicator:
    """One computed column: name, frame, what it is computed from, unit, type and the source of the rule."""

    name: str
    frame: str
    inputs: tuple[str, ...]
    unit: str
    dtype: str
    source: str
    compute: Compute


INDICATORS: dict[str, Indicator] = {}


def indicator(
    name: str, *, source: str, frame: str = "person_waves", unit: str = "", dtype: str = "Int64"
) -> Callable[[Compute], Compute]:
    """File a function of columns as the indicator `name` of a frame ("person_waves" or "persons").

    Raises
    ------
    ValueError
        The name is taken.
    """

    def file(compute: Compute) -> Compute:
        if name in INDICATORS:
            raise ValueError(f"Two functions compute {name}: {compute.__module__} and an earlier one.")
        inputs = tuple(inspect.signature(compute).parameters)
        INDICATORS[name] = Indicator(name, frame, inputs, unit, dtype, source, compute)
        return compute

    return file


def derive(frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The frame with these indicators added, and those they rest on.

    A column that is neither in the frame nor an indicator counts as missing throughout: a form that lacks a
    question gives a missing indicator, not an error. An indicator that is in the frame already is taken as it
    stands.

    Raises
    ------
    KeyError
        A name is not an indicator.
    """
    made = frame.copy()
    for item in _in_order(names, frozenset(frame.columns)):
        made[item.name] = item.compute(*(_column(made, name) for name in item.inputs)).astype(item.dtype)
    return made


def _in_order(names: Iterable[str], present: frozenset[str]) -> Iterator[Indicator]:
    """The indicators needed and not yet there, each after its own inputs."""
    done: set[str] = set(present)

    def visit(name: str) -> Iterator[Indicator]:
        if name in done:
            return
        done.add(name)
        for needed in INDICATORS[name].inputs:
            if needed in INDICATORS:
                yield from visit(needed)
        yield INDICATORS[name]

    for name in names:
        if name not in INDICATORS:
            raise KeyError(f"No indicator is called {name!r}.")
        yield from visit(name)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name in frame:
        return frame[name]
    return pd.Series(pd.NA, index=frame.index, dtype="Int64")
