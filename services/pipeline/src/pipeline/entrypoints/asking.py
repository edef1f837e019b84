"""What another service's refusal means here. grpc is imported only when something is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.errors import AlreadyExists, DomainError, Forbidden, NotFound, Unavailable


@contextmanager
def asking(context: str) -> Iterator[None]:
    """Pass a peer's refusal on as ours, and its absence as something to wait for."""
    import grpc

    try:
        yield
    except grpc.RpcError as error:
        code, details = error.code(), error.details() or ""
        match code:
            case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
                raise Unavailable(f"{context} is away") from error
            case grpc.StatusCode.NOT_FOUND:
                raise NotFound(f"{context}: {details}") from error
            case grpc.StatusCode.ALREADY_EXISTS:
                raise AlreadyExists(f"{context}: {details}") from error
            case grpc.StatusCode.PERMISSION_DENIED:
                raise Forbidden(f"{context}: {details}") from error
            case grpc.StatusCode.FAILED_PRECONDITION | grpc.StatusCode.INVALID_ARGUMENT:
                raise DomainError(f"{context}: {details}") from error
        raise
