"""The whole demo, timed: seconds by stage and peak memory for several sizes, each in its own process.

    python benchmarks/demo.py [PEOPLE ...]        by default 120 and 1000

Memory is the largest resident set of the main process (platform, stand-in and reports together) and of the
largest of the two tablet processes, as the operating system accounts them.
"""

import json
import subprocess
import sys
import tempfile

RUN = """
import json, resource, sys
from pathlib import Path
from scheduler.rehearsal import rehearse
if __name__ == "__main__":
    folder, people = Path(sys.argv[1]), int(sys.argv[2])
    done = rehearse(folder, people=people, waves=4, seed=1, tell=lambda line: None)
    peak = {
        "main": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "tablet": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
    }
    print(json.dumps({"seconds": dict(done.seconds), "counts": dict(done.counts), "peak": peak}))
"""


def measure(people: int) -> dict[str, dict[str, float]]:
    """Seconds by stage, submissions by form and peak memory (kB) of one demo in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = f"{folder}/run.py"
        with open(script, "w", encoding="utf-8") as file:
            file.write(RUN)
        call = [sys.executable, script, f"{folder}/study", str(people)]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
    result: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return result


def main(sizes: list[int]) -> None:
    """Print one column per size: submissions, seconds and share of each stage, memory."""
    found = {people: measure(people) for people in sizes}
    totals = {people: sum(one["seconds"].values()) for people, one in found.items()}
    print(f"{'people':<22}" + "".join(f"{people:>18,}" for people in sizes))
    forms = [sum(one["counts"].values()) for one in found.values()]
    print(f"{'submissions':<22}" + "".join(f"{int(number):>18,}" for number in forms))
    for stage in found[sizes[0]]["seconds"]:
        cells = [
            f"{one['seconds'].get(stage, 0):9.1f} s {one['seconds'].get(stage, 0) / totals[people]:5.0%}"
            for people, one in found.items()
        ]
        print(f"{stage:<22}" + "".join(f"{cell:>18}" for cell in cells))
    print(f"{'whole':<22}" + "".join(f"{totals[people]:>16.1f} s" for people in sizes))
    for process in ("main", "tablet"):
        peaks = [one["peak"][process] / 1024 for one in found.values()]
        print(f"{'peak MB, ' + process:<22}" + "".join(f"{peak:>18,.0f}" for peak in peaks))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [120, 1000])
