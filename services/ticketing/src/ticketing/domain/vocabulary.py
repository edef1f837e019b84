"""The words that tickets, desk and surveys share."""

from __future__ import annotations

from enum import IntEnum


class Channel(IntEnum):
    PHONE = 1
    EMAIL = 2
    WECHAT = 3
    PORTAL = 4
    FORM = 5
    CHAT = 6
    INTERNAL = 7
    IMPORT = 8


class Priority(IntEnum):
    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class Clock(IntEnum):
    FIRST_RESPONSE = 1
    RESOLUTION = 2


class Status(IntEnum):
    NEW = 1
    IN_PROGRESS = 2
    WAITING = 3
    RESOLVED = 4
    CLOSED = 5
    WITHDRAWN = 6


class SurveySubject(IntEnum):
    TICKET = 1
    DEAL = 2
