"""Claims: what a column says with yes, no or not known, and results that follow from them.

A claim is a Series of dtype "boolean", where missing means not known and logic is three-valued: no and
unknown is no, yes or unknown is yes. So an answer that does not decide a branch may be missing, and one that
decides it makes the result missing. Missing codes of a form are set to missing before
(`analysis.answers`), never here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd


def same(column: pd.Series, code: Any) -> pd.Series:
    """The claim that the column holds this code; unknown where it is missing."""
    return _claim(column == code, column)


def one_of(column: pd.Series, codes: Iterable[Any]) -> pd.Series:
    """The claim that the column holds one of these codes; unknown where it is missing."""
    return _claim(column.isin(list(codes)), column)


def at_least(column: pd.Series, bound: float) -> pd.Series:
    """The claim that a number is not below the bound; unknown where it is missing."""
    return _claim((column >= bound).fillna(False), column)


def names_one_of(chosen: pd.Series, codes: Iterable[int | str]) -> pd.Series:
    """The claim that a multiple choice (codes apart by blanks) holds at least one of these codes."""
    pattern = "|".join(str(code) for code in codes)
    return chosen.astype("string").str.contains(rf"(?<!\S)(?:{pattern})(?!\S)", regex=True).astype("boolean")


def n_named(chosen: pd.Series, but: Iterable[int | str] = ()) -> pd.Series:
    """How many codes a multiple choice holds, leaving out those in `but`; missing where it is missing."""
    words = chosen.astype("string").str.split()
    without = {str(code) for code in but}
    counts = [pd.NA if isinstance(w, type(pd.NA)) or w is None else len(set(w) - without) for w in words]
    return pd.Series(counts, index=chosen.index, dtype="Int64")


def choose(branches: Sequence[tuple[pd.Series, Any]], otherwise: Any, dtype: str = "Int64") -> pd.Series:
    """The value of the first claim that holds, as if / elif / else.

    A row is missing as soon as a claim before the first true one is not known: the next branch never answers
    for it.
    """
    index = branches[0][0].index
    result = pd.Series(pd.NA, index=index, dtype=dtype)
    open_rows = np.ones(len(index), dtype=bool)
    for claim, value in branches:
        taken = open_rows & surely(claim)
        result[taken] = value[taken] if isinstance(value, pd.Series) else value
        open_rows &= surely(~claim.astype("boolean"))
    result[open_rows] = otherwise[open_rows] if isinstance(otherwise, pd.Series) else otherwise
    return result


def flag(claim: pd.Series) -> pd.Series:
    """A claim as 0/1, Int64 with NA."""
    return claim.astype("boolean").astype("Int64")


def surely(claim: pd.Series) -> np.ndarray:
    """Where a claim is known to hold, as a plain boolean array."""
    return np.asarray(claim.astype("boolean").fillna(False).to_numpy(dtype=bool))


def _claim(holds: pd.Series, column: pd.Series) -> pd.Series:
    return holds.astype("boolean").mask(column.isna())
