"""What a timetable promises.

1. Every rhythm names moments in the study's wall time; UTC comes out.
2. Only the latest past moment counts, so missed ticks coalesce.
3. A day that a month lacks is the last day of that month, counted from the month itself.
4. A wall time skipped in spring still happens; one that comes twice in autumn happens once.
5. Words that are no rhythm are refused with the job, the words and the cure.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.timetable import TimetableError, read
from survey.config import TIMETABLE

HANOI, BERLIN = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin")


def latest(words: str, now: str, zone: ZoneInfo = HANOI) -> str:
    (entry,) = read({"job": words})
    moment = entry.latest(datetime.fromisoformat(now).replace(tzinfo=zone), zone)
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("words", "now", "expected"),
    [
        ("hourly :05", "2026-03-02T10:04", "2026-03-02 09:05"),
        ("hourly :05", "2026-03-02T10:05", "2026-03-02 10:05"),
        ("daily 05:20", "2026-03-02T05:19", "2026-03-01 05:20"),
        ("daily 05:20", "2026-03-02T05:20", "2026-03-02 05:20"),
        ("weekly mon 05:10", "2026-03-08T23:00", "2026-03-02 05:10"),
        ("weekly sun 05:10", "2026-03-08T05:10", "2026-03-08 05:10"),
        ("monthly 31 06:00", "2026-03-01T00:00", "2026-02-28 06:00"),
        ("monthly 31 06:00", "2026-04-01T00:00", "2026-03-31 06:00"),
        ("quarterly 1 06:00", "2026-03-31T00:00", "2026-01-01 06:00"),
        ("quarterly 1 06:00", "2026-04-01T06:00", "2026-04-01 06:00"),
    ],
)
def test_the_latest_moment_of_each_rhythm(words: str, now: str, expected: str) -> None:
    assert latest(words, now) == expected


def test_a_wall_time_that_spring_skips_moves_on_by_the_missing_hour() -> None:
    (entry,) = read({"job": "daily 02:30"})
    after = datetime(2026, 3, 29, 12, tzinfo=BERLIN)
    assert entry.latest(after, BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_wall_time_that_autumn_repeats_counts_once() -> None:
    (entry,) = read({"job": "daily 02:30"})
    night = [datetime(2026, 10, 24, 23, 0, tzinfo=UTC) + timedelta(minutes=10 * k) for k in range(36)]
    assert len({entry.latest(now, BERLIN) for now in night}) == 2  # the evening before, and one that night


def test_off_leaves_a_job_out_and_the_default_can_be_read() -> None:
    assert read({"release": "off"}) == ()
    assert [entry.job for entry in read(TIMETABLE)] == list(TIMETABLE)


@pytest.mark.parametrize(
    "words", ["daily", "daily 25:00", "weekly monday 05:00", "monthly 32 05:00", "hourly 5"]
)
def test_words_that_are_no_rhythm_are_refused_with_the_cure(words: str) -> None:
    with pytest.raises(TimetableError, match=r"\[schedule\] sync.*write hourly"):
        read({"sync": words})


@given(
    words=st.sampled_from(
        ["hourly :59", "daily 00:00", "weekly sun 23:59", "monthly 30 12:00", "quarterly 31 05:00"]
    ),
    now=st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from([HANOI, BERLIN]),
)
def test_following_is_the_next_moment_after_now_and_its_own_latest(
    words: str, now: datetime, zone: ZoneInfo
) -> None:
    (entry,) = read({"job": words})
    before, after = entry.latest(now, zone), entry.following(now, zone)
    assert before <= now < after
    assert entry.latest(after, zone) == after
    assert entry.latest(after - timedelta(seconds=1), zone) == before
