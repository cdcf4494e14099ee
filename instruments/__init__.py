"""Definitions of the panel as text, and what follows from text alone: forms, codebook, wave plan, decoding.

No network, no database, no clock. The rooms: `instrument` and `sheets` (forms), `xform` (build and
validate), `lint`, `decode`, `codebook`, `plan`, `findings`.
"""

from instruments.codebook import Codebook, Variable
from instruments.decode import decode
from instruments.findings import Finding
from instruments.instrument import Instrument, forms, lists, load
from instruments.lint import lint
from instruments.plan import WavePlan, load_plan
from instruments.xform import BuiltForm, FormError, build, validate

__all__ = [
    "BuiltForm",
    "Codebook",
    "Finding",
    "FormError",
    "Instrument",
    "Variable",
    "WavePlan",
    "build",
    "decode",
    "forms",
    "lint",
    "lists",
    "load",
    "load_plan",
    "validate",
]
