"""What each statement of the kernel means to the simulated PostgreSQL, word for word as the kernel writes it.

Changed a statement there? Change it here, and test_simulated_postgres.py compares the answers with a real server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg

from kernel.log import APPENDERS, LogRecorder
from kernel.relay import WHAT_WAITS
from kernel.slots import slot_of

from .postgres import Handler, Row, Tx, text_of

_LONG_AGO = None
_COLUMNS = (
    "event_id",
    "recorded_at",
    "effective_at",
    "actor",
    "request_id",
    "correlation_id",
    "causation_id",
    "traceparent",
    "timeline_id",
)
_READ = (
    "select notification_id, originator_id, originator_version, topic, state, event_id, recorded_at, effective_at,"
    ' actor, request_id, correlation_id, causation_id, traceparent, timeline_id from "events"'
)
STATEMENTS: dict[str, Handler] = {}
"""By their text on one line."""


def means(statement: str) -> Callable[[Handler], Handler]:
    """Say what a statement means."""

    def keep(handler: Handler) -> Handler:
        STATEMENTS[" ".join(statement.split())] = handler
        return handler

    return keep


def for_recorder(recorder: LogRecorder) -> dict[str, Handler]:
    """All statements, with the one by which this recorder appends."""
    joins = "pg_advisory_xact_lock_shared" in text_of(recorder.join_appenders)
    shape = text_of(recorder._append).replace(text_of(recorder.join_appenders), "JOIN", 1)
    if shape != _APPEND:
        raise AssertionError(f"the simulated PostgreSQL does not know how to append by: {shape}")
    return STATEMENTS | {text_of(recorder._append): lambda tx, p: append(tx, p, joins)}


# the log

_APPEND = (
    'with appender as materialized (select JOIN) insert into "public"."events" (originator_id, originator_version,'
    " topic, state, event_id, recorded_at, effective_at, actor, request_id, correlation_id, causation_id,"
    " traceparent, timeline_id) select u.* from appender, unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[],"
    " %b::uuid[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::uuid[], %b::uuid[], %b::text[],"
    " %b::text[]) as u returning notification_id, originator_id, originator_version"
)


def append(tx: Tx, columns: Any, joins: bool) -> list[Row]:
    world = tx.db.world
    if joins and tx not in tx.db.joined:
        tx.db.joined.append(tx)
    rows = []
    for stream, version, topic, state, *metadata in zip(*columns, strict=True):
        if tx.db.record is None:
            world.point()  # others may draw, or look who appends, between joining and drawing
            tx.session.check()
        position = tx.db.draw("events")
        row = {
            "notification_id": position,
            "originator_id": stream,
            "originator_version": version,
            "topic": topic,
            "state": state,
            **dict(zip(_COLUMNS, metadata, strict=True)),
        }
        if not tx.insert("events", (stream, version), row):
            raise psycopg.errors.UniqueViolation("duplicate key value violates unique constraint")
        rows.append({name: row[name] for name in ("notification_id", "originator_id", "originator_version")})
    return rows


@means(
    "select distinct virtualtransaction as holder from pg_locks where locktype = 'advisory' and classid = 0 and"
    " objid = %s and objsubid = 1 and mode = 'ShareLock' and granted"
    " and database = (select oid from pg_database where datname = current_database())"
)
def holders(tx: Tx, p: Any) -> list[Row]:
    assert p == (APPENDERS,)
    return [{"holder": f"1/{appender.number}"} for appender in tx.db.joined]


@means("select pg_get_serial_sequence(%s, 'notification_id') as name")
def sequence_name(tx: Tx, p: Any) -> list[Row]:
    return [{"name": "public.events_notification_id_seq"}]


@means('select last_value, is_called from "public"."events_notification_id_seq"')
def drawn(tx: Tx, p: Any) -> list[Row]:
    last = tx.db.sequences.get("events", 0)
    return [{"last_value": max(last, 1), "is_called": last > 0}]


def _log(tx: Tx, fits: Callable[[Row], bool], order: str = "notification_id") -> list[Row]:
    return sorted((row for _, row in tx.scan("events") if fits(row)), key=lambda row: row[order])


@means(_READ + " where originator_id = %s order by originator_version")
def read_stream(tx: Tx, p: Any) -> list[Row]:
    return _log(tx, lambda row: row["originator_id"] == p[0], "originator_version")


@means(_READ + " where notification_id > %s and notification_id <= %s order by notification_id limit %s")
def read_log(tx: Tx, p: Any) -> list[Row]:
    after, up_to, limit = p
    return _log(tx, lambda row: after < row["notification_id"] <= up_to)[:limit]


@means(
    _READ + " where notification_id > %s and notification_id <= %s and slot_of(originator_id) = %s"
    " order by notification_id limit %s"
)
def read_slot(tx: Tx, p: Any) -> list[Row]:
    after, up_to, slot, limit = p
    return _log(tx, lambda r: after < r["notification_id"] <= up_to and slot_of(r["originator_id"]) == slot)[:limit]


# relay and backfill


@means("set synchronous_commit = off")
def commit_late(tx: Tx, p: Any) -> int:
    tx.session.asynchronous = True
    return -1


@means("select pg_try_advisory_lock(%s) as ours")
def try_lock(tx: Tx, p: Any) -> list[Row]:
    holder = tx.db.advisory.setdefault(p[0], tx.session)
    return [{"ours": holder is tx.session}]


@means("select position, slot_positions from relay_checkpoint where relay = %s")
def checkpoint(tx: Tx, p: Any) -> list[Row]:
    row = tx.get("relay_checkpoint", p[0])
    return [{"position": row["position"], "slot_positions": row["slot_positions"]}] if row else []


@means(
    "insert into relay_checkpoint (relay, position, slot_positions) values (%s, %s, %s)"
    " on conflict (relay) do update set position = excluded.position,"
    " slot_positions = excluded.slot_positions, confirmed_at = now()"
)
def remember_checkpoint(tx: Tx, p: Any) -> int:
    tx.lock("relay_checkpoint", p[0])
    tx.put("relay_checkpoint", p[0], {"position": p[1], "slot_positions": list(p[2])})
    return 1


@means(WHAT_WAITS)
def what_waits(tx: Tx, p: Any) -> list[Row]:
    parked = {(row["consumer"], row["stream_id"]) for row in _waiting(tx)}
    timers = [row for _, row in tx.scan("timers")]
    overdue = [tx.now - t["due_at"] for t in timers if t["failed_at"] is None and t["due_at"] <= tx.now]
    return [
        {
            "parked_streams": len(parked),
            "failed_timers": sum(timer["failed_at"] is not None for timer in timers),
            "timers_overdue_seconds": max(overdue, default=timedelta()).total_seconds(),
        }
    ]


@means(
    "select s.slot, (select notification_id from events where notification_id <= %s and slot_of(originator_id) = s.slot"
    " order by notification_id desc limit 1) as position from unnest(%s::int[]) as s(slot)"
)
def previous_positions(tx: Tx, p: Any) -> list[Row]:
    last: dict[int, int] = {}
    for row in _log(tx, lambda row: row["notification_id"] <= p[0]):
        last[slot_of(row["originator_id"])] = row["notification_id"]
    return [{"slot": slot, "position": last.get(slot)} for slot in p[1]]


# consumers: tracking, suspects, inbox


@means(
    "update tracking set wanted = %s where consumer = %s and slot = any(%s) and wanted is distinct from %s",
)
def want(tx: Tx, p: Any) -> int:
    wanted, consumer, slots, _ = p
    keys = [key for key, _ in tx.scan("tracking") if key[0] == consumer and key[2] in slots]
    changed = 0
    for key, row in tx.matching("tracking", keys, lambda row: row["wanted"] != wanted):
        tx.put("tracking", key, row | {"wanted": wanted})
        changed += 1
    return changed


@means("insert into bus_instances (instance) values (%s) on conflict (instance) do update set seen_at = now()")
def attend(tx: Tx, p: Any) -> int:
    tx.lock("bus_instances", p[0])
    tx.put("bus_instances", p[0], {"instance": p[0], "seen_at": tx.now})
    return 1


@means("delete from bus_instances where seen_at < now() - make_interval(secs => %s)")
def miss(tx: Tx, p: Any) -> int:
    gone = [key for key, _ in tx.scan("bus_instances")]
    since = tx.now - timedelta(seconds=p[0])
    found = [key for key, _ in tx.matching("bus_instances", gone, lambda row: row["seen_at"] < since)]
    for key in found:
        tx.remove("bus_instances", key)
    return len(found)


@means("select instance from bus_instances order by instance")
def attending(tx: Tx, p: Any) -> list[Row]:
    return [{"instance": key} for key in sorted(key for key, _ in tx.scan("bus_instances"))]


@means("select distinct context from tracking where consumer = %s")
def known_contexts(tx: Tx, p: Any) -> list[Row]:
    return [{"context": context} for context in dict.fromkeys(k[1] for k, _ in tx.scan("tracking") if k[0] == p[0])]


@means(
    "insert into tracking (consumer, context, slot, position) select %s, b.context, s.slot, b.position"
    " from unnest(%s::text[], %s::bigint[]) as b(context, position), unnest(%s::int[]) as s(slot)"
    " on conflict do nothing"
)
def begin_tracking(tx: Tx, p: Any) -> int:
    consumer, contexts, positions, slots = p
    made = 0
    for context, position in zip(contexts, positions, strict=True):
        for slot in slots:
            row = {"context": context, "slot": slot, "position": position, "wanted": None}
            made += tx.insert("tracking", (consumer, context, slot), row)
    return made


@means(
    "select context, slot, position from tracking where consumer = %s and context = any(%s) and slot = any(%s)",
)
def tracked(tx: Tx, p: Any) -> list[Row]:
    consumer, contexts, slots = p
    return [
        {name: row[name] for name in ("context", "slot", "position")}
        for key, row in tx.scan("tracking")
        if key[0] == consumer and row["context"] in contexts and row["slot"] in slots
    ]


@means(
    "select context, slot, position, wanted, exists (select from parked p where p.consumer = t.consumer"
    " and p.set_aside_at is null) as parks"
    " from tracking t where consumer = %s and context = any(%s) and slot = any(%s)"
    " order by context, slot for update of t"
)
def lock_tracking(tx: Tx, p: Any) -> list[Row]:
    consumer, contexts, slots = p
    parks = any(row["consumer"] == consumer for row in _waiting(tx))
    keys = sorted(k for k, _ in tx.scan("tracking") if k[0] == consumer and k[1] in contexts and k[2] in slots)
    return [row | {"parks": parks} for _, row in tx.matching("tracking", keys, lambda _: True)]


@means(
    "update tracking t set position = u.position, recorded_at = to_timestamp(u.recorded_at_s)"
    " from unnest(%s::text[], %s::int[], %s::bigint[], %s::float8[])"
    " as u(context, slot, position, recorded_at_s)"
    " where t.consumer = %s and t.context = u.context and t.slot = u.slot"
)
def move_tracking(tx: Tx, p: Any) -> int:
    contexts, slots, positions, _, consumer = p
    moved = 0
    for context, slot, position in zip(contexts, slots, positions, strict=True):
        for key, row in tx.matching("tracking", [(consumer, context, slot)], lambda _: True):
            tx.put("tracking", key, row | {"position": position})
            moved += 1
    return moved


@means(
    "select from tracking where consumer = %s and context = %s and slot = %s for update",
)
def hold_slot(tx: Tx, p: Any) -> list[Row]:
    return [{} for _ in tx.matching("tracking", [tuple(p)], lambda _: True)]


def _count_suspect(tx: Tx, key: Any, first: int, more: int) -> int:
    tx.lock("suspects", key)
    row = tx.get("suspects", key)
    attempts = row["attempts"] + more if row else first
    tx.put("suspects", key, {"attempts": attempts})
    return attempts


@means(
    "with note as (insert into suspects as s (consumer, context, position, attempts)"
    " values (%(consumer)s, %(context)s, %(note)s, 1)"
    " on conflict (consumer, context, position) do update set attempts = s.attempts + 1 returning attempts)"
    " select attempts + 100 * (select count(*) from suspects where consumer = %(consumer)s"
    " and context = %(context)s and position between %(first)s and %(last)s) as tries from note"
)
def take_note(tx: Tx, p: Any) -> list[Row]:
    mine = p["consumer"], p["context"]
    among = sum(k[:2] == mine and p["first"] <= k[2] <= p["last"] for k, _ in tx.scan("suspects"))
    return [{"tries": _count_suspect(tx, (*mine, p["note"]), 1, 1) + 100 * among}]


@means("delete from suspects where consumer = %s and context = %s and position = %s")
def drop_suspect(tx: Tx, p: Any) -> int:
    return _delete(tx, "suspects", tuple(p))


@means(
    "insert into suspects as s (consumer, context, position, attempts) values (%s, %s, %s, 1)"
    " on conflict (consumer, context, position) do update set attempts = s.attempts + %s returning attempts"
)
def suspect(tx: Tx, p: Any) -> list[Row]:
    return [{"attempts": _count_suspect(tx, tuple(p[:3]), 1, p[3])}]


@means("insert into inbox (consumer, event_id) values (%s, %s) on conflict do nothing")
def take_in(tx: Tx, p: Any) -> int:
    return int(tx.insert("inbox", tuple(p), {"event_id": p[1]}))


# parking


def _waiting(tx: Tx) -> list[Row]:
    return [row for _, row in tx.scan("parked") if row["set_aside_at"] is None]


@means(
    "insert into parked (consumer, context, stream_id, position, version, type, body, reason, attempts)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
)
def park(tx: Tx, p: Any) -> int:
    names = ("consumer", "context", "stream_id", "position", "version", "type", "body", "reason", "attempts")
    row = dict(zip(names, p, strict=True)) | {"parked_at": tx.now, "set_aside_at": None}
    return int(tx.insert("parked", (row["consumer"], row["context"], row["position"]), row))


@means(
    "select distinct stream_id from parked where consumer = %s and stream_id = any(%s) and set_aside_at is null",
)
def parked_streams(tx: Tx, p: Any) -> list[Row]:
    rows = [row for row in _waiting(tx) if row["consumer"] == p[0] and row["stream_id"] in p[1]]
    return [{"stream_id": stream} for stream in sorted({row["stream_id"] for row in rows})]


@means(
    "select body from parked where consumer = %s and context = %s and stream_id = %s and set_aside_at is null"
    " order by position limit 1"
)
def next_parked(tx: Tx, p: Any) -> list[Row]:
    rows = [r for r in _waiting(tx) if (r["consumer"], r["context"], r["stream_id"]) == tuple(p)]
    return [{"body": row["body"]} for row in sorted(rows, key=lambda row: row["position"])[:1]]


@means("delete from parked where consumer = %s and context = %s and position = %s")
def unpark(tx: Tx, p: Any) -> int:
    return _delete(tx, "parked", tuple(p))


@means(
    "select context, stream_id from parked where consumer = %s and coalesce(stream_id = %s, true)"
    " and set_aside_at is null"
    " group by context, stream_id order by min(parked_at), context, stream_id"
)
def waiting_streams(tx: Tx, p: Any) -> list[Row]:
    first: dict[Any, Any] = {}
    for row in _waiting(tx):
        if row["consumer"] == p[0] and p[1] in (None, row["stream_id"]):
            name = row["context"], row["stream_id"]
            first[name] = min(first.get(name, row["parked_at"]), row["parked_at"])
    return [{"context": c, "stream_id": s} for c, s in sorted(first, key=lambda name: (first[name], name))]


@means(
    "update parked set attempts = attempts + 1, reason = %s where consumer = %s and context = %s and position = %s",
)
def park_again(tx: Tx, p: Any) -> int:
    reason, *key = p
    found = list(tx.matching("parked", [tuple(key)], lambda _: True))
    for name, row in found:
        tx.put("parked", name, row | {"attempts": row["attempts"] + 1, "reason": reason})
    return len(found)


# timers


@means(
    """update timers set not_before = %(until)s where key = (select t.key from timers t where
    t.kind = any(%(kinds)s) and t.failed_at is null and t.due_at <= %(now)s and t.not_before <= %(now)s
    and (t.timeline_id = '' or exists (
        select from timelines l where l.timeline_id = t.timeline_id
        and (l.reached_at >= t.due_at or l.touched_at < %(rested)s)))
    order by t.due_at, t.key limit 1 for update skip locked)
    returning key, kind, due_at, payload, timeline_id, correlation_id, causation_id, traceparent, attempts"""
)
def claim(tx: Tx, p: Any) -> list[Row]:
    now = p["now"]
    due = [
        (row["due_at"], key)
        for key, row in tx.scan("timers")
        if row["kind"] in p["kinds"]
        and row["failed_at"] is None
        and row["due_at"] <= now
        and (row["not_before"] is _LONG_AGO or row["not_before"] <= now)
        and tx.is_free("timers", key)
    ]
    for _, key in sorted(due)[:1]:
        tx.lock("timers", key)
        row = tx.get("timers", key)
        assert row is not None
        tx.put("timers", key, row | {"not_before": p["until"]})
        gone = ("not_before", "failed_at", "last_error")
        return [{name: value for name, value in row.items() if name not in gone}]
    return []


@means("delete from timers where key = %s and due_at = %s and correlation_id = %s")
def take_timer(tx: Tx, p: Any) -> int:
    return _delete(tx, "timers", p[0], lambda row: (row["due_at"], row["correlation_id"]) == tuple(p[1:]))


@means("delete from timers where key = %s")
def cancel_timer(tx: Tx, p: Any) -> int:
    return _delete(tx, "timers", p[0])


@means(
    "update timers set attempts = %s, not_before = %s, failed_at = %s, last_error = %s"
    " where key = %s and due_at = %s and correlation_id = %s"
)
def postpone(tx: Tx, p: Any) -> int:
    attempts, not_before, failed_at, last_error, key, *same = p
    found = list(tx.matching("timers", [key], lambda row: [row["due_at"], row["correlation_id"]] == same))
    for name, row in found:
        changed = {"attempts": attempts, "not_before": not_before, "failed_at": failed_at, "last_error": last_error}
        tx.put("timers", name, row | changed)
    return len(found)


@means(
    "insert into timers (key, kind, due_at, payload, timeline_id, correlation_id,"
    " causation_id, traceparent) values (%s, %s, %s, %s, %s, %s, %s, %s)"
    " on conflict (key) do update set kind = excluded.kind, due_at = excluded.due_at,"
    " payload = excluded.payload, timeline_id = excluded.timeline_id,"
    " correlation_id = excluded.correlation_id, causation_id = excluded.causation_id,"
    " traceparent = excluded.traceparent, attempts = 0, not_before = '-infinity',"
    " failed_at = null, last_error = ''"
)
def set_timer(tx: Tx, p: Any) -> int:
    names = ("key", "kind", "due_at", "payload", "timeline_id", "correlation_id", "causation_id", "traceparent")
    row = dict(zip(names, p, strict=True))
    row["payload"] = json.loads(row["payload"])
    assert row["timeline_id"] == "", "the simulation has no backdated runs"
    tx.lock("timers", row["key"])
    tx.put(
        "timers",
        row["key"],
        row | {"attempts": 0, "not_before": _LONG_AGO, "failed_at": None, "last_error": ""},
    )
    return 1


def _delete(tx: Tx, table: str, key: Any, fits: Callable[[Row], bool] = lambda _: True) -> int:
    found = [name for name, _ in tx.matching(table, [key], fits)]
    for name in found:
        tx.remove(table, name)
    return len(found)
