"""What a consumer keeps: the effects of events, and how far it has come, in one transaction, so each counts once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any


class Kept:
    """A SQLite file. The effect here is a table of records as partners know them; yours is whatever you do."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(
            "create table if not exists came (source text primary key, position text not null);"
            "create table if not exists seen (id text primary key);"
            "create table if not exists records (id text primary key, last_event text, events integer, data text);"
        )

    def position(self, source: str, otherwise: str) -> str:
        """How far we have come in a feed or stream."""
        with closing(self._database.execute("select position from came where source = ?", (source,))) as found:
            row = found.fetchone()
        return str(row[0]) if row else otherwise

    def apply(self, event: Mapping[str, Any], source: str = "", position: str = "") -> bool:
        """Do what the event means, once: False when it was here before. The position goes with it."""
        self._database.execute("begin immediate")
        try:
            fresh = self._database.execute("insert or ignore into seen values (?)", (event["id"],)).rowcount == 1
            if fresh:
                self._database.execute(
                    "insert into records values (?, ?, 1, ?) on conflict (id) do update set"
                    " last_event = excluded.last_event, events = events + 1, data = excluded.data",
                    (event["subject"], event["type"], json.dumps(event["data"])),
                )
            if source:
                self._keep(source, position)
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise
        return fresh

    def came(self, source: str, position: str) -> None:
        """Remember a position behind which there was nothing for us."""
        self._keep(source, position)

    def _keep(self, source: str, position: str) -> None:
        self._database.execute(
            "insert into came values (?, ?) on conflict (source) do update set position = excluded.position",
            (source, position),
        )

    def count(self) -> int:
        """How many events took effect."""
        with closing(self._database.execute("select count(*) from seen")) as found:
            return int(found.fetchone()[0])

    def close(self) -> None:
        self._database.close()
