"""Push: Central stands as it should, told through the outbox, and the tablets are looked at afterwards.

`access` and `states` say how access and forms should stand (people are `survey.outbox`), `people` and
`entities` send one kind of row each, `flush` sends what is not confirmed, `alone` lets one push work at a
time, `conflicts` settles entities that two sides changed, `shown` downloads every tablet's lists and
compares. `study` does all of it in order.
"""

from survey.push.flush import Pushed, flush
from survey.push.study import push_study

__all__ = ["Pushed", "flush", "push_study"]
