"""Replay the log into views beside the live ones and swap them; --check only compares.

VIEW is "service" for all of a service's views, "service.view" for one; without any, every view of all.
"""

from __future__ import annotations

import argparse
import sys

from headwater.home import Home, NotProvisioned
from headwater.operating import named, service
from kernel.rebuild import rebuild_command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("views", nargs="*", metavar="VIEW", help="pipeline, or pipeline.board; all views if none")
    parser.add_argument("--check", action="store_true", help="compare only, row for row; do not swap")


def run(options: argparse.Namespace) -> int:
    """0 when everything was rebuilt (with --check: and is equal), 1 when a view differs, 2 for a wrong name."""
    wanted = [tuple(view.partition(".")[::2]) for view in options.views] or [(name, "") for name in named(())]
    status = 0
    try:
        named([context for context, _ in wanted])
        for context, view in wanted:
            with service(context, Home.here()) as found:
                if found.inline or found.eventual or view:
                    status = max(status, rebuild_command(found, view or "all", check_only=options.check))
    except (NotProvisioned, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return status
