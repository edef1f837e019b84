"""How yesterday's pipeline events read today. Append only."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from kernel.codec import Upcast

UPCASTS: Mapping[type[Message], Upcast] = {}
