"""The researcher's vocabulary in one import: `from analysis import Dataset, person_months, kaplan_meier`.

Names are fetched when first used, so that the package imports fast; the modules say what they mean. Where a
function has its module's name (`logit`), `analysis.logit` is the function, however the module was loaded.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOMES = {
    "Dataset": "analysis.dataset",
    "Document": "analysis.document",
    "Table": "analysis.tables",
    "build_frames": "analysis.panel",
    "clogit": "analysis.logit",
    "cox": "analysis.hazard",
    "cumulative_incidence": "analysis.survival",
    "derive": "analysis.indicators",
    "hazard": "analysis.discrete",
    "import_frame": "analysis.frames_import",
    "kaplan_meier": "analysis.survival",
    "logit": "analysis.logit",
    "logrank": "analysis.survival",
    "nelson_aalen": "analysis.survival",
    "person_months": "analysis.spells",
    "restricted_mean": "analysis.survival",
    "spells_of": "analysis.calendars",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"analysis has no {name!r}; it offers {', '.join(__all__)}.")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__


class _Vocabulary(ModuleType):
    """This package, in which a word of the vocabulary never becomes the module it comes from."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Vocabulary
