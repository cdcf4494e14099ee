"""The virtual tablet: a real form, filled by ODK Collect's engine.

A `Tablet` keeps each form parsed (openform.py) and holds one interview after the other (interview.py). No
HTTP (collect.py), no people (respondents), no plan of visits (fieldwork.py) here. Study time and ids are
arguments. A form is parsed once; every interview starts from a copy of its empty instance.
"""

import random
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

from survey.sandbox.engine import Moment, engine, set_zone
from survey.sandbox.interview import Answering, Filled, Interview, Violation, Written
from survey.sandbox.openform import OpenForm

__all__ = ["Filled", "Tablet", "Violation", "uuids"]


def uuids(seed: str) -> Iterator[str]:
    """Version 4 UUIDs that follow from the seed alone, the same on every machine."""
    rng = random.Random(seed)
    while True:
        yield str(uuid.UUID(int=rng.getrandbits(128), version=4))


class Tablet:
    """Fills forms and keeps each one parsed."""

    def __init__(self) -> None:
        engine()
        self._opened: dict[str, OpenForm] = {}

    def fill(
        self,
        form: Path,
        media: Path,
        answers: Mapping[str, Any] | Answering,
        *,
        when: datetime,
        ids: Iterator[str],
        lasted: timedelta = timedelta(minutes=30),
        language: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Filled:
        """Answer the XForm `form`, whose attached files lie in `media`, at the aware time `when`.

        Answers go by question name, groups written out or left out; a repeat is a list of dictionaries;
        `{"tries": [200, 31]}` is an interviewer who is refused and corrects. Answers to questions the form
        does not ask stay unused. In place of a dictionary an `Answering` is asked at each screen. `language`
        is a language of the form as it names it.
        """
        if when.tzinfo is None:
            raise ValueError("an interview takes place at a time with a zone; the tablet writes dates in it")
        set_zone(when)
        engine().references.point_to(media)
        opened = self._open(form)
        opened.refresh(media)
        answering = Written(answers) if isinstance(answers, Mapping) else answers
        moment = Moment(when, lasted, ids)
        return Interview(opened, answering, language).run(moment, dict(properties or {}))

    def _open(self, form: Path) -> OpenForm:
        digest = md5(form.read_bytes()).hexdigest()
        if digest not in self._opened:
            self._opened[digest] = OpenForm(form)
        return self._opened[digest]
