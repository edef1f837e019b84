"""The token a service acts with when nobody asked it: fetched from identity, kept while it is good."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

import grpc

from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

_RENEW_BEFORE_S = 20.0
_TIMEOUT_S = 5.0


class ServiceTokens:
    """Gives the current token, asking identity again shortly before it expires. Safe to share by threads."""

    def __init__(self, service: str, secret: str, identity: Callable[[], grpc.Channel]) -> None:
        self._service = service
        self._secret = secret
        self._identity = identity
        self._lock = Lock()
        self._token = ""
        self._good_until = 0.0

    def __call__(self) -> str:
        with self._lock:
            if time.time() < self._good_until - _RENEW_BEFORE_S:
                return self._token
            answer = IdentityServiceStub(self._identity()).IssueServiceToken(
                pb.IssueServiceTokenRequest(service=self._service, secret=self._secret), timeout=_TIMEOUT_S
            )
            self._token = answer.access_token
            self._good_until = _seconds(answer)
            return self._token


def _seconds(answer: pb.IssueServiceTokenResponse) -> float:
    return answer.expires_at.seconds + answer.expires_at.nanos / 1e9
