"""Everything one may ask of webhooks, and the job that serves one: read its feeds, queue, send, rest.

A webhook reads the feeds of the services whose events it wants from where it was, so a pause or an outage costs it
nothing: the logs are the queue. The job runs again and again for as long as its webhook is active.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from google.protobuf.json_format import MessageToDict
from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.config import CONTEXTS
from kernel.errors import DomainError, Forbidden, NotFound, Unavailable
from kernel.ids import derived_id, new_id
from kernel.outgoing import Wanted, as_json
from kernel.store import Cause, EventStore, Transaction
from kernel.timers import JobHandler, Timer, Worker
from kernel.vault import seal, unseal
from notification import deliveries
from notification.application import Notice, Notification
from notification.domain import webhook as w
from notification.posting import AUTHORITIES, SETTING, Destinations, Post, new_secret
from notification.projections import webhooks as view

log = logging.getLogger(__name__)

MOST_WEBHOOKS = 50
SERVE = "serve_webhook"
_FEED_TIMEOUT_S = 5.0
_PAGE = 200
_AT_ONCE = 20
_AT_A_TIME = 8
_BUDGET_S = 30.0
_REST = timedelta(seconds=1)
_LONGEST_REST = timedelta(seconds=5)
_AGAIN_SOON = timedelta(milliseconds=50)

Connect = Callable[[str], Any]
notification = Notification()


class Webhooks:
    """One method per command. Those that answer with a secret use transactions of their own: it is kept nowhere."""

    def __init__(self, store: EventStore[Any], destinations: Destinations) -> None:
        self._store = store
        self.destinations = destinations

    def register(
        self, connect: Connect, name: str, url: str, types: Sequence[str], owner_id: UUID, cause: Cause
    ) -> tuple[UUID, str]:
        """Return its id and its secret, which is shown only now."""
        webhook_id, secret = new_id(), new_secret()
        events = w.register(webhook_id, name, url, types, owner_id)
        self._check(url, types)
        positions = {context: _end_of(connect, context) for context in _contexts_of(types)}
        with self._store.transaction(cause) as tx:
            if view.count(tx.cursor) >= MOST_WEBHOOKS:
                raise DomainError(f"there are {MOST_WEBHOOKS} webhooks already; remove one that is not needed")
            tx.append(webhook_id, 0, events)
            _keep_secret(tx, webhook_id, secret)
            deliveries.begin_at(tx.cursor, webhook_id, positions)
            _serve_at(tx, webhook_id, tx.recorded_at)
        return webhook_id, secret

    def revise(
        self,
        connect: Connect,
        begin: Callable[[], Transaction[Any]],
        webhook_id: UUID,
        name: str,
        url: str,
        types: Sequence[str],
    ) -> int:
        self._check(url, types)
        contexts = _contexts_of(types)
        positions = {context: _end_of(connect, context) for context in contexts}
        tx = begin()
        version = self._change(tx, webhook_id, lambda hook: hook.revise(name, url, types))
        deliveries.begin_at(tx.cursor, webhook_id, positions)
        deliveries.end_at(tx.cursor, webhook_id, contexts)
        return version

    def rotate_secret(self, webhook_id: UUID, older_valid_until: datetime | None, cause: Cause) -> str:
        """Return another secret; those before sign too until then, the oldest of three no more."""
        secret = new_secret()
        with self._store.transaction(cause) as tx:
            until = older_valid_until or tx.recorded_at + w.ROTATION
            self._change(tx, webhook_id, lambda hook: hook.rotate(until, tx.recorded_at))
            tx.cursor.execute(
                "delete from webhook_secrets where webhook_id = %(id)s and made_at not in (select made_at"
                " from webhook_secrets where webhook_id = %(id)s order by made_at desc limit 1)",
                {"id": webhook_id},
            )
            tx.cursor.execute("update webhook_secrets set valid_until = %s where webhook_id = %s", (until, webhook_id))
            _keep_secret(tx, webhook_id, secret)
        return secret

    def pause(self, tx: Transaction[Any], webhook_id: UUID) -> int:
        version = self._change(tx, webhook_id, lambda hook: hook.pause("a person paused it", automatic=False))
        tx.cancel_timer(_key(webhook_id))
        return version

    def resume(self, tx: Transaction[Any], webhook_id: UUID) -> int:
        version = self._change(tx, webhook_id, w.Webhook.resume)
        deliveries.begin_anew(tx.cursor, webhook_id, tx.recorded_at)
        _serve_at(tx, webhook_id, tx.recorded_at)
        return version

    def remove(self, tx: Transaction[Any], webhook_id: UUID) -> int:
        version = self._change(tx, webhook_id, w.Webhook.remove)
        deliveries.forget_all(tx.cursor, webhook_id)
        tx.cancel_timer(_key(webhook_id))
        tx.forget(str(webhook_id))
        return version

    def send_again(self, tx: Transaction[Any], webhook_id: UUID, delivery_id: str) -> int:
        hook = _required(tx.cursor, webhook_id)
        count = deliveries.send_again(tx.cursor, webhook_id, delivery_id, tx.recorded_at)
        if hook["state"] == w.WebhookState.ACTIVE:
            _serve_at(tx, webhook_id, tx.recorded_at)
        return count

    def skip(self, tx: Transaction[Any], webhook_id: UUID, delivery_id: str) -> None:
        hook = _required(tx.cursor, webhook_id)
        deliveries.skip(tx.cursor, webhook_id, delivery_id)
        if hook["state"] == w.WebhookState.ACTIVE:
            _serve_at(tx, webhook_id, tx.recorded_at)

    def _check(self, url: str, types: Sequence[str]) -> None:
        Wanted(types)
        self.destinations.refuse(url)

    def _change(self, tx: Transaction[Any], webhook_id: UUID, decide: Callable[[w.Webhook], list[w.Event]]) -> int:
        loaded = tx.load(webhook_id, w.evolve)
        if loaded.state is None:
            raise NotFound(f"no webhook {webhook_id}")
        return tx.append(webhook_id, loaded.version, decide(loaded.state))


def _required(cursor: Cursor[DictRow], webhook_id: UUID) -> DictRow:
    found = view.webhook(cursor, webhook_id)
    if found is None:
        raise NotFound(f"no webhook {webhook_id}")
    return found


def _key(webhook_id: UUID) -> str:
    return f"webhook/{webhook_id}"


def _serve_at(tx: Transaction[Any], webhook_id: UUID, at: datetime, rest: timedelta = _REST) -> None:
    payload = {"webhook_id": str(webhook_id), "rest_ms": int(rest.total_seconds() * 1000)}
    tx.set_timer(_key(webhook_id), SERVE, at, payload)


# -- secrets ------------------------------------------------------------------------


def _binding(webhook_id: UUID) -> str:
    return f"webhook-secret/{webhook_id}"


def _keep_secret(tx: Transaction[Any], webhook_id: UUID, secret: str) -> None:
    sealed = seal(tx.key_of(str(webhook_id)), secret, _binding(webhook_id))
    tx.cursor.execute(
        "insert into webhook_secrets (webhook_id, made_at, sealed) values (%s, %s, %s)",
        (webhook_id, tx.recorded_at, sealed),
    )


def _secrets_of(tx: Transaction[Any], webhook_id: UUID) -> list[str]:
    """Those that are good now, the newest first; what has ended goes."""
    tx.cursor.execute(
        "delete from webhook_secrets where webhook_id = %s and valid_until <= %s", (webhook_id, tx.recorded_at)
    )
    rows = tx.cursor.execute(
        "select sealed from webhook_secrets where webhook_id = %s order by made_at desc", (webhook_id,)
    ).fetchall()
    key = tx.key_of(str(webhook_id)) if rows else b""
    return [str(unseal(key, row["sealed"], _binding(webhook_id))) for row in rows]


# -- the feeds ----------------------------------------------------------------------


def _contexts_of(types: Sequence[str]) -> tuple[str, ...]:
    """The services whose logs may hold such events; all of them for those that every service records."""
    packages = {name.split(".")[1] for name in types}
    return tuple(context for context in CONTEXTS if context in packages or packages.difference(CONTEXTS))


def _end_of(connect: Connect, context: str) -> int:
    """Where a service's log ends now, asked with the rights of whoever asks: who may not read it may not send it."""
    import grpc

    from crm.audit.v1 import feed_service_pb2 as pb
    from crm.audit.v1.feed_service_pb2_grpc import FeedServiceStub

    request = pb.ListEventsRequest(context=context, from_now=True)
    try:
        return int(FeedServiceStub(connect(context)).ListEvents(request, timeout=_FEED_TIMEOUT_S).position)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.PERMISSION_DENIED:
            raise Forbidden(f"{context}: {error.details()}") from error
        raise


def _take_up(worker: Worker, hook: DictRow) -> bool:
    """Queue what is new in every feed it wants, a page each; return whether there was anything."""
    import grpc

    from crm.audit.v1 import feed_service_pb2 as pb
    from crm.audit.v1.feed_service_pb2_grpc import FeedServiceStub

    webhook_id, anything = hook["webhook_id"], False
    with worker.query() as cursor:
        if not deliveries.has_room(cursor, webhook_id):
            return False
        known = deliveries.positions(cursor, webhook_id)
    for context, after in known.items():
        types = [name for name in hook["types"] if context in _contexts_of([name])]
        request = pb.ListEventsRequest(context=context, after_position=after, types=types, page_size=_PAGE)
        try:
            page = FeedServiceStub(worker.peer(context)).ListEvents(request, timeout=_FEED_TIMEOUT_S)
        except (grpc.RpcError, Unavailable) as error:
            code = error.code().name if isinstance(error, grpc.Call) else "UNAVAILABLE"
            log.info("a feed was not read", extra={"context": context, "status": code})
            continue
        if page.position == after:
            continue
        events = [(one.position, event, as_json(event).decode()) for one in page.events if (event := _plain(one.event))]
        with worker.transaction() as tx:
            deliveries.take_up(tx.cursor, webhook_id, context, events, page.position, tx.recorded_at)
        anything = anything or bool(events)
    return anything


def _plain(event: Any) -> dict[str, Any]:
    """The CloudEvent as it was before it was a Struct, in which every number is a float."""
    found: dict[str, Any] = json.loads(json.dumps(MessageToDict(event)), parse_float=_whole)
    return found


def _whole(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


# -- the job ------------------------------------------------------------------------


def serve_webhook(timer: Timer, worker: Worker) -> None:
    webhook_id = UUID(timer.payload["webhook_id"])
    rest = timedelta(
        milliseconds=min(int(timer.payload.get("rest_ms", 1000)), int(_LONGEST_REST.total_seconds() * 1000))
    )
    with worker.transaction() as tx:
        hook = view.webhook(tx.cursor, webhook_id)
        if hook is None or hook["state"] != w.WebhookState.ACTIVE:
            return
        standing = deliveries.take_turn(tx.cursor, webhook_id, tx.recorded_at)
        if standing is None:
            _serve_at(tx, webhook_id, tx.recorded_at + _REST)
            return
        keys = _secrets_of(tx, webhook_id)
        now = tx.recorded_at
    try:
        anything = _take_up(worker, hook)
        if standing["wait_until"] <= now:
            _send(worker, hook, keys)
    finally:
        with worker.transaction() as tx:
            deliveries.end_turn(tx.cursor, webhook_id)
    with worker.transaction() as tx:
        deliveries.forget_old(tx.cursor, webhook_id, tx.recorded_at)
        rest = _REST if anything else min(rest * 2, _LONGEST_REST)
        at = tx.recorded_at + rest
        row = tx.cursor.execute(
            "select wait_until from webhook_standing join webhooks using (webhook_id)"
            " where webhook_id = %s and state = %s",
            (webhook_id, w.WebhookState.ACTIVE.value),
        ).fetchone()
        still_ours = tx.cursor.execute(
            "select from timers where key = %s and due_at = %s for update", (timer.key, timer.due_at)
        ).fetchone()
        if row is None or still_ours is None:
            return  # paused, removed, or called again meanwhile
        following = deliveries.next_due(tx.cursor, webhook_id)
        if following is not None:
            at = min(at, max(following, row["wait_until"], tx.recorded_at + _AGAIN_SOON))
        _serve_at(tx, webhook_id, at, rest)


def _send(worker: Worker, hook: DictRow, keys: Sequence[str]) -> None:
    """Send what is due, several records at a time, until nothing is, time is over, or the server is away."""
    webhook_id = hook["webhook_id"]
    extra: Mapping[str, str] = worker.settings.extra
    post = Post(Destinations(extra.get(SETTING, "")), extra.get(AUTHORITIES, ""))
    until = monotonic() + _BUDGET_S
    try:
        with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="webhook") as pool:
            while monotonic() < until:
                now = worker.store.clock()
                with worker.query() as cursor:
                    due = deliveries.due(cursor, webhook_id, now, _AT_ONCE)
                if not due:
                    return

                def send(row: DictRow, at: int = int(now.timestamp())) -> deliveries.Attempt:
                    return post.send(hook["url"], keys, str(row["event_id"]), at, row["body"].encode())

                attempts = list(pool.map(send, due))
                if not _record(worker, hook, due, attempts):
                    return
    finally:
        post.close()


def _record(worker: Worker, hook: DictRow, due: Sequence[DictRow], attempts: Sequence[deliveries.Attempt]) -> bool:
    """Write down what became of them, tell whoever has to know; return whether to go on."""
    webhook_id = hook["webhook_id"]
    with worker.transaction() as tx:
        aside = [
            row
            for row, attempt in zip(due, attempts, strict=True)
            if deliveries.record(tx.cursor, row, attempt, tx.recorded_at)
        ]
        leave_alone = deliveries.note(tx.cursor, webhook_id, attempts, tx.recorded_at)
        for row in aside:
            _tell(tx, hook, "webhook-set-aside", row["event_id"], {"event": row["type"], "reason": _last(attempts)})
        if leave_alone:
            loaded = tx.load(webhook_id, w.evolve)
            if loaded.state is not None and not loaded.state.removed:
                events = loaded.state.pause(_last(attempts), automatic=True)
                version = tx.append(webhook_id, loaded.version, events)
                if events:
                    _tell(tx, hook, "webhook-paused", derived_id(webhook_id, version), {"reason": _last(attempts)})
    return not leave_alone and not any(attempt.kind is deliveries.Kind.AWAY for attempt in attempts)


def _last(attempts: Sequence[deliveries.Attempt]) -> str:
    return next((attempt.failure for attempt in reversed(attempts) if attempt.failure), "")


def _tell(tx: Transaction[Any], hook: DictRow, kind: str, cause_id: UUID, more: Mapping[str, str]) -> None:
    fields = {"webhook": hook["name"], "host": urlsplit(hook["url"]).hostname or "", **more}
    notice = Notice(kind, "webhook", str(hook["webhook_id"]), fields)
    notification.tell(tx, hook["owner_id"], notice, cause_id, historic=False)


JOBS: Mapping[str, JobHandler] = {SERVE: serve_webhook}
