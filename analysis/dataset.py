"""Dataset: a release in memory and in its folder; nothing is computed from it here.

A release folder holds `<frame>.parquet` (labels of all languages in the metadata key `returnee_panel`),
`codebook.csv`, `codebook.json`, `manifest.json` and `README.txt`. The manifest carries a digest of every file
and one content digest over sorted values, types and labels. The content digest is defined here byte by byte,
so it does not change with the version of a library; the files repeat byte for byte under one set of versions.
Nothing in the folder tells when or where it was written. This file is the only door to pyarrow; exports to
other formats start from a Dataset.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from instruments.codebook import Codebook, Variable

DISCLOSURES = ("restricted", "published")
KEYS = ("person_id", "wave", "spell", "cm", "att_no")
METADATA_KEY = b"returnee_panel"

_DTYPES = {"integer": "Int64", "decimal": "Float64", "text": "string", "date": "datetime64[s]"}
_ARROW = {"integer": pa.int64(), "decimal": pa.float64(), "text": pa.string(), "date": pa.timestamp("s")}


class DatasetError(ValueError):
    """A release or a frame that is not what it says; the message tells which file or column, and why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release says about itself.

    `frames` maps a frame to its numbers of rows and columns, `files` a file name to its SHA-256 (empty before
    the release was written). `disclosure` is "restricted" or, only for data already in print, "published".
    `simulated` says that the people are invented.
    """

    name: str
    content_digest: str
    disclosure: str = "restricted"
    citation: str = ""
    simulated: bool = False
    frames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The manifest as text, frames in their order."""
        plain = asdict(
            replace(self, frames={k: dict(v) for k, v in self.frames.items()}, files=dict(self.files))
        )
        return json.dumps(plain, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Frames by name, the codebook that explains every column of them, and the manifest.

    `dataset["persons"]` is a copy of a frame, so that nobody changes a release by accident.
    """

    frames: Mapping[str, pd.DataFrame]
    codebook: Codebook
    manifest: Manifest

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str, pd.DataFrame],
        codebook: Codebook,
        *,
        name: str,
        disclosure: str = "restricted",
        citation: str = "",
        simulated: bool = False,
    ) -> Dataset:
        """A dataset of anybody's frames whose columns are variables of the codebook.

        Columns are typed as the codebook says and rows put in the order of their keys. The codebook of the
        result holds the variables of these columns and of the inputs named by them.

        Raises
        ------
        DatasetError
            A column is not in the codebook, is identifying, or holds values of another type; keys are not
            unique; published data name no citation.
        """
        if disclosure not in DISCLOSURES:
            raise DatasetError(f"disclosure is one of {', '.join(DISCLOSURES)}, not {disclosure!r}.")
        if disclosure == "published" and not citation:
            raise DatasetError(
                f"{name}: data declared as published need the citation under which they are in print."
            )
        typed = {key: _typed(key, frame, codebook) for key, frame in frames.items()}
        kept = _codebook_of(typed, codebook)
        manifest = Manifest(
            name=name,
            content_digest=content_digest(typed, kept),
            disclosure=disclosure,
            citation=citation,
            simulated=simulated,
            frames={key: {"rows": len(f), "columns": f.shape[1]} for key, f in typed.items()},
        )
        return cls(MappingProxyType(typed), kept, manifest)

    @classmethod
    def read(cls, folder: Path | str) -> Dataset:
        """The release in a folder, held against its manifest.

        Raises
        ------
        DatasetError
            The folder has no manifest, a file is missing or was changed after the release was written.
        """
        folder = Path(folder)
        manifest = _manifest_in(folder)
        for file, digest in sorted(manifest.files.items()):
            path = folder / file
            if not path.is_file():
                raise DatasetError(f"{folder.name}: {file} is missing; fetch the whole release again.")
            if _sha256(path.read_bytes()) != digest:
                raise DatasetError(
                    f"{folder.name}: {file} was changed after the release was written; restore it."
                )
        codebook = Codebook.from_json((folder / "codebook.json").read_text(encoding="utf-8"))
        frames = {key: _from_parquet(folder / f"{key}.parquet") for key in manifest.frames}
        return cls(MappingProxyType(frames), codebook, manifest)

    @property
    def digest(self) -> str:
        """The content digest: the same for the same values, types and labels, whatever wrote them."""
        return self.manifest.content_digest

    def __getitem__(self, frame: str) -> pd.DataFrame:
        if frame not in self.frames:
            raise KeyError(f"{self.manifest.name} has no frame {frame!r}; it has {', '.join(self.frames)}.")
        return self.frames[frame].copy()

    def __str__(self) -> str:
        parts = [f"{key} {len(frame)} × {frame.shape[1]}" for key, frame in self.frames.items()]
        return f"{self.manifest.name} [{self.digest[:12]}]: {'; '.join(parts)}"

    def variable(self, frame: str, column: str) -> Variable:
        """The variable that explains a column: the one of this frame, else the asked one of that name."""
        return _variable_of(self.codebook, frame, column)

    def write(self, folder: Path | str) -> Manifest:
        """Write the release folder and return the manifest with the digests of its files.

        Writing the same dataset twice gives the same bytes.

        Raises
        ------
        DatasetError
            The folder holds another release; a release is never overwritten by different content.
        """
        folder = Path(folder)
        if (folder / "manifest.json").exists() and _manifest_in(folder).content_digest != self.digest:
            raise DatasetError(
                f"{folder.name} holds another release; choose a new folder for {self.digest[:12]}."
            )
        files = self._files()
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        digests = {file: _sha256(content) for file, content in sorted(files.items())}
        manifest = replace(self.manifest, files=digests)
        (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8", newline="\n")
        return manifest

    def _files(self) -> dict[str, bytes]:
        table = self.codebook.to_frame().to_csv(index=False, lineterminator="\n")
        return {
            **{f"{key}.parquet": _to_parquet(frame, self._labels(key)) for key, frame in self.frames.items()},
            "codebook.csv": table.encode(),
            "codebook.json": self.codebook.to_json().encode(),
            "README.txt": _readme(self).encode(),
        }

    def _labels(self, frame: str) -> str:
        rows = [_meaning(self.variable(frame, column)) for column in self.frames[frame].columns]
        content = {"release": self.digest, "frame": frame, "variables": rows}
        return json.dumps(content, ensure_ascii=False, sort_keys=True)


def content_digest(frames: Mapping[str, pd.DataFrame], codebook: Codebook) -> str:
    """SHA-256 over the sorted values, the types and the labels of typed frames.

    Frames are taken by name and columns by name; rows in the order of their keys, then of all columns. A
    column is hashed as the JSON of `[frame, name, type]` and of its meaning, then its values: whole numbers
    as signed 64-bit and decimals as IEEE doubles, both little-endian with 0 where missing and followed by one
    byte per row that says what is missing; text as a JSON list; dates as whole seconds since 1970.
    """
    digest = hashlib.sha256()
    for key in sorted(frames):
        frame = _sorted_fully(frames[key])
        digest.update(f"{key}:{len(frame)}\n".encode())
        for column in sorted(frame.columns):
            kind = _kind(frame[column])
            meaning = _meaning(_variable_of(codebook, key, column))
            digest.update(json.dumps([key, column, kind, meaning], sort_keys=True).encode())
            for part in _values(frame[column], kind):
                digest.update(part)
    return digest.hexdigest()


def _typed(key: str, frame: pd.DataFrame, codebook: Codebook) -> pd.DataFrame:
    if frame.columns.has_duplicates:
        raise DatasetError(f"{key}: a column stands twice.")
    columns = {
        c: _typed_column(key, frame[c], _variable_of(codebook, key, c)) for c in map(str, frame.columns)
    }
    typed = pd.DataFrame(columns).reset_index(drop=True)
    keys = [k for k in KEYS if k in typed]
    if keys and typed.duplicated(keys).any():
        raise DatasetError(
            f"{key}: {int(typed.duplicated(keys).sum())} rows repeat the key {', '.join(keys)}."
        )
    return typed.sort_values(keys, ignore_index=True, kind="stable") if keys else typed


def _typed_column(key: str, column: pd.Series, variable: Variable) -> pd.Series:
    where = f"{key}.{column.name}"
    if variable.is_identifying:
        raise DatasetError(f"{where} is identifying and cannot be part of a release; leave it out.")
    kind = _KINDS.get(variable.type) or _coded_kind(column, variable)
    try:
        return column.reset_index(drop=True).astype(_DTYPES[kind])
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{where} is {variable.type} in the codebook, but holds other values.") from error


_KINDS = {
    "integer": "integer",
    "decimal": "decimal",
    "date": "date",
    "text": "text",
    "datetime": "text",
    "select_multiple": "text",
}


def _coded_kind(column: pd.Series, variable: Variable) -> str:
    """Whole numbers where all codes of the list are; an attached list keeps the type that came in."""
    codes = [choice.name for choice in variable.choices]
    if variable.type in ("select_one", "state") and codes:
        return "integer" if all(_is_whole(code) for code in codes) else "text"
    return "text" if not pd.api.types.is_numeric_dtype(column) else _number_kind(column)


def _is_whole(code: str) -> bool:
    return code.removeprefix("-").isdigit() and str(int(code)) == code


def _number_kind(column: pd.Series) -> str:
    return "integer" if pd.api.types.is_integer_dtype(column) else "decimal"


def _variable_of(codebook: Codebook, frame: str, column: str) -> Variable:
    found = codebook.get(column, frame) or codebook.get(column)
    if found is None:
        raise DatasetError(f"{frame}.{column} is not in the codebook; add it there or leave the column out.")
    return found


def _codebook_of(frames: Mapping[str, pd.DataFrame], codebook: Codebook) -> Codebook:
    used = {(v.form, v.frame, v.name): v for v in _used(frames, codebook)}
    wanted = {name for variable in used.values() for name in variable.inputs}
    for variable in codebook.variables:
        if variable.name in wanted and variable.form:
            used.setdefault((variable.form, variable.frame, variable.name), variable)
    return Codebook(v for v in codebook.variables if (v.form, v.frame, v.name) in used)


def _used(frames: Mapping[str, pd.DataFrame], codebook: Codebook) -> Iterator[Variable]:
    for key, frame in frames.items():
        for column in frame.columns:
            yield _variable_of(codebook, key, column)


def _meaning(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": variable.type,
        "label": dict(variable.label),
        "unit": variable.unit,
        "choices": [[choice.name, dict(choice.label)] for choice in variable.choices],
        "missing": dict(variable.missing),
        "sensitivity": variable.sensitivity,
    }


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    return "text" if not pd.api.types.is_numeric_dtype(column) else _number_kind(column)


def _sorted_fully(frame: pd.DataFrame) -> pd.DataFrame:
    keys = [k for k in KEYS if k in frame]
    if not keys or frame.duplicated(keys).any():
        keys += sorted(set(frame.columns) - set(keys))
    return frame.sort_values(keys, ignore_index=True, kind="stable") if keys else frame


def _values(column: pd.Series, kind: str) -> Iterable[bytes]:
    if kind == "text":
        return [json.dumps([None if pd.isna(v) else str(v) for v in column.tolist()]).encode()]
    missing = column.isna().to_numpy()
    if kind == "date":
        column = column.astype("datetime64[s]").astype("int64").where(~missing, 0)
    numbers = column.to_numpy(dtype="<f8" if kind == "decimal" else "<i8", na_value=0)
    return [(np.where(missing, 0, numbers) + 0).tobytes(), missing.astype("u1").tobytes()]


def _to_parquet(frame: pd.DataFrame, labels: str) -> bytes:
    schema = pa.schema([(c, _ARROW[_kind(frame[c])]) for c in frame.columns], metadata={METADATA_KEY: labels})
    arrays = [pa.array(frame[f.name], type=f.type, from_pandas=True) for f in schema]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _from_parquet(path: Path) -> pd.DataFrame:
    table = pq.read_table(path)
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.float64(): pd.Float64Dtype()}.get)
    kinds = {c: _kind(frame[c]) for c in frame.columns}
    return frame.astype({c: _DTYPES[kind] for c, kind in kinds.items() if kind in ("text", "date")})


def _manifest_in(folder: Path) -> Manifest:
    try:
        return Manifest.from_json((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(f"{folder} holds no release: there is no manifest.json.") from error
    except (TypeError, json.JSONDecodeError) as error:
        raise DatasetError(f"{folder.name}/manifest.json cannot be read; fetch the release again.") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _readme(dataset: Dataset) -> str:
    manifest = dataset.manifest
    rows = "\n".join(
        f"  {key}.parquet{'':<{max(1, 24 - len(key))}}{len(frame)} rows, {frame.shape[1]} columns"
        for key, frame in dataset.frames.items()
    )
    about = {
        "restricted": "Restricted: tables pass the suppression rules before they leave the study.",
        "published": "Published: every value is already in print under the citation below.",
    }
    citation = f"\nCite as: {manifest.citation}\n" if manifest.citation else ""
    return f"""{manifest.name}
Release {manifest.content_digest}

{rows}
  codebook.csv, codebook.json   what every column means, in all languages
  manifest.json                 digests of all files, and the content digest above

Months are century months, (year - 1900) * 12 + month. Spells are (start, stop]. Empty cells are missing.
Labels travel inside each Parquet file, in the metadata key "{METADATA_KEY.decode()}" (JSON).
Python:  from analysis import Dataset; Dataset.read("{manifest.name}")
R:       arrow::read_parquet("persons.parquet")

{about[manifest.disclosure]}
{citation}"""
