"""The researcher's vocabulary in one import: `from analysis import Dataset, person_months, kaplan_meier`.

Names are fetched when first used, so that the package imports fast; the modules say what they mean.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Dataset": "analysis.dataset",
    "build_frames": "analysis.panel",
    "derive": "analysis.indicators",
    "import_frame": "analysis.frames_import",
    "person_months": "analysis.spells",
    "spells_of": "analysis.spells",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"analysis has no {name!r}; it offers {', '.join(__all__)}.")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
