"""ODK Central through pyodk: the one door to it.

    wire.py      the session: login, retries, timeouts, and how every failure becomes one of our errors
    central.py   Central: forms, submissions, entities, app users, in our words
    drafts.py    a form's way to a published version, in steps that can be taken again

Nothing else imports pyodk or requests. A `Central` lives for one job. Nothing is known here of tables or
waves.
"""

from survey.central.central import Central, Edit
from survey.central.drafts import Published

__all__ = ["Central", "Edit", "Published"]
