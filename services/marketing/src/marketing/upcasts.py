"""How yesterday's marketing events read today. Append only; nothing has changed its meaning yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

UPCASTS: Mapping[type[Message], Callable[[Any], Message]] = {}
