"""ODK Central through pyodk: the one door to it.

    wire.py      the session: login, retries, timeouts, and how every failure becomes one of our errors
    central.py   Central: forms, submissions, entities, app users, in our words
    drafts.py    a form's way to a published version, in steps that can be taken again
    access.py    which rows of an entity list an app user downloads
    tablets.py   what a tablet gets, asked with its own key

Nothing else imports pyodk or requests. A `Central` lives for one job. Nothing is known here of tables or
waves.
"""

from survey.central.access import Access, Rule
from survey.central.central import Central, Edit
from survey.central.drafts import Published
from survey.central.tablets import Tablets

__all__ = ["Access", "Central", "Edit", "Published", "Rule", "Tablets"]
