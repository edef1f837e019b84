"""How a request can be refused, and how a dependency can fail. Entrypoints map these to statuses, once."""


class DomainError(Exception):
    """A business rule said no. The message is fit for the user to read."""


class NotFound(DomainError):
    """Nothing the caller may see lives under that identifier."""


class Conflict(DomainError):
    """Somebody else changed it first. The message names both values; reload and try again."""


class LostRace(Conflict):
    """A concurrent transaction appended to the same stream; asking again may succeed."""


class Forbidden(DomainError):
    """The caller may not do this."""


class Unauthenticated(DomainError):
    """The caller did not prove who he is."""


class AlreadyExists(DomainError):
    """It is there already; the message says which."""


class TooMany(DomainError):
    """A limit on how often or how much was reached; the message says when to come back."""


class InvalidArgument(DomainError):
    """The request is malformed. Names the field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.reason = message


class Unavailable(Exception):
    """A dependency is away. Worth asking again later; never the message's or the user's fault."""


class FromNewerVersion(Exception):
    """An event that only newer code knows. Another process may; what reacts to it is parked until the upgrade."""


class Poison(Exception):
    """This event can never be handled. Park it without another attempt."""
