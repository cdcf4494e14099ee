"""Languages as column headings name them: `English (en)` – a name people read and the code machines read.

Foreign forms write `English`, `english(en)`, `fr` or `عربى`; `named` brings them to one way of writing. Only
names that leave no doubt are known here, the rest has to be written out by a person.
"""

from __future__ import annotations

import re
import unicodedata

_CODED = re.compile(r"(?P<name>.*?)\s*\((?P<code>[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)\)")
_NAMES = {
    "am": "Amharic አማርኛ",
    "ar": "Arabic العربية عربي عربى",
    "bn": "Bengali Bangla বাংলা",
    "de": "German Deutsch",
    "en": "English Anglais Inglés Inglês",
    "es": "Spanish Español Espagnol Espanol",
    "fa": "Persian Farsi فارسی",
    "fr": "French Français Francais",
    "ha": "Hausa",
    "hi": "Hindi हिन्दी",
    "id": "Indonesian Indonesia",
    "it": "Italian Italiano",
    "ja": "Japanese 日本語",
    "km": "Khmer ខ្មែរ",
    "ko": "Korean 한국어",
    "lo": "Lao ລາວ",
    "ms": "Malay Melayu",
    "my": "Burmese Myanmar မြန်မာ",
    "ne": "Nepali नेपाली",
    "ps": "Pashto پښتو",
    "pt": "Portuguese Português Portugues Portugais",
    "ru": "Russian Русский",
    "rw": "Kinyarwanda",
    "si": "Sinhala සිංහල",
    "so": "Somali Soomaali",
    "sw": "Swahili Kiswahili",
    "ta": "Tamil தமிழ்",
    "tet": "Tetum Tetun",
    "th": "Thai ไทย",
    "tl": "Filipino Tagalog Pilipino",
    "tr": "Turkish Türkçe",
    "uk": "Ukrainian Українська",
    "ur": "Urdu اردو",
    "vi": "Vietnamese",
    "zh": "Chinese 中文",
}
_PHRASES = {"tiếng việt": "vi", "bahasa indonesia": "id", "bahasa melayu": "ms"}
_OWN = {
    "id": "Bahasa Indonesia",
    "ja": "日本語",
    "km": "ខ្មែរ",
    "my": "မြန်မာ",
    "tl": "Filipino",
    "vi": "Tiếng Việt",
}
_CODES = {name.casefold(): code for code, names in _NAMES.items() for name in names.split()} | _PHRASES
_FIRST = {code: names.split()[0] for code, names in _NAMES.items()}


def code_of(text: str) -> str:
    """The code of a language as written; "" if it names none and is not known."""
    text = unicodedata.normalize("NFC", text.strip())
    if found := _CODED.fullmatch(text):
        return found["code"].lower() if "-" not in found["code"] else found["code"]
    plain = text.casefold()
    return plain if plain in _FIRST else _CODES.get(plain, "")


def named(text: str) -> str:
    """The language as `Name (code)`; as it stands where the code is not known."""
    text = text.strip()
    if found := _CODED.fullmatch(text):
        return f"{found['name'] or found['code']} ({found['code']})"
    code = code_of(text)
    if not code:
        return text
    name = _FIRST[code] if text.casefold() == code else text
    return f"{name[0].upper()}{name[1:]} ({code})"


def column_name(code: str) -> str:
    """How a new column of a language is headed: its own name for itself where it is known, and the code."""
    return f"{_OWN.get(code) or _FIRST.get(code, code)} ({code})"
