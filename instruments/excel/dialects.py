"""Dialects: the words of XLSForm – sheets, headings, question types – in the ways people write them.

The words kept here are those of ODK (xlsform.org), which Central and KoboToolbox read as they stand; what
pyxform also takes, older names, and SurveyCTO's own headings are brought to them and, for SurveyCTO, back.
Only words live here; rows and findings are `workbook`'s.
"""

from __future__ import annotations

import re

from instruments.languages import named

DIALECTS = ("odk", "surveycto")
SHEETS = ("survey", "choices", "settings", "entities")
TEXTS = ("label", "hint", "guidance_hint", "constraint_message", "required_message")
MEDIA = ("image", "big-image", "audio", "video")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KNOWN = {
    "survey": _words(
        """type name label hint guidance_hint required required_message relevant appearance constraint
        constraint_message calculation choice_filter repeat_count default read_only trigger parameters save_to
        disabled image big-image audio video autoplay body bind instance intent rows no_app_error_string"""
    ),
    "settings": _words(
        """form_title form_id version default_language instance_name style public_key submission_url
        allow_choice_duplicates omit_instanceid prefix clean_text_values add_none_option name auto_send
        auto_delete namespaces sms_keyword sms_separator client_editable"""
    ),
    "entities": _words("list_name entity_id label create_if update_if repeat"),
}
"""Columns that mean something to pyxform; a choices sheet may have any others, to filter by."""

_ALIASES = {
    "survey": {
        "relevance": "relevant",
        "caption": "label",
        "constraining_message": "constraint_message",
        "calculate": "calculation",
        "command": "type",
        "tag": "name",
        "value": "name",
        "count": "repeat_count",
        "jr:count": "repeat_count",
        "readonly": "read_only",
        "requiredmsg": "required_message",
        "noapperrorstring": "no_app_error_string",
        "bind::relevant": "relevant",
        "bind::required": "required",
        "bind::constraint": "constraint",
        "bind::calculate": "calculation",
        "bind::readonly": "read_only",
        "bind::jr:constraintmsg": "constraint_message",
        "bind::jr:requiredmsg": "required_message",
        "body::appearance": "appearance",
        "control::appearance": "appearance",
    },
    "choices": {"value": "name", "caption": "label"},
    "settings": {"set_form_title": "form_title", "set_form_id": "form_id", "id_string": "form_id"},
    "entities": {"dataset": "list_name"},
}
_SELECTS = {
    "select_one_from_file": ("select_one_from_file", "select one from file"),
    "select_multiple_from_file": ("select_multiple_from_file", "select multiple from file"),
    "select_one": ("add select one prompt using", "select one from", "select_one", "select one", "select1"),
    "select_multiple": (
        "add select multiple prompt using",
        "select all that apply from",
        "select all that apply",
        "select_multiple",
        "select multiple",
    ),
    "rank": ("rank",),
}
"""Selects with the ways to write them, longer ones first."""
_OTHER = ("or_other", "or other", "or specify other")
_PLAIN = _words(
    """integer decimal text note calculate date time today start end deviceid username email phonenumber
    simserial subscriberid geopoint geotrace geoshape start-geopoint background-geopoint barcode image audio
    video file background-audio audit acknowledge hidden range datetime csv-external xml-external"""
)
_TYPES = {
    **{f"begin{sign}{kind}": f"begin_{kind}" for sign in " _" for kind in ("group", "repeat")},
    **{f"end{sign}{kind}": f"end_{kind}" for sign in " _" for kind in ("group", "repeat")},
    **{f"begin {word}": "begin_repeat" for word in ("lgroup", "looped group")},
    **{f"end {word}": "end_repeat" for word in ("lgroup", "looped group")},
    **{word: word for word in _PLAIN},
    "int": "integer",
    "string": "text",
    "photo": "image",
    "gps": "geopoint",
    "location": "geopoint",
    "trigger": "acknowledge",
    "date time": "datetime",
    "start time": "start",
    "end time": "end",
    "device id": "deviceid",
    "imei": "deviceid",
    "phone number": "phonenumber",
}
_SURVEYCTO_TYPES = _words(
    "caseid calculate_here comments text audio speed sensor_statistic sensor_stream begin_table"
)
_KOBO_TYPES = _words("begin_score score__row begin_rank rank__level begin_kobomatrix end_kobomatrix")
_SURVEYCTO = {
    "relevant": "relevance",
    "constraint_message": "constraint message",
    "required_message": "required message",
    "read_only": "read only",
}


def heading(sheet: str, said: str) -> str:
    """A heading as written here: known names in small letters, the language apart by `::`; "" for a blank."""
    plain = " ".join(said.split())
    aliases = _ALIASES.get(sheet, {})
    lower = plain.lower().replace(" ", "_")
    if lower in aliases:
        return aliases[lower]
    parts = [part.strip() for part in re.split(r"::|:", plain) if part.strip()]
    if not parts or parts[0].lower() == "codebook":
        return plain
    first = parts[0].lower().replace(" ", "_")
    if first == "media" and len(parts) > 1:
        parts, first = parts[1:], parts[1].lower()
    first = aliases.get(first, first)
    if sheet in ("survey", "choices") and first in (*TEXTS, *MEDIA):
        return f"{first}::{named(':'.join(parts[1:]))}" if len(parts) > 1 else first
    if first in KNOWN.get(sheet, ()) or (sheet == "choices" and first in ("list_name", "name")):
        return "::".join([first, *parts[1:]])
    return plain


def is_text(name: str) -> bool:
    """Whether a column holds words or media, which have a language."""
    return name.partition("::")[0] in (*TEXTS, *MEDIA)


def question_type(said: str) -> tuple[str, bool]:
    """A type as written here ("" if ODK has none such), and whether people may name another answer."""
    lower = said.lower()
    if said == "dateTime":
        return said, False
    if lower in _TYPES:
        return _TYPES[lower], False
    for kind, ways in _SELECTS.items():
        way = next((way for way in ways if lower.startswith(f"{way} ")), None)
        if way is not None:
            name, _, rest = said[len(way) + 1 :].partition(" ")
            other = rest.strip().lower() in _OTHER
            return (f"{kind} {name}", other) if other or not rest else ("", False)
    return "", False


def elsewhere(said: str) -> str:
    """Why a type is not read, in words."""
    word = said.lower().split()[0]
    for server, words in (("SurveyCTO", _SURVEYCTO_TYPES), ("KoboToolbox", _KOBO_TYPES)):
        if word in words:
            return f"is of {server}, ODK does not know it"
    return "is not read here"


def surveycto_heading(sheet: str, name: str) -> str:
    """A heading as SurveyCTO's template has it; `heading` brings it back."""
    first, separator, language = name.partition("::")
    if first == "codebook":
        return name
    if sheet == "choices" and name == "name":
        return "value"
    first = _SURVEYCTO.get(first, first) if sheet == "survey" else first
    first = f"media:{first}" if first in MEDIA and sheet == "survey" else first
    return f"{first}:{language}" if separator else first


def surveycto_type(kind: str) -> str:
    """A type as SurveyCTO writes it: `begin group` and its kin have a blank."""
    found = re.fullmatch(r"(begin|end)_(group|repeat)", kind)
    return f"{found[1]} {found[2]}" if found else kind
