"""A server of short lives: for each order on stdin, `survey ARGUMENTS` in a new process that may kill itself.

An order is a line of JSON: `arguments`, `environment` (in place of what was), `clock` (the time it goes by),
`at` (`POINT` or `POINT:NUMBER`: where, and at which passage, SIGKILL hits; "" for nowhere), `trace` (a
file that gets a line for every point passed). The answer is the exit status, negative for a signal. Processes
are forked from this one, which has imported everything and done nothing, so that a hundred are no wait.
"""

import json
import os
import signal
import sys
import traceback
from collections import Counter
from datetime import datetime
from importlib import import_module
from typing import Any

from survey import cli, failpoints

BEFOREHAND = (
    "analysis.report",
    "scheduler.service",
    "survey.backup.shelf",
    "survey.central",
    "survey.checks",
    "survey.publish",
    "survey.release",
)


def main() -> None:
    """Take orders until there are no more."""
    for name in BEFOREHAND:
        import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(live(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def live(order: dict[str, Any]) -> int:
    """One life."""
    sys.stdin.close()
    os.dup2(2, 1)  # what it prints is not an answer
    os.environ.clear()
    os.environ.update(order["environment"])
    doom(order["at"], order["trace"])
    moment = datetime.fromisoformat(order["clock"])
    try:
        return cli.run(order["arguments"], clock=lambda: moment)
    except BaseException:
        traceback.print_exc()
        return 70


def doom(at: str, trace: str) -> None:
    """Set the hook that writes down every point, and kills at one."""
    point, _, number = at.partition(":")
    passages: Counter[str] = Counter()

    def hook(name: str) -> None:
        passages[name] += 1
        if trace:
            with open(trace, "a", encoding="ascii") as file:
                file.write(f"{name}\n")
        if name == point and passages[name] == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.watch(hook)


if __name__ == "__main__":
    main()
