"""One door from frame and formula to arrays: which rows are used, and what every other column says about
them.

`Rows` holds the columns a model names by role (start, stop, event, cause, person, cluster, strata, weights,
by) for the rows that stay, and counts the others with the reason. `Design` adds the matrix of a formula.
Because one place drops rows, groups, weights and matrix cannot fall out of step. formulaic is used here
alone; no estimation.

Formulas are Wilkinson's: `age + C(edu) * sex + bs(t_ret, df=4)`. Text, category and boolean columns expand as
treatment contrasts against their first value; terms read `edu[2]`. Missing values drop the row.
"""

import ast
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import FormulaicError
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Columns = str | Sequence[str] | None

CODED = ("person", "cluster", "strata", "by")
SHOWN = 5  # row labels named in a message


class NotEstimable(ValueError):
    """The rows given cannot carry the model at all: no rows, no events, an answer that never changes."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that were left out for one reason."""

    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows a model uses: `kept` (n,) positions among `given`, arrays by role (n,), labels of coded roles.

    `names` tells which column of the frame filled a role; `frame` holds the variables of the formula for the
    kept rows, NA-free, numbers as numbers and the rest as categories.
    """

    kept: Index
    given: int
    dropped: tuple[Dropped, ...]
    arrays: Mapping[str, NDArray[Any]]
    labels: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    frame: pd.DataFrame = field(repr=False)

    def get(self, role: str) -> NDArray[Any] | None:
        """Return the array of a role, or None where the caller did not name one."""
        return self.arrays.get(role)


@dataclass(frozen=True, slots=True)
class Design:
    """The matrix of a formula: X (n, p) without intercept, readable `terms` (p,), and the rows it stands on.

    `single` names variables that take one value only among the rows used and therefore have no term.
    """

    formula: str
    X: Array
    terms: tuple[str, ...]
    rows: Rows
    intercept: bool
    single: tuple[str, ...]
    spec: ModelSpec = field(repr=False)

    def matrix(self, frame: pd.DataFrame) -> Array:
        """Return the matrix (k, p) of the same terms for another frame that has the formula's variables."""
        return _matrix(self.spec, _like(frame, self.rows.frame))[0]

    def changed(self, **values: Any) -> Array:
        """Return the matrix (n, p) with variables of the formula set to other values."""
        return self.matrix(self.rows.frame.assign(**values))


def rows(data: pd.DataFrame, *, variables: Sequence[str] = (), **roles: Columns) -> Rows:
    """Return the rows of `data` in which every named column is known and the times make sense.

    `roles` maps a role to a column name (several for strata, cluster and by). Reasons are counted in the
    order: missing values, zero weight, no time at risk. Raises ValueError, naming column and rows, for what
    cannot be meant.
    """
    if not isinstance(data, pd.DataFrame):
        raise TypeError(f"data must be a DataFrame, not {type(data).__name__}")
    named = {role: _listed(columns) for role, columns in roles.items() if columns is not None}
    for role, columns in named.items():
        _present(data, columns, f"{role}=")
    _present(data, variables, "the formula")
    keep = np.ones(len(data), dtype=bool)
    dropped: list[Dropped] = []
    wanted = list(dict.fromkeys([c for columns in named.values() for c in columns] + list(variables)))
    for column in wanted:
        _drop(dropped, keep, data[column].isna().to_numpy(), f"missing {column}")
    arrays: dict[str, NDArray[Any]] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for role, columns in named.items():
        if role not in CODED:
            arrays[role] = _numbers(data, columns[0], keep, role)
    _drop_useless(data, arrays, keep, dropped, named)
    kept = np.flatnonzero(keep)
    arrays = {role: values[kept] for role, values in arrays.items()}
    for role, columns in named.items():
        if role in CODED:
            arrays[role], labels[role] = _coded(data.iloc[kept], columns)
    if "event" in arrays:
        arrays["event"] = arrays["event"].astype(bool)
    frame = pd.DataFrame({v: _plain(data[v].iloc[kept]) for v in variables}, index=range(kept.size))
    _refuse_overlap(arrays, kept, data)
    names = {role: " × ".join(columns) for role, columns in named.items()}
    return Rows(kept, len(data), tuple(dropped), arrays, labels, names, frame)


def design(formula: str, data: pd.DataFrame, *, intercept: bool, outcome: bool, **roles: Columns) -> Design:
    """Return the design of `formula` on `data`; with `outcome` the formula reads `y ~ terms` and y is 0/1.

    Without `intercept` (hazards, conditional logit) contrasts are coded as if there were one, and it is left
    out.
    """
    left, right = _sides(formula, outcome)
    parsed = _parse(right, formula)
    variables = _variables(parsed)
    if outcome:
        roles = {"outcome": left, **roles}
    used = rows(data, variables=variables, **roles)
    if not used.kept.size:
        raise NotEstimable(f"{formula}: no row is left of {used.given} ({_reasons(used.dropped)})")
    if outcome:
        _binary(used.arrays["outcome"], left)
    spec = ModelSpec.from_spec(parsed)
    X, names, fitted = _materialise(spec, used.frame, formula)
    single = tuple(v for v in variables if used.frame[v].nunique() == 1 and v not in names)
    return Design(formula, X, names, used, intercept, single, fitted)


def _reasons(dropped: Sequence[Dropped]) -> str:
    return "; ".join(f"{d.rows} {d.reason}" for d in dropped) or "none dropped"


def _listed(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _present(data: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    for column in columns:
        if column not in data.columns:
            near = difflib.get_close_matches(str(column), [str(c) for c in data.columns], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{where} names {column!r}, which is no column of the data{hint}")


def _drop(dropped: list[Dropped], keep: NDArray[np.bool_], bad: NDArray[np.bool_], reason: str) -> None:
    count = int((keep & bad).sum())
    if count:
        dropped.append(Dropped(reason, count))
        keep &= ~bad


def _drop_useless(
    data: pd.DataFrame,
    arrays: Mapping[str, Array],
    keep: NDArray[np.bool_],
    dropped: list[Dropped],
    named: Mapping[str, list[str]],
) -> None:
    if "weights" in arrays:
        column = named["weights"][0]
        _refuse(data, keep & (arrays["weights"] < 0), f"weights={column!r} is negative")
        _drop(dropped, keep, arrays["weights"] == 0, f"weight zero in {column}")
    if "stop" not in arrays:
        return
    if "start" in arrays:
        text = f"{named['stop'][0]} before {named['start'][0]}"
        _drop(dropped, keep, arrays["stop"] < arrays["start"], text)
        _drop(dropped, keep, arrays["stop"] == arrays["start"], "no time at risk (start = stop)")
    else:
        _refuse(data, keep & (arrays["stop"] < 0), f"stop={named['stop'][0]!r} is negative")


def _refuse(data: pd.DataFrame, bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise ValueError(f"{what} in {int(bad.sum())} rows ({_labels(data, np.flatnonzero(bad))})")


def _labels(data: pd.DataFrame, positions: Index) -> str:
    shown = ", ".join(str(data.index[i]) for i in positions[:SHOWN])
    return f"index {shown}" + (", …" if positions.size > SHOWN else "")


def _numbers(data: pd.DataFrame, column: str, keep: NDArray[np.bool_], role: str) -> Array:
    values = data[column]
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
        raise ValueError(f"{role}={column!r} must hold numbers; it holds {values.dtype}")
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    _refuse(data, keep & np.isinf(numbers), f"{role}={column!r} is infinite")
    if role == "event":
        _binary(numbers[keep], column)
    if role == "cause":
        wrong = keep & ((numbers < 0) | (numbers != np.floor(numbers)))
        _refuse(data, wrong, f"cause={column!r} must be 0 (censored), 1, 2, …; it is not")
    return numbers


def _binary(values: Array, column: str) -> None:
    others = sorted(set(np.unique(values).tolist()) - {0.0, 1.0})
    if others:
        shown = ", ".join(f"{v:g}" for v in others[:SHOWN])
        raise ValueError(f"{column!r} must be 0 or 1; it also holds {shown}. Say which value is the event")


def _coded(data: pd.DataFrame, columns: Sequence[str]) -> tuple[Index, tuple[str, ...]]:
    if len(columns) == 1:
        codes, values = pd.factorize(data[columns[0]], sort=True)
        return codes.astype(np.intp), tuple(map(_text, values))
    grouped = data.groupby(list(columns), sort=True, observed=True)
    codes = grouped.ngroup().to_numpy().astype(np.intp)
    return codes, tuple(", ".join(map(_text, key)) for key in grouped.groups)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(values: pd.Series) -> pd.Series:
    """Return the column without NA: numbers as int or float, everything else as categories that occur."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(numbers).any():
            raise ValueError(f"{values.name!r} is infinite in {int(np.isinf(numbers).sum())} rows")
        whole = bool((numbers == np.round(numbers)).all()) and np.abs(numbers).max(initial=0.0) < 2**53
        return pd.Series(numbers.astype(np.int64) if whole else numbers)
    if pd.api.types.is_datetime64_any_dtype(values):
        raise ValueError(f"{values.name!r} is a date; count months or days from an origin first")
    if isinstance(values.dtype, pd.CategoricalDtype):
        return pd.Series(values.cat.remove_unused_categories().to_numpy(), dtype=_used(values)).reset_index(
            drop=True
        )
    texts = values.astype(str)
    return pd.Series(pd.Categorical(texts.to_numpy(), categories=sorted(texts.unique())))


def _used(values: pd.Series) -> pd.CategoricalDtype:
    kept = values.cat.remove_unused_categories()
    return pd.CategoricalDtype(kept.cat.categories, ordered=False)


def _refuse_overlap(arrays: Mapping[str, NDArray[Any]], kept: Index, data: pd.DataFrame) -> None:
    """Raise where two rows of a person cover the same time."""
    if "person" not in arrays or "stop" not in arrays or not kept.size:
        return
    start = arrays.get("start", np.zeros(kept.size))
    order = np.lexsort((arrays["stop"], start, arrays["person"]))
    person, begin, end = arrays["person"][order], start[order], arrays["stop"][order]
    overlap = np.flatnonzero((person[1:] == person[:-1]) & (begin[1:] < end[:-1]))
    if overlap.size:
        where = _labels(data, kept[order[overlap + 1]])
        raise ValueError(f"{overlap.size} rows overlap the row before of the same person ({where})")


def _sides(formula: str, outcome: bool) -> tuple[str, str]:
    if not isinstance(formula, str):
        raise TypeError(f"formula must be text such as 'age + debt', not {type(formula).__name__}")
    left, tilde, right = formula.partition("~")
    if outcome and not (tilde and left.strip().isidentifier()):
        raise ValueError(f"formula {formula!r} must read 'outcome ~ terms' with a 0/1 column as outcome")
    if tilde and not outcome:
        raise ValueError(f"formula {formula!r} needs no '~': the outcome is given by stop= and event=")
    return left.strip(), right.strip() if outcome else formula.strip()


def _parse(right: str, formula: str) -> Formula:
    try:
        parsed = Formula(right)
    except (FormulaicError, SyntaxError) as error:
        raise ValueError(f"formula {formula!r} cannot be read: {str(error).splitlines()[0]}") from error
    if "1" not in [str(term) for term in parsed]:
        raise ValueError(f"formula {formula!r} takes the intercept out; leave out '- 1' or '0 +'")
    return parsed


def _variables(parsed: Formula) -> list[str]:
    """Return the columns a formula needs; formulaic's own list leaves out those inside center() or bs()."""
    found: set[str] = set()
    for factor in {factor for term in parsed for factor in term.factors}:
        if factor.eval_method.value == "lookup":
            found.add(factor.expr)
        elif factor.eval_method.value == "python":
            tree = list(ast.walk(ast.parse(factor.expr, mode="eval")))
            called = [n.func for n in tree if isinstance(n, ast.Call)]
            roots = [n.value for n in tree if isinstance(n, ast.Attribute)]
            found |= {n.id for n in tree if isinstance(n, ast.Name) and n not in called and n not in roots}
    return sorted(found)


def _materialise(
    spec: ModelSpec, frame: pd.DataFrame, formula: str
) -> tuple[Array, tuple[str, ...], ModelSpec]:
    try:
        built = spec.get_model_matrix(frame, na_action="raise", context={})
    except FormulaicError as error:
        raise ValueError(f"formula {formula!r}: {str(error).splitlines()[0]}") from error
    X, names = _without_intercept(built)
    bad = [name for name, column in zip(names, X.T, strict=True) if not np.isfinite(column).all()]
    if bad:
        raise ValueError(f"formula {formula!r}: {', '.join(bad)} is not finite in every row (log of 0?)")
    return X, names, built.model_spec


def _matrix(spec: ModelSpec, frame: pd.DataFrame) -> tuple[Array, tuple[str, ...]]:
    return _without_intercept(spec.get_model_matrix(frame, na_action="raise", context={}))


def _without_intercept(built: pd.DataFrame) -> tuple[Array, tuple[str, ...]]:
    columns = [c for c in built.columns if c != "Intercept"]
    return built[columns].to_numpy(dtype=float), tuple(_readable(c) for c in columns)


def _readable(column: str) -> str:
    column = re.sub(r"C\((\w+)(?:,[^\[]*)?\)(?=\[)", r"\1", column)
    return re.sub(r"\[T\.([^\]]*)\]", r"[\1]", column)


def _like(frame: pd.DataFrame, pattern: pd.DataFrame) -> pd.DataFrame:
    """Return the pattern's columns of `frame` in the pattern's types; refuse missing and unseen values."""
    _present(frame, list(pattern.columns), "the model")
    out: dict[str, pd.Series] = {}
    for name in pattern.columns:
        values = frame[name].reset_index(drop=True)
        if values.isna().any():
            raise ValueError(f"{name!r} is missing in {int(values.isna().sum())} rows to predict for")
        if isinstance(pattern[name].dtype, pd.CategoricalDtype):
            known = pattern[name].cat.categories
            cast = values.astype(str) if not isinstance(values.dtype, pd.CategoricalDtype) else values
            unseen = sorted(set(map(str, cast.unique())) - set(map(str, known)))
            if unseen:
                raise ValueError(f"{name!r} holds {', '.join(unseen[:SHOWN])}, which the fit has not seen")
            out[name] = pd.Series(pd.Categorical(cast.to_numpy(), categories=known))
        else:
            out[name] = values.astype(float) if not pd.api.types.is_integer_dtype(values) else values
    return pd.DataFrame(out, index=range(len(frame)))
