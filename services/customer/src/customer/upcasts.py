"""How yesterday's customer events read today. Append only; nothing has changed its meaning yet."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from kernel.codec import Upcast

UPCASTS: Mapping[type[Message], Upcast] = {}
