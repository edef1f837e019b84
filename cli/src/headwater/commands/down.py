"""Stop the suite and its private servers; nothing is lost.

Servers that were named in the environment are left alone.
"""

from __future__ import annotations

import argparse
import os

from headwater.home import Home
from headwater.provision import servers_are_private
from headwater.servers import PrivateServers
from headwater.servers.containers import Containers
from headwater.supervisor import stop_detached
from headwater.telling import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep-servers", action="store_true", help="leave PostgreSQL and RabbitMQ running")


def run(options: argparse.Namespace) -> int:
    home = Home.here()
    say("the suite has stopped" if stop_detached(home) else "no suite was running")
    folder = home.folder / "servers"
    if options.keep_servers:
        return 0
    if os.environ.get("HEADWATER_SERVERS") == "containers":
        Containers(home.folder).down()
    elif servers_are_private() and folder.exists():
        PrivateServers(folder).down()
    else:
        return 0
    say("its PostgreSQL and RabbitMQ have stopped; their data stays")
    return 0
