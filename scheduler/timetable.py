"""When jobs are due: entries read from settings, and the moments they name.

A timetable is data. An entry names a job and a rhythm in words (`daily 05:20`); nothing here knows a clock, a
database or APScheduler. Moments are local wall times of the study's zone. A wall time that the clocks skip in
spring moves on by the missing hour; one that comes twice in autumn counts once, the first time it comes.
Missed moments are not made up one by one: only the latest moment that has passed matters (`latest`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RHYTHMS = "hourly :MM, daily HH:MM, weekly DAY HH:MM, monthly D HH:MM, quarterly D HH:MM or off"


class TimetableError(ValueError):
    """A rhythm that cannot be read; the message names the job, the words and the rhythms that can."""

    exit_code = 2  # as for all settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One job and its rhythm.

    `period` is hour, day, week, month or quarter; `day` the weekday (0 = Monday) or the day of the month, cut
    to the last day of a short month; `at` the wall time, of which an hourly entry uses the minute only.
    """

    job: str
    period: str
    at: time
    day: int = 0

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last moment at or before `now` (aware) that this entry names, in UTC."""
        for moment in self._backwards(now.astimezone(zone)):
            if moment <= now:
                return moment.astimezone(UTC)
        raise AssertionError("every rhythm has a past moment")  # pragma: no cover

    def following(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The first moment after `now` that this entry names, in UTC."""
        ahead = now + timedelta(days=1)
        while (moment := self.latest(ahead, zone)) <= now:
            ahead += timedelta(days=1)
        while (earlier := self.latest(moment - timedelta(microseconds=1), zone)) > now:
            moment = earlier
        return moment

    def _backwards(self, local: datetime) -> Iterator[datetime]:
        zone = local.tzinfo
        if self.period == "hour":
            hour = local.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            offset = timedelta(minutes=self.at.minute)
            yield from (hour + offset - timedelta(hours=back) for back in range(3))
        else:
            yield from (datetime.combine(day, self.at, tzinfo=zone) for day in self._days(local.date()))

    def _days(self, today: date) -> Iterator[date]:
        if self.period == "day":
            yield from (today - timedelta(days=back) for back in range(3))
        elif self.period == "week":
            this_week = today - timedelta(days=(today.weekday() - self.day) % 7)
            yield from (this_week - timedelta(weeks=back) for back in range(3))
        else:
            step = 1 if self.period == "month" else 3
            month = today.year * 12 + today.month - 1
            month -= month % step
            yield from (_day_of_month(month - back * step, self.day) for back in range(3))


def read(schedule: Mapping[str, str]) -> tuple[Entry, ...]:
    """The entries of a `[schedule]` table, in its order; a job set to `off` has none.

    Raises
    ------
    TimetableError
        A rhythm is not one of the five forms.
    """
    entries = (_entry(job, words) for job, words in schedule.items())
    return tuple(entry for entry in entries if entry is not None)


def _entry(job: str, words: str) -> Entry | None:
    said = words.strip().lower()
    if said == "off":
        return None
    if match := re.fullmatch(r"hourly :([0-5]\d)", said):
        return Entry(job, "hour", time(0, int(match[1])))
    if match := re.fullmatch(r"daily ([01]\d|2[0-3]):([0-5]\d)", said):
        return Entry(job, "day", time(int(match[1]), int(match[2])))
    if match := re.fullmatch(rf"weekly ({'|'.join(WEEKDAYS)}) ([01]\d|2[0-3]):([0-5]\d)", said):
        return Entry(job, "week", time(int(match[2]), int(match[3])), WEEKDAYS.index(match[1]))
    if match := re.fullmatch(r"(month|quarter)ly ([1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):([0-5]\d)", said):
        return Entry(job, match[1], time(int(match[3]), int(match[4])), int(match[2]))
    raise TimetableError(f"settings, [schedule] {job}: “{words}” is not a rhythm; write {RHYTHMS}")


def _day_of_month(month: int, day: int) -> date:
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day - 1), following - timedelta(days=1))
