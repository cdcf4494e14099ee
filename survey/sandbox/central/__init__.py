"""A stand-in for ODK Central that answers over a real socket as a recorded Central does.

`StandIn` holds projects, forms, submissions and entity lists in one SQLite file and takes its clock,
account and seed as arguments; `serve` puts it on a loopback port. It knows nothing of how the platform
reads it.
"""

from survey.sandbox.central.faults import Faults
from survey.sandbox.central.server import Served, StandIn, serve

__all__ = ["Faults", "Served", "StandIn", "serve"]
