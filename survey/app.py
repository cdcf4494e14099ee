"""From settings to a live study: its database, its Central, its forms and its plan.

The only place where an engine or a connection to Central is made. An `App` is opened once by a command, a
job of the scheduler and handed down; a job asks it for a session and for a Central of its own. It
holds no clock: what needs the time is given it.
"""

import random
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from survey import store
from survey.config import FILE, Settings, load_settings

if TYPE_CHECKING:
    from instruments.corridor import Corridor
    from instruments.plan import WavePlan
    from survey.central import Central


def open_app(path: Path | None = None) -> "App":
    """The study whose survey.toml is at `path` (a file or its folder; by default the working folder)."""
    path = path or Path(FILE)
    file = path / FILE if path.is_dir() else path
    return App(load_settings(file), file.resolve().parent)


class App:
    """One study, live: settings and folder, and what is made from them when first asked for."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def __repr__(self) -> str:
        return f"App({self.settings.study.name!r}, {str(self.folder)!r})"

    @cached_property
    def engine(self) -> Engine:
        """The database, opened and of the right schema."""
        engine = store.connect(self.settings.database.url, self.folder)
        store.require_current(engine)
        return engine

    def close(self) -> None:
        """Close the connections to the database; the next use opens them anew."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def session(self) -> Session:
        """A new session; close it, or use it in a `with`."""
        return Session(self.engine)

    def central(self) -> "Central":
        """A new connection to Central, logged in on entering `with`; one per job, never for longer."""
        from survey.central import Central

        return Central(self.settings.central)

    @cached_property
    def plan(self) -> "WavePlan":
        """The waves of the study."""
        from instruments.plan import load_plan

        study = self.settings.study
        file = self.folder / study.plan_file if study.plan_file else None
        plan = load_plan(file, self.corridor.iso)
        return plan.first(study.waves) if study.waves else plan

    @property
    def corridor(self) -> "Corridor":
        """The corridor of the study: its words, choice lists and places."""
        from instruments.corridor import corridor

        return corridor(self.settings.study.corridor)

    @property
    def forms_folder(self) -> Path | None:
        """Where the study's own forms lie; None for those shipped."""
        folder = self.settings.study.forms_folder
        return self.folder / folder if folder else None

    @property
    def lists(self) -> dict[str, bytes]:
        """Attached lists the study has of its own in `lists/`, in place of shipped ones of that name."""
        return {path.name: path.read_bytes() for path in sorted((self.folder / "lists").glob("*.csv"))}

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the study."""
        return self.settings.zone

    @property
    def seed(self) -> int:
        """The seed of everything drawn at random."""
        return self.settings.study.seed

    def rng(self, purpose: str) -> random.Random:
        """Random numbers for one purpose: the same for the same seed, unrelated between purposes."""
        return random.Random(f"{self.seed} {purpose}")
