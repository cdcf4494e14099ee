"""Worker processes that fill forms, one tablet in each; what they give does not depend on how many there are.

Everything random about a job is in the job itself, and results come back in the order of the jobs.
Processes are spawned, not forked: a JVM does not survive a fork. With one worker the forms are filled in
this process.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

from survey.sandbox.interview import Answering
from survey.sandbox.tablet import Filled, Tablet, uuids

BATCH = 8  # jobs that travel to a worker together


@dataclass(frozen=True, slots=True)
class Job:
    """A form to fill: which one, with what answers, when, and the seed of its ids."""

    form: Path
    media: Path
    answers: dict[str, Any] | Answering
    when: datetime
    seed: str
    lasted: timedelta = timedelta(minutes=30)
    language: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


class Pool:
    """A pool of tablets, started at the first job; to be used as a context manager."""

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers or min(2, os.cpu_count() or 1)
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def fill(self, jobs: Sequence[Job]) -> list[Filled]:
        """The filled forms, in the order of the jobs."""
        if self.workers == 1:
            return [_fill(job) for job in jobs]
        if self._executor is None:
            self._executor = ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))
        return list(self._executor.map(_fill, jobs, chunksize=BATCH))


def _fill(job: Job) -> Filled:
    return _tablet().fill(
        job.form,
        job.media,
        job.answers,
        when=job.when,
        ids=uuids(job.seed),
        lasted=job.lasted,
        language=job.language,
        properties=job.properties,
    )


@cache
def _tablet() -> Tablet:
    """The one tablet of this process."""
    return Tablet()
