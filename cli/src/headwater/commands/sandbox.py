"""A suite of its own beside the real one, with invented data, where partners try the API: up, down, status, key.

It has its own folder, servers, database and secrets. Its API keys begin with `sandbox-` and are refused by the real
suite, as the real suite's are by it; its mail is shown on a page and never goes out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from headwater.api import Api, Away, Refused
from headwater.home import Home, NotProvisioned
from kernel.config import CONTEXTS

_OURS = tuple(f"{name.upper()}_" for name in (*CONTEXTS, "gateway", "headwater"))
_SAME_FOR_BOTH = ("HEADWATER_SERVERS",)
_READS = ("*.*.read",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    up = actions.add_parser("up", help="make it if it is not there, and start it")
    up.add_argument("--months", type=int, default=3, help="simulated months of business; 0 for none")
    up.add_argument("--seed", type=int, default=7, help="another seed, another business")
    up.add_argument("--port", type=int, help="where its gateway answers; chosen once if it is not said")
    actions.add_parser("down", help="stop it; nothing is lost")
    actions.add_parser("status", help="what runs, where, and how it is")
    key = actions.add_parser("key", help="register an API client in it and print its key, once")
    key.add_argument("name", help="what people call it")
    key.add_argument(
        "--may", nargs="+", default=_READS, metavar="PERMISSION", help="what it may do: '*.*.read' if not said"
    )


def run(options: argparse.Namespace) -> int:
    """What the command of the sandbox returns; 2 when there is no sandbox or it does not answer."""
    home = Home(Home.here().folder / "sandbox")
    if options.action == "key":
        return _key(home, options)
    arguments = {
        "up": ["demo", "--detach", "--seed", str(options.seed), *_size(options.months)]
        if options.action == "up"
        else [],
        "down": ["down"],
        "status": ["status"],
    }[options.action]
    environment = environment_of(home, os.environ)
    if getattr(options, "port", None):
        environment["HEADWATER_PORT"] = str(options.port)
    return subprocess.run([sys.executable, "-m", "headwater", *arguments], env=environment).returncode


def environment_of(home: Home, environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's, without what it says of the real suite: no server, address or way out is the same."""
    kept = {name: value for name, value in environment.items() if name in _SAME_FOR_BOTH or not name.startswith(_OURS)}
    return kept | {"HEADWATER_RUN": str(home.folder), "HEADWATER_NAME": "sandbox", "HEADWATER_SANDBOX": "true"}


def _size(months: int) -> Sequence[str]:
    return ("--months", str(months)) if months else ("--empty",)


def _key(home: Home, options: argparse.Namespace) -> int:
    try:
        administrator = home.read()["administrator"]
        with Api(home.url(), administrator["login"], administrator["password"], ca=home.ca()) as api:
            body = {"name": options.name, "permissions": list(options.may), "data_scope": "DATA_SCOPE_ALL"}
            made = api.post("/v1/api-clients", body)
    except NotProvisioned:
        print("there is no sandbox: headwater sandbox up", file=sys.stderr)
        return 2
    except (Refused, Away) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"API            {home.url()}/openapi.json")
    print(f"client_id      {made['client_id']}")
    print(f"client_secret  {made['client_secret']}")
    print("The secret is shown only now. It works in this sandbox only.")
    return 0
