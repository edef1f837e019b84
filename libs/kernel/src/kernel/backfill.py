"""Ask a log's owner, over the broker, for events that did not arrive; and answer such requests.

The client works in patched and un-patched processes alike. The answerer reads the log only up to what
the relay has published, so it may run beside any relay, active or standing by.
"""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import Any
from uuid import uuid4

import amqp
import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from crm.common.v1.envelope_pb2 import BackfillRequest, BackfillResponse
from kernel.broker import BROKER_ERRORS, Amqp, connect, drain
from kernel.envelope import enveloped
from kernel.errors import Unavailable
from kernel.log import LogRecorder
from kernel.slots import SLOTS, slot_of
from kernel.topology import ANSWERS, BACKFILL, answer_key, declare_backfill_queue, declare_exchanges

log = logging.getLogger(__name__)

_EXPECTED = (*BROKER_ERRORS, psycopg.Error)
EVERY_SLOT = -1
PAGE = 500
_BEYOND = 2**62
_LARGEST_PAGE = 2000
_LARGEST_ANSWER_BYTES = 8 * 1024 * 1024
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 10.0


class BackfillClient:
    """Asks over a connection that its owner is draining anyway. For one thread at a time."""

    def __init__(self, connection: Amqp, timeout_s: float = 10.0) -> None:
        self._amqp = connection
        self._timeout_s = timeout_s
        self._channel = connection.channel()
        self._answers: dict[str, bytes] = {}
        self._expected = self._from = ""
        self._unroutable = False
        declare_exchanges(self._channel)
        self._me = uuid4().hex
        queue = self._channel.queue_declare("", exclusive=True, auto_delete=True).queue
        self._channel.queue_bind(queue, ANSWERS, answer_key("*", self._me))
        self._channel.basic_consume(queue, no_ack=True, callback=self._on_answer)
        self._channel.events["basic_return"].add(self._on_return)

    def fetch(self, context: str, slot: int, after: int, up_to: int = 0, limit: int = PAGE) -> BackfillResponse:
        """Return one page of a context's log. Raises Unavailable when no relay answers in time.

        An answer that comes later still counts when the same is asked again: where many ask and answers take longer
        than anybody waits, each would be too late otherwise, and nobody would ever get on.
        """
        asked = f"{context}/{slot}/{after}/{up_to}/{limit}"
        return self._answer_to(
            asked, context, BackfillRequest(slot=slot, after_position=after, up_to_position=up_to, limit=limit)
        )

    def _answer_to(self, asked: str, context: str, request: BackfillRequest) -> BackfillResponse:
        if asked != self._expected:
            self._expected = asked
            self._answers.clear()
        self._unroutable = False
        self._from = answer_key(context, self._me)
        if asked not in self._answers:
            self._ask(context, request)
        deadline = time.monotonic() + self._timeout_s
        while self._expected not in self._answers:
            left = deadline - time.monotonic()
            if left <= 0 or self._unroutable:
                raise Unavailable(f"no relay of {context} answers")
            drain(self._amqp, min(left, 1.0))
        answer = BackfillResponse.FromString(self._answers.pop(asked))
        if any(event.context != context for event in answer.events):
            raise Unavailable(f"{context} answered with another log than its own")
        return answer

    def end_of(self, context: str) -> int:
        """Return the position up to which a context's log has been published, by now."""
        request = BackfillRequest(slot=EVERY_SLOT, after_position=_BEYOND, limit=1)
        return self._answer_to(str(uuid4()), context, request).complete_to_position

    def _ask(self, context: str, request: BackfillRequest) -> None:
        self._channel.basic_publish(
            amqp.Message(
                request.SerializeToString(),
                reply_to=self._me,
                correlation_id=self._expected,
                expiration=str(int(self._timeout_s * 1000)),
            ),
            BACKFILL,
            context,
            mandatory=True,
        )

    def _on_answer(self, message: Any) -> None:
        """Keep the answer waited for. The broker lets nobody answer under the key of another context."""
        of_whom = message.delivery_info["routing_key"]
        if of_whom == self._from and message.properties.get("correlation_id") == self._expected:
            self._answers[self._expected] = message.body or b""  # amqp gives '' for an empty body

    def _on_return(self, *_: Any) -> None:
        self._unroutable = True


class BackfillAnswerer:
    """Answers the requests for one context's log until told to stop."""

    def __init__(self, context: str, database_url: str, amqp_url: str, recorder: LogRecorder) -> None:
        self._context = context
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._recorder = recorder

    def run(self, stop: Event) -> None:
        """Answer until `stop` is set; connect again, with back-off, after any failure."""
        backoff_s = _FIRST_BACKOFF_S
        while not stop.is_set():
            broker: Amqp = None
            try:
                broker = connect(self._amqp_url)
                with psycopg.connect(
                    self._database_url, autocommit=True, row_factory=dict_row, connect_timeout=10
                ) as connection:
                    backoff_s = self._serve(broker, connection, stop)
                broker.close()
            except Exception as error:
                if broker is not None:
                    broker.collect()
                log.warning(
                    "backfill interrupted",
                    extra={
                        "context": self._context,
                        "reason": type(error).__name__,
                        "again_in_s": backoff_s,
                    },
                    exc_info=None if isinstance(error, _EXPECTED) else error,
                )
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)

    def _serve(self, broker: Amqp, connection: Connection[DictRow], stop: Event) -> float:
        channel = broker.channel()
        declare_exchanges(channel)
        queue = declare_backfill_queue(channel, self._context)
        # One at a time: py-amqp looks for what has arrived before it publishes, so with more in hand every answer
        # would wait, inside the sending of the one before, until all of them are there.
        channel.basic_qos(0, 1, False)

        def on_request(message: Any) -> None:
            request = BackfillRequest.FromString(message.body)
            answer = self.answer(connection, request)
            reply = amqp.Message(
                answer.SerializeToString(),
                correlation_id=message.properties.get("correlation_id", ""),
            )
            channel.basic_publish(reply, ANSWERS, answer_key(self._context, message.properties["reply_to"]))
            channel.basic_ack(message.delivery_info["delivery_tag"])

        channel.basic_consume(queue, callback=on_request)
        while not stop.is_set():
            drain(broker, 0.5)
        return _FIRST_BACKOFF_S

    def answer(self, connection: Connection[DictRow], request: BackfillRequest) -> BackfillResponse:
        """Return the page that a request asks for."""
        slot = None if request.slot == EVERY_SLOT else request.slot
        limit = max(1, min(request.limit or PAGE, _LARGEST_PAGE))
        up_to = request.up_to_position or self._published(connection)
        after = request.after_position
        entries = self._recorder.read_log(connection, after, up_to, limit + 1, slot)
        previous = self._previous_positions(connection, after, slot)
        answer = BackfillResponse()
        size = 0
        for entry in entries[:limit]:
            entry_slot = slot_of(entry.stream)
            answer.events.append(enveloped(self._context, entry_slot, previous[entry_slot], entry))
            previous[entry_slot] = entry.position
            size += len(entry.data)
            if size > _LARGEST_ANSWER_BYTES:
                break
        answer.more = len(answer.events) < len(entries)
        answer.complete_to_position = answer.events[-1].position if answer.more else up_to
        return answer

    def _published(self, connection: Connection[DictRow]) -> int:
        row = connection.execute(
            "select coalesce(max(position), 0) as position from relay_checkpoint where relay = 'events'", prepare=True
        ).fetchone()
        return int(row["position"]) if row else 0

    def _previous_positions(self, connection: Connection[DictRow], at: int, slot: int | None) -> list[int]:
        """Return, per slot, the position of the last event at or before `at`."""
        found = [0] * SLOTS
        if at == 0:
            return found
        rows = connection.execute(
            "select s.slot, (select notification_id from events where notification_id <= %s"
            " and slot_of(originator_id) = s.slot order by notification_id desc limit 1) as position"
            " from unnest(%s::int[]) as s(slot)",
            (at, list(range(SLOTS)) if slot is None else [slot]),
            prepare=True,
        )
        for row in rows:
            found[row["slot"]] = row["position"] or 0
        return found
