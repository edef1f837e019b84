"""Identity providers as the settings name them, and the one that speaks OpenID Connect.

OpenID Connect: authorization code with PKCE, state and nonce. WeCom, DingTalk and Feishu speak OAuth 2.0 of their own
(identity.vendors). Protocols: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE, S256); RFC 9207 is not needed
because state is bound to one provider. Nothing is called that the settings do not name. What a provider says is
believed only when its signature, issuer, audience, nonce and times are right.
"""

from __future__ import annotations

import hashlib
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import httpx
import jwt

from identity.domain.role import ADMIN
from identity.outside import ask, is_safe
from kernel.config import ConfigurationError
from kernel.errors import Unauthenticated, Unavailable
from kernel.processing import Outbound

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that are taken; never "none", and never one made with a shared secret."""

OIDC: Final = "oidc"
VENDORS: Final[Mapping[str, Mapping[str, str]]] = {
    "wecom": {
        "AUTHORIZE_URL": "https://login.work.weixin.qq.com/wwlogin/sso/login",
        "API_URL": "https://qyapi.weixin.qq.com",
    },
    "dingtalk": {
        "AUTHORIZE_URL": "https://login.dingtalk.com/oauth2/auth",
        "TOKEN_URL": "https://api.dingtalk.com",
        "API_URL": "https://oapi.dingtalk.com",
    },
    "feishu": {
        "AUTHORIZE_URL": "https://accounts.feishu.cn/open-apis/authen/v1/authorize",
        "TOKEN_URL": "https://accounts.feishu.cn/oauth/v3/token",
        "API_URL": "https://open.feishu.cn",
    },
}
"""Kinds of providers beside OpenID Connect, and where they are found unless the settings say otherwise."""

_KEPT_S = 3600.0
_MOST_HOURS = 24 * 31
_KEYS_AGAIN_S = 60.0
_LEEWAY = timedelta(seconds=60)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider as the settings describe it."""

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_url: str
    scopes: str = "openid email profile"
    kind: str = OIDC
    agent_id: str = ""
    directory_secret: str = field(default="", repr=False)
    directory_hours: int = 0
    directory_roles: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider vouches for. `email` is empty unless the provider says that it verified it."""

    subject: str
    email: str


def providers_from(settings: Mapping[str, str]) -> dict[str, Provider]:
    """Read IDENTITY_PROVIDERS and what belongs to each; raise ConfigurationError naming what is wrong."""
    names = [name.strip() for name in settings.get("IDENTITY_PROVIDERS", "").split(",") if name.strip()]
    public_url = settings.get("IDENTITY_PUBLIC_URL", "").rstrip("/")
    wrong: list[str] = []
    if names and not public_url:
        wrong.append("IDENTITY_PUBLIC_URL is missing: providers send people back to it")
    found: dict[str, Provider] = {}
    for name in names:
        prefix = f"IDENTITY_PROVIDER_{name.upper()}_"
        if not _NAME.fullmatch(name):
            wrong.append(f"IDENTITY_PROVIDERS names {name!r}: use lower-case letters, digits and _")
            continue
        kind = settings.get(f"{prefix}KIND", OIDC)
        if kind != OIDC and kind not in VENDORS:
            wrong.append(f"{prefix}KIND is {kind!r}; there are {', '.join([OIDC, *VENDORS])}")
            continue
        needed: tuple[str, ...] = ("ISSUER", "CLIENT_ID") if kind == OIDC else ("CLIENT_ID", "CLIENT_SECRET")
        if kind == "wecom":
            needed += ("AGENT_ID",)
        missing = [f"{prefix}{part} is missing" for part in needed if not settings.get(prefix + part)]
        issuer = settings.get(f"{prefix}ISSUER", "")
        urls = {part: settings.get(prefix + part) or url for part, url in VENDORS.get(kind, {}).items()}
        addresses = {"ISSUER": issuer} if kind == OIDC else urls
        missing += [
            f"{prefix}{part} must begin with https://" for part, url in addresses.items() if url and not is_safe(url)
        ]
        hours = settings.get(f"{prefix}DIRECTORY_HOURS", "0")
        if not hours.isdecimal() or int(hours) > _MOST_HOURS:
            missing.append(
                f"{prefix}DIRECTORY_HOURS must be a number of hours, at most {_MOST_HOURS}; 0 for by hand only"
            )
        roles = tuple(it.strip() for it in settings.get(f"{prefix}DIRECTORY_ROLES", "").split(",") if it.strip())
        if ADMIN in roles:
            missing.append(f"{prefix}DIRECTORY_ROLES must not name {ADMIN}: no directory makes administrators")
        wrong += missing
        if not missing:
            found[name] = Provider(
                name=name,
                title=settings.get(f"{prefix}TITLE", name),
                issuer=issuer,
                client_id=settings[f"{prefix}CLIENT_ID"],
                client_secret=settings.get(f"{prefix}CLIENT_SECRET", ""),
                redirect_url=f"{public_url}/sign-in/{name}/callback",
                scopes=settings.get(f"{prefix}SCOPES", "openid email profile"),
                kind=kind,
                agent_id=settings.get(f"{prefix}AGENT_ID", ""),
                directory_secret=settings.get(f"{prefix}DIRECTORY_SECRET", ""),
                directory_hours=int(hours),
                directory_roles=roles,
                urls=urls,
            )
    if wrong:
        raise ConfigurationError("identity cannot start:\n  " + "\n  ".join(wrong))
    return found


def ways_out(providers: Mapping[str, Provider]) -> list[Outbound]:
    """Where identity calls to: every provider that the settings name, and nothing else."""
    purpose, carries = (
        "sign-in and directories of people",
        "codes, secrets of the application; names and addresses come back",
    )
    setting, modules = "IDENTITY_PROVIDERS", ("identity.outside",)
    if not providers:
        return [Outbound(purpose, carries, setting, "", modules)]
    return [
        Outbound(f"{purpose}: {it.title}", carries, setting, url, modules)
        for it in providers.values()
        for url in ((it.issuer,) if it.kind == OIDC else tuple(dict.fromkeys(it.urls.values())))
    ]


class SignsIn(Protocol):
    """What signing in needs of a provider, whatever it speaks."""

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send the person."""

    def vouched(self, code: str, nonce: str, verifier: str) -> Vouched:
        """Exchange the code. Raises Unauthenticated when anything is not as it must be."""


class OpenIdConnect:
    """Talks to one provider. What it publishes about itself is kept for an hour."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send the person."""
        provider = self._provider
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        endpoint = self._endpoint("authorization_endpoint")
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": provider.redirect_url,
            "scope": provider.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def vouched(self, code: str, nonce: str, verifier: str) -> Vouched:
        """Exchange the code. Raises Unauthenticated when anything is not as it must be."""
        provider = self._provider
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": provider.redirect_url,
            "client_id": provider.client_id,
            "code_verifier": verifier,
        }
        auth = None
        methods = self._described().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if provider.client_secret and "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote(provider.client_id, safe=""), quote(provider.client_secret, safe=""))
        elif provider.client_secret:
            form["client_secret"] = provider.client_secret
        answer = self._ask("POST", self._endpoint("token_endpoint"), data=form, auth=auth)
        claims = self._claims(str(answer.get("id_token", "")), nonce)
        if "email" not in claims and answer.get("access_token") and self._described().get("userinfo_endpoint"):
            bearer = {"Authorization": f"Bearer {answer['access_token']}"}
            told = self._ask("GET", self._endpoint("userinfo_endpoint"), headers=bearer)
            if told.get("sub") == claims["sub"]:
                claims |= {name: told[name] for name in ("email", "email_verified") if name in told}
        email = claims.get("email", "") if claims.get("email_verified") is True else ""
        return Vouched(claims["sub"], email if isinstance(email, str) else "")

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        provider = self._provider
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                self._key_for(id_token),
                algorithms=list(ALGORITHMS),
                audience=provider.client_id,
                issuer=provider.issuer,
                leeway=_LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except (jwt.InvalidTokenError, jwt.PyJWKError) as error:
            raise Unauthenticated(f"{provider.title} answered with a token that is not valid") from error
        if claims["nonce"] != nonce or not claims["sub"] or not isinstance(claims["sub"], str):
            raise Unauthenticated(f"{provider.title} answered another question; begin again")
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != provider.client_id:
            raise Unauthenticated(f"{provider.title} answered somebody else; begin again")
        return claims

    def _key_for(self, id_token: str) -> Any:
        header = jwt.get_unverified_header(id_token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError("not one of the signatures that are taken")
        key_id = header.get("kid")
        for attempt in range(2):
            for entry in self._published(fresh=attempt == 1).get("keys", []):
                usable = entry.get("use", "sig") == "sig" and entry.get("kty") in ("RSA", "EC", "OKP")
                if usable and (key_id is None or entry.get("kid") == key_id):
                    return jwt.PyJWK(entry, algorithm=header.get("alg"))
        raise jwt.InvalidTokenError("signed with a key that the provider does not publish")

    def _published(self, *, fresh: bool) -> dict[str, Any]:
        """The provider's keys; asked for again when one is unknown, at most once a minute."""
        now, kept = self._clock(), self._keys
        if kept is None or now - kept[0] > (_KEYS_AGAIN_S if fresh else _KEPT_S):
            self._keys = kept = (now, self._ask("GET", self._endpoint("jwks_uri")))
        return kept[1]

    def _described(self) -> dict[str, Any]:
        now, kept = self._clock(), self._metadata
        if kept is None or now - kept[0] > _KEPT_S:
            url = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            described = self._ask("GET", url)
            if described.get("issuer") != self._provider.issuer:
                raise Unavailable(f"{self._provider.title} calls itself another issuer; look at the settings")
            self._metadata = kept = (now, described)
        return kept[1]

    def _endpoint(self, name: str) -> str:
        url = self._described().get(name, "")
        if not isinstance(url, str) or not is_safe(url):
            raise Unavailable(f"{self._provider.title} publishes no safe {name}")
        return url

    def _ask(self, method: str, url: str, **what: Any) -> dict[str, Any]:
        return ask(self._provider.title, method, url, **what)
