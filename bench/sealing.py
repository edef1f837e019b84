"""What sealing costs those it runs beside, and how fast a sealed log is verified, live and from an export."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.appending import writers
from bench.figures import Figure
from bench.relaying import relaying, tap
from bench.service import CONTEXT, settings
from bench.stage import LONGEST_S, Stage, fill
from headwater import auditing, verify_export
from headwater.provision import choose_secrets
from kernel.config import Settings
from kernel.seal import CHAINS, EVENTS, Kept, Sealer, Signer, last_seal, open_sealing
from testkit import wait_until

EVENTS_VERIFIED = 200_000
EVENTS_RELAYED = 60_000
ROUNDS = 3


def measure(stage: Stage) -> list[Figure]:
    """Events per second: appended and relayed with and without a sealer, sealed at once, and verified."""
    with tempfile.TemporaryDirectory() as name:
        return [*_costs(stage, Path(name)), *_rates(stage, Path(name))]


def settings_of(database_url: str, folder: Path) -> Settings:
    """Settings of a sealed service, with a key of its own."""
    made: dict[str, str] = {}
    choose_secrets(made)
    sealing_key = {"BENCH_SEAL_KEY": made["customer.seal_key"], "HEADWATER_CHECKPOINTS": str(folder)}
    return settings(database_url, **sealing_key)


@contextmanager
def sealing(settings: Settings) -> Iterator[Sealer]:
    """A sealer in a thread of its own, as a relay runs it."""
    sealer = Sealer(CONTEXT, settings.database_url, Signer.of(settings), Kept.of(settings))
    stop = threading.Event()
    thread = threading.Thread(target=sealer.run, args=(stop,))
    thread.start()
    try:
        yield sealer
    finally:
        stop.set()
        thread.join()


def _costs(stage: Stage, folder: Path) -> list[Figure]:
    rate = dict.fromkeys(("plain", "sealed"), 0.0)
    with stage.database() as plain, stage.database() as sealed:
        settings = settings_of(sealed.url, folder / "appended")
        for _ in range(ROUNDS):  # in turns, best of all: others may use the machine too
            rate["plain"] = max(rate["plain"], writers(plain.url, "ours"))
            with sealing(settings):
                rate["sealed"] = max(rate["sealed"], writers(sealed.url, "ours"))
    relayed = {how: max(_relay(stage, folder / f"{how}-{n}", how) for n in range(2)) for how in ("plain", "sealed")}
    stage.tell(f"append {rate}, relay {relayed}")
    return [
        Figure(
            *("append, 24 writers, sealed beside", "plain", rate["sealed"], "events/s", "not sealed", rate["plain"]),
            *("≥ 0.9x", rate["sealed"] >= 0.9 * rate["plain"]),
        ),
        Figure(
            *("relay, log to confirmed, sealed beside", "plain", relayed["sealed"], "events/s"),
            *("not sealed", relayed["plain"], "≥ 10,000/s", relayed["sealed"] >= 10_000),
        ),
    ]


def _relay(stage: Stage, folder: Path, how: str) -> float:
    """Publish a log of some size; when it is to be sealed, the sealer begins with all of it at the same moment."""
    with stage.database() as database, stage.vhost() as amqp_url:
        fill(database, EVENTS_RELAYED)
        tap(amqp_url)
        settings = settings_of(database.url, folder)
        sealer = Sealer(CONTEXT, database.url, Signer.of(settings), Kept.of(settings)) if how == "sealed" else None
        with relaying(database.url, amqp_url, sealer) as relay:
            began = time.monotonic()
            wait_until(lambda: relay.published >= EVENTS_RELAYED, LONGEST_S)
            rate = EVENTS_RELAYED / (time.monotonic() - began)
            wait_until(lambda: sealer is None or sealer.sealed >= EVENTS_RELAYED, LONGEST_S)
            return round(rate)


def _rates(stage: Stage, folder: Path) -> list[Figure]:
    with stage.database() as database:
        fill(database, EVENTS_VERIFIED)
        settings = settings_of(database.url, folder / "verified")
        signer = Signer.of(settings)
        with open_sealing(database.url) as connection:
            sealer = Sealer(CONTEXT, database.url, signer, Kept.of(settings))
            began = time.monotonic()
            sealer.seal_all(connection)
            sealed = EVENTS_VERIFIED / (time.monotonic() - began)
            assert last_seal(connection, CONTEXT, EVENTS, signer).count == EVENTS_VERIFIED
        live = max(_live(settings) for _ in range(ROUNDS))
        alone = max(_alone(settings, folder) for _ in range(ROUNDS))
    return [
        Figure("seal a log that was not sealed before", "plain", round(sealed), "events/s"),
        Figure("verify, live database", "plain", round(live), "events/s", goal="≥ 100,000/s", met=live >= 100_000),
        Figure("verify, export, alone", "plain", round(alone), "events/s", goal="≥ 100,000/s", met=alone >= 100_000),
    ]


def _live(settings: Settings) -> float:
    began = time.monotonic()
    verdict = auditing.verify(settings, EVENTS, auditing.keys_of(settings), Path(settings.checkpoints))
    took_s = time.monotonic() - began
    assert verdict.sound
    assert verdict.checked == EVENTS_VERIFIED
    return EVENTS_VERIFIED / took_s


def _alone(settings: Settings, folder: Path) -> float:
    export, key = folder / "bench.export", folder / "bench.pem"
    auditing.export(settings, EVENTS, auditing.keys_of(settings), export)
    key.write_text(Signer.of(settings).public_pem())
    kept = Kept(Path(settings.checkpoints)).file(CONTEXT, CHAINS[0])
    options = argparse.Namespace(export=str(export), key=str(key), checkpoints=str(kept), rows=False)
    began = time.monotonic()
    verdict = verify_export.verify(options)
    took_s = time.monotonic() - began
    assert verdict.sound
    return EVENTS_VERIFIED / took_s
