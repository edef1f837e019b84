"""`make bench`: measure everything, print a table, write bench/results/latest.json."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from bench import appending, guarding, projecting, rebuilding, relaying, sealing, visibility
from bench.figures import Figure, table
from bench.machine import facts
from bench.stage import Stage

RESULTS = Path(__file__).parent / "results" / "latest.json"

PARTS = {
    "append": appending.measure,
    "relay": relaying.measure,
    "projection": projecting.measure,
    "rebuild": rebuilding.measure,
    "visible": visibility.measure,
    "seal": sealing.measure,
    "rights": guarding.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("parts", nargs="*", default=[], help=f"some of {', '.join(PARTS)}; all by default")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    began = time.time()
    with Stage(tell=lambda text: print(f"  {text}", file=sys.stderr)) as stage:
        machine = facts(stage.postgres_url, stage.management)
        for part in options.parts or PARTS:
            print(f"measuring {part} …", file=sys.stderr)
            figures += PARTS[part](stage)
    print(table(figures))
    if max(machine["load_average_before"], os.getloadavg()[0]) > 2 * (os.cpu_count() or 1):
        print("others were using this machine: only the ratios say something", file=sys.stderr)
    if not options.parts:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps(
                {
                    "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                    "took_s": round(time.time() - began),
                    "machine": machine | {"load_average_after": os.getloadavg()[0]},
                    "figures": [figure.as_dict() for figure in figures],
                },
                indent=1,
            )
            + "\n"
        )
        print(f"written to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
