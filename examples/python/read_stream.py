"""Read the stream queue of published events from where we were. Needs `pip install amqp`.

    STREAM_URL=amqp://… python read_stream.py        # headwater partners --secrets prints it

The offset is kept in the transaction of what the event does, so nothing is lost or done twice, whoever is killed.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
from kept import Kept

STREAM = "crm.partners"
AT_ONCE = 200


def connect(url: str) -> Any:
    parts = urlsplit(url)
    connection = amqp.Connection(
        f"{parts.hostname}:{parts.port or 5672}",
        userid=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        virtual_host=unquote(parts.path[1:]) or "/",
        heartbeat=20,
        connect_timeout=5,
    )
    connection.connect()
    return connection


def read(connection: Any, kept: Kept, quiet_s: float) -> None:
    """Until nothing came for so long; 0 reads for ever."""
    channel = connection.channel()
    channel.basic_qos(0, AT_ONCE, False)

    def on_message(message: Any) -> None:
        event, offset = json.loads(message.body), message.headers["x-stream-offset"]
        if kept.apply(event, STREAM, str(offset)):
            print(offset, event["type"], event["subject"], flush=True)
        channel.basic_ack(message.delivery_info["delivery_tag"])

    last = kept.position(STREAM, "")
    channel.basic_consume(
        STREAM, callback=on_message, arguments={"x-stream-offset": int(last) + 1 if last else "first"}
    )
    while True:
        try:
            connection.drain_events(timeout=quiet_s or 10)
        except TimeoutError:
            if quiet_s:
                return
        connection.heartbeat_tick()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keep", default="kept.db")
    parser.add_argument(
        "--until-quiet", type=float, default=0, metavar="SECONDS", help="end when nothing came for so long"
    )
    options = parser.parse_args()
    kept = Kept(options.keep)
    with connect(os.environ["STREAM_URL"]) as connection:
        read(connection, kept, options.until_quiet)
    print(f"{kept.count()} events took effect")


if __name__ == "__main__":
    main()
