"""The platform: store, Central, people, commands. What follows from text alone is in `instruments`.

Read `survey/README.md` for the rooms. Nothing is imported here, so that a command starts quickly.
"""
