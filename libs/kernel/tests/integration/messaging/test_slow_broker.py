"""A broker that does not read for a while is slow, not dead."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from kernel.publisher import Publisher

HELD_S = 2.5
PIECE = 65536


@contextmanager
def slow_way(url: str) -> Iterator[tuple[str, threading.Event]]:
    """Another address of the same broker; once the event is set, nothing is read from the client for a while."""
    parts = urlsplit(url)
    hold = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as door:
        ours = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{door.getsockname()[1]}")

        def pass_on(source: socket.socket, target: socket.socket, slowly: bool) -> None:
            with source, suppress(OSError):  # the other side has left
                while piece := source.recv(PIECE):
                    if slowly and hold.is_set():
                        hold.clear()
                        threading.Event().wait(HELD_S)
                    target.sendall(piece)
                target.shutdown(socket.SHUT_WR)

        def serve() -> None:
            client, _ = door.accept()
            broker = socket.create_connection((parts.hostname, parts.port))
            back = threading.Thread(target=pass_on, args=(broker, client, False))
            back.start()
            pass_on(client, broker, True)
            back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield urlunsplit(ours), hold
        thread.join(20)
        assert not thread.is_alive()


def test_a_broker_that_reads_nothing_for_a_moment_is_waited_for(amqp: str) -> None:
    with slow_way(amqp) as (url, hold), Publisher(url) as publisher:
        publisher.channel.queue_declare("much")
        hold.set()
        for _ in range(200):
            publisher.publish(bytes(PIECE), "", "much")
        publisher.flush()
        assert publisher.channel.queue_declare("much", passive=True).message_count == 200
