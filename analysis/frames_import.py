"""Import of frames: a table that exists already becomes a Dataset, by a mapping file that anybody can write.

The mapping (TOML) says which column gives which variable of the codebook, how words become codes, which file
turns job titles into ISCO-08 and ISIC, which checks the source must stand, and whether the data are
restricted or in print. Words stay in the raw table; the dataset holds codes. Contradictions of the source are
kept as findings, nothing is mended, and they travel in the dataset as its frame `findings`. A dataset made
here is for describing; eighteen people are a test of a data model, never of a statistical one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.dataset import Dataset
from analysis.months import floats, interval, to_months
from instruments.codebook import Choice, Codebook, Variable
from instruments.findings import Finding, sort_findings

FINDINGS = (
    ("level", "What it is", "Là gì"),
    ("code", "Kind of finding", "Loại phát hiện"),
    ("where", "Person or variable", "Người hoặc biến"),
    ("message", "What was found", "Điều tìm thấy"),
)


class MappingError(ValueError):
    """A mapping file that cannot be followed; the message names the entry and what it should say."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The dataset, the raw table as it was read, and what the source says against itself."""

    dataset: Dataset
    raw: pd.DataFrame
    findings: tuple[Finding, ...]


def import_frame(table: Path | str | pd.DataFrame, mapping: Path | str, codebook: Codebook) -> Imported:
    """A foreign table as a Dataset of one frame, and a frame `findings` where the source contradicts itself.

    Errors, which are for whoever writes the mapping to mend, do not go into that frame.

    Parameters
    ----------
    table
        A CSV file in UTF-8, or the frame itself, all cells as text.
    mapping
        The TOML file; files that it names lie beside it.
    codebook
        Of the study; variables that only the mapping declares are added to it.

    Raises
    ------
    MappingError
        The mapping names a column that the table lacks, or an entry says nothing that can be done.
    analysis.dataset.DatasetError
        A variable is neither in the codebook nor declared, or is identifying.
    """
    path = Path(mapping)
    plan = _plan(path)
    raw = _text(table)
    titles = _titles(path.parent / plan["titles"]) if "titles" in plan else pd.DataFrame()
    full = Codebook([*codebook.variables, *_declared(plan.get("variables", {}), plan["frame"])])
    columns = {name: _column(name, entry, raw, titles) for name, entry in plan["columns"].items()}
    frame = pd.DataFrame(columns).assign(**_intervals(plan.get("intervals", {}), raw))
    findings = [
        *_unmapped(plan, raw, frame, titles),
        *_outside(frame, full, plan["frame"]),
        *_contradictions(plan.get("checks", {}), raw, frame),
    ]
    dataset = Dataset.from_frames(
        {plan["frame"]: frame, **_kept(findings)},
        Codebook([*full.variables, *_FINDING]),
        name=plan["name"],
        disclosure=plan.get("disclosure", "restricted"),
        citation=plan.get("citation", ""),
    )
    return Imported(dataset, raw, tuple(sort_findings(findings)))


_FINDING = [
    Variable(name, frame="findings", type="text", label={"en": english, "vi": vietnamese})
    for name, english, vietnamese in FINDINGS
]


def _kept(findings: list[Finding]) -> dict[str, pd.DataFrame]:
    """The frame `findings`, or nothing where there is nothing to keep."""
    names = [name for name, _, _ in FINDINGS]
    rows = [[getattr(f, name) for name in names] for f in sort_findings(findings) if f.level != "error"]
    return {"findings": pd.DataFrame(rows, columns=names, dtype="string")} if rows else {}


def hoang2020(codebook: Codebook) -> Imported:
    """The eighteen returnees of Table 1 in Hoang (2020), https://doi.org/10.24517/00058198."""
    with (
        as_file(files("analysis").joinpath("data/hoang2020/table1.csv")) as table,
        as_file(files("analysis").joinpath("mappings")) as folder,
    ):
        return import_frame(table, folder / "hoang2020.toml", codebook)


def profile(persons: pd.DataFrame) -> dict[str, Any]:
    """What Table 1 counts: persons by sex, province of birth, months abroad, activity and ladder.

    Counts are by code. `leaving_again` are those on a rung above none: an intention or a wait.
    """
    return {
        "persons": len(persons),
        "sex": _counts(persons["sex"]),
        "prov_birth": _counts(persons["prov_birth"]),
        "abroad_mo": _counts(persons["abroad_mo"]),
        "pre_act": _counts(persons["pre_act"]),
        "act": _counts(persons["act"]),
        "leaving_again": int((persons["ladder"] >= 1).sum()),
        "waiting": int((persons["ladder"] == 3).sum()),
    }


def _counts(column: pd.Series) -> dict[Any, int]:
    counted = column.value_counts(dropna=True).sort_index()
    return {key if isinstance(key, str) else int(key): int(n) for key, n in counted.items()}


def _plan(path: Path) -> Mapping[str, Any]:
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MappingError(f"{path} does not exist; name the mapping file.") from error
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path.name} is not TOML: {error}.") from error
    for key in ("name", "frame", "columns"):
        if key not in plan:
            raise MappingError(f"{path.name} lacks {key!r}; see the packaged hoang2020.toml for an example.")
    return plan


def _text(table: Path | str | pd.DataFrame) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table.astype("string").reset_index(drop=True)
    return _csv(table)


def _titles(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise MappingError(f"{path.name} does not lie beside the mapping; put it there, or mend `titles`.")
    titles = _csv(path)
    if "title" not in titles:
        raise MappingError(f"{path.name} has no column 'title'; name its column of words so.")
    return titles.set_index("title")


def _csv(path: Path | str) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
    except UnicodeDecodeError:
        raise MappingError(f"{Path(path).name} is not UTF-8 text; save it as CSV in UTF-8.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        raise MappingError(f"{Path(path).name} is no CSV table; save it as CSV in UTF-8.") from None


def _declared(entries: Mapping[str, Any], frame: str) -> list[Variable]:
    made = []
    for name, entry in entries.items():
        choices = tuple(Choice(code, label) for code, label in entry.get("choices", {}).items())
        rest = {key: value for key, value in entry.items() if key != "choices"}
        made.append(Variable(name=name, frame=frame, choices=choices, **rest))
    return made


def _column(name: str, entry: Mapping[str, Any], raw: pd.DataFrame, titles: pd.DataFrame) -> pd.Series:
    if "value" in entry:
        return pd.Series(entry["value"], index=raw.index)
    if "highest" in entry:
        return _highest(entry["highest"], raw, name)
    cells = _raw(raw, entry.get("column"), name)
    if "codes" in entry:
        whole = all(isinstance(code, int) for code in entry["codes"].values())
        return cells.map(entry["codes"]).astype("Int64" if whole else "string")
    if "title" in entry:
        if entry["title"] not in titles:
            raise MappingError(
                f"{name}: the file of titles has no column {entry['title']!r}; mend the mapping."
            )
        return cells.map(titles[entry["title"]])
    if "times" in entry:
        return pd.Series(to_months(_numbers(cells) * entry["times"]), index=raw.index)
    return entry.get("prefix", "") + cells.str.zfill(entry.get("width", 0))


def _highest(steps: Mapping[str, str], raw: pd.DataFrame, name: str) -> pd.Series:
    """The highest code whose column says 1, else 0."""
    made = pd.Series(0, index=raw.index, dtype="Int64")
    for code, column in sorted(steps.items(), key=lambda item: int(item[0])):
        made = made.mask((_raw(raw, column, name) == "1").fillna(False).astype(bool), int(code))
    return made


def _raw(raw: pd.DataFrame, column: str | None, name: str) -> pd.Series:
    if column not in raw:
        raise MappingError(f"{name}: the table has no column {column!r}; mend the mapping.")
    return raw[column]


def _intervals(entries: Mapping[str, Any], raw: pd.DataFrame) -> dict[str, pd.Series]:
    made = {}
    for name, entry in entries.items():
        told = interval(_numbers(_raw(raw, entry["year"], name)), _numbers(_raw(raw, entry["month"], name)))
        made[f"{name}_lo"] = pd.Series(to_months(told.lo), index=raw.index)
        made[f"{name}_hi"] = pd.Series(to_months(told.hi), index=raw.index)
    return made


def _numbers(cells: pd.Series) -> np.ndarray:
    return floats(pd.to_numeric(cells, errors="coerce").astype("Float64"))


def _unmapped(
    plan: Mapping[str, Any], raw: pd.DataFrame, frame: pd.DataFrame, titles: pd.DataFrame
) -> list[Finding]:
    """Words that no code or title stands for, and titles whose code is only probable."""
    findings = []
    for name, entry in plan["columns"].items():
        words = set(raw[entry["column"]].dropna()) if "column" in entry else set()
        if "codes" in entry:
            findings += [_unknown(name, word) for word in sorted(words - set(entry["codes"]))]
        if "title" in entry:
            findings += [_unknown(name, word) for word in sorted(words - set(titles.index))]
            known = titles.loc[sorted(words & set(titles.index))]
            unsure = known[(known["sure"] != "1") & known[entry["title"]].notna()]
            findings += [
                Finding(
                    "note", "code.probable", f"{name}/{title}", f"Coded {row[entry['title']]}: {row['why']}."
                )
                for title, row in unsure.iterrows()
            ]
    return findings


def _unknown(name: str, word: str) -> Finding:
    return Finding(
        "error", "code.missing", f"{name}/{word}", "The mapping has no code for this; add it there."
    )


def _outside(frame: pd.DataFrame, codebook: Codebook, key: str) -> list[Finding]:
    findings = []
    for name in map(str, frame.columns):
        variable = codebook.get(name, key) or codebook.get(name)
        codes = {choice.name for choice in variable.choices} if variable else set()
        told = frame[name].dropna().astype("string") if codes else pd.Series(dtype="string")
        findings += [
            Finding(
                "error",
                "value.outside_list",
                f"{name}/row {row + 1}",
                f"{value} is not in the list of {name}.",
            )
            for row, value in told[~told.isin(codes)].items()
        ]
    return findings


def _contradictions(checks: Mapping[str, Any], raw: pd.DataFrame, frame: pd.DataFrame) -> list[Finding]:
    findings = []
    if "stay" in checks:
        findings += _stay(frame, checks["stay"]["months"])
    if "age" in checks:
        findings += _age(checks["age"], raw, frame)
    if "notes" in checks:
        told = _raw(raw, checks["notes"], "notes").dropna()
        findings += [Finding("note", "source.note", _who(frame, row), note) for row, note in told.items()]
    return findings


def _stay(frame: pd.DataFrame, months: str) -> list[Finding]:
    """Stated months against those that the years of departure and return leave possible."""
    shortest = frame["ret_lo"] - frame["dep_hi"]
    longest = frame["ret_hi"] - frame["dep_lo"]
    stated = frame[months].astype("Int64")
    against = (stated > longest) | (stated < shortest)
    return [
        Finding(
            "warning",
            "source.stay",
            _who(frame, row),
            f"{stated[row]} months are stated; the years leave {max(shortest[row], 0)} to {longest[row]}.",
        )
        for row in frame.index[against.fillna(False).astype(bool)]
    ]


def _age(check: Mapping[str, Any], raw: pd.DataFrame, frame: pd.DataFrame) -> list[Finding]:
    """Quoted ages against the year of birth in the year of the interview."""
    quoted = _numbers(_raw(raw, check["quoted"], "age"))
    reckoned = check["year"] - _numbers(_raw(raw, check["born"], "age"))
    return [
        Finding(
            "warning",
            "source.age",
            _who(frame, row),
            f"Age {quoted[row]:.0f} is quoted; born so, {reckoned[row]:.0f} in {check['year']}.",
        )
        for row in np.flatnonzero(~np.isnan(quoted) & (quoted != reckoned))
    ]


def _who(frame: pd.DataFrame, row: Any) -> str:
    return str(frame["person_id"][row]) if "person_id" in frame else f"row {row + 1}"
