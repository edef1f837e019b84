"""What may be loaded in which process: a nameko process never holds grpc, the others are never patched."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import pytest

from headwater.provision import permissions_of, topic_permissions_of
from kernel.config import CONTEXTS
from testkit import Database, signing_key

Said = Callable[..., str]

BUS = """
import os
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"
import warnings
warnings.simplefilter("ignore")
import eventlet
eventlet.monkey_patch()
import sys
from importlib import import_module
from importlib.util import find_spec
import kernel.bus, kernel.service, kernel.telemetry
from kernel.config import Settings
for context in sys.argv[1:]:
    import_module(f"{context}.bootstrap").bootstrap(Settings.from_environment(context))
    for module in (f"{context}.reactions", f"{context}.entrypoints.bus"):
        if find_spec(module):
            import_module(module)
import psycopg.waiting
print("grpc" if "grpc" in sys.modules else "no grpc", psycopg.waiting.wait.__name__, flush=True)
os._exit(0)  # a patched pool cannot be closed while the interpreter ends
"""

API = """
import sys
from importlib import import_module
import os
import kernel.service, kernel.wire, kernel.relay
from kernel.config import Settings
for context in sys.argv[1:]:
    import_module(f"{context}.bootstrap").bootstrap(Settings.from_environment(context))
import socket, threading
patched = "eventlet" in socket.socket.__module__ or "eventlet" in sys.modules
print("eventlet" if patched else "no eventlet", flush=True)
"""

RUNNABLE = [context for context in CONTEXTS if find_spec(context) and find_spec(f"{context}.bootstrap")]


def test_a_bus_process_never_loads_grpc_and_does_not_block_its_hub(said: Said) -> None:
    assert said(BUS, *RUNNABLE) == "no grpc wait_select"


@pytest.mark.parametrize("context", RUNNABLE)
def test_each_bus_alone_never_loads_grpc(said: Said, context: str) -> None:
    assert said(BUS, context) == "no grpc wait_select"


def test_an_api_process_is_never_patched(said: Said) -> None:
    assert said(API, *RUNNABLE) == "no eventlet"


def test_every_context_can_be_started() -> None:
    assert list(CONTEXTS) == RUNNABLE


def test_a_service_may_publish_only_its_own_events() -> None:
    events, answers = topic_permissions_of("pipeline")
    assert events["write"] == r"^([0-9]{2}\.pipeline\..*|heartbeat\.pipeline)$"
    assert answers["write"] == r"^pipeline\..*$"
    assert [rights["write"] for rights in topic_permissions_of("gateway")] == ["^$", "^$"]
    assert "customer" not in permissions_of("pipeline")["configure"]


@pytest.fixture
def said(database: Callable[[str], Database]) -> Said:
    """What a program prints as a process of its own, given the settings of some contexts."""

    def said(program: str, *contexts: str) -> str:
        environment = os.environ | settings_of({context: database(context) for context in contexts})
        command = [sys.executable, "-c", program, *contexts]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return said


def settings_of(databases: Mapping[str, Database]) -> dict[str, str]:
    environment = {}
    for context, database in databases.items():
        prefix = context.upper()
        environment |= {
            f"{prefix}_DATABASE_URL": database.url,
            f"{prefix}_OWNER_DATABASE_URL": database.owner_url,
            f"{prefix}_AMQP_URL": "amqp://nobody:nothing@127.0.0.1:1/none",
            f"{prefix}_MASTER_KEY": b64encode(bytes(32)).decode(),
            f"{prefix}_SERVICE_SECRET": "secret",
            f"{prefix}_TARGET": "127.0.0.1:1",
        }
    return environment | {
        "HEADWATER_TOKEN_PUBLIC_KEY": signing_key().public_pem,
        "IDENTITY_SIGNING_KEY": signing_key().private_pem,
        "HEADWATER_SMTP_URL": "smtp://127.0.0.1:1",
        "HEADWATER_PUBLIC_URL": "http://127.0.0.1:1",
    }
