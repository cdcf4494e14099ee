"""The history of the schema, one step per file in versions/; `survey.store.upgrade` walks it.

A step never imports from the living code: what a table was in that version is written there for good. SQLite
and PostgreSQL take the same steps; where their words differ (triggers), the step holds both.
"""
