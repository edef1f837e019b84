"""Signing in through WeCom, DingTalk and Feishu, and reading the directories kept there.

Each speaks OAuth 2.0 its own way: the person is sent to the vendor, comes back with a code, and the code is exchanged
for his id in the company. Whoever the vendor knows but the company does not employ is refused. Only an e-mail address
that the company gave (never one that people type in themselves) may say whose account here it is.

The vendors' documentation:
WeCom: developer.work.weixin.qq.com/document/path/98171 (web sign-in), /91039 (gettoken), /91023 (getuserinfo),
/90196 (user/get), /90208 (department/list), /90201 (user/list).
DingTalk: open.dingtalk.com/document/orgapp/tutorial-obtaining-user-personal-information (authorisation,
userAccessToken, contact/users/me), .../query-a-user-by-the-union-id, .../query-user-details,
.../obtain-the-department-list-v2 (listsub), .../queries-the-complete-information-of-a-department-user (user/list).
Feishu: open.feishu.cn/document/common-capabilities/sso/api/obtain-oauth-code (authorisation with PKCE),
.../authentication-management/access-token/get-user-access-token-v3, .../authen-v1/user_info/get,
.../auth-v3/auth/tenant_access_token_internal, .../contact-v3/department/children,
.../contact-v3/user/find_by_department.
"""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from identity.domain.directory import MOST_DEPARTMENTS, MOST_MEMBERS, Department, Directory, Member
from identity.outside import ask
from identity.providers import Provider, Vouched
from kernel.errors import DomainError, Unauthenticated

_EARLY_S = 300.0
_MOST_PAGES = 1_000


class DirectoryRefused(DomainError):
    """The vendor does not show the directory to this application."""


class _Vendor:
    """What the three have in common: the application's own token, kept until shortly before it ends."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._tokens: dict[str, tuple[float, str]] = {}

    def directory(self) -> Directory:
        """Everybody and every department the application may see. Raises DirectoryRefused, or Unavailable."""
        try:
            departments = list(self._departments())
            return Directory(departments, _once(self._members([it.id for it in departments])))
        except Unauthenticated as error:
            raise DirectoryRefused(
                f"{self._provider.title} does not show its directory; check the secret and what the application may see"
            ) from error

    def _departments(self) -> Iterator[Department]:
        raise NotImplementedError

    def _members(self, departments: list[str]) -> Iterator[Member]:
        raise NotImplementedError

    def _new_token(self, secret: str) -> tuple[str, float]:
        """The application's token and how many seconds it is good for."""
        raise NotImplementedError

    def _token(self, secret: str = "") -> str:
        secret = secret or self._provider.client_secret
        until, token = self._tokens.get(secret, (0.0, ""))
        if not token or self._clock() >= until:
            token, lasts_s = self._new_token(secret)
            self._tokens[secret] = (self._clock() + max(0.0, lasts_s - _EARLY_S), token)
        return token

    def _ask(self, method: str, url: str, **what: Any) -> dict[str, Any]:
        """The answer, which carries an error code of its own: 0 is well."""
        answer = ask(self._provider.title, method, url, **what)
        code = answer.get("errcode", answer.get("code", 0))
        if code not in (0, "0"):
            self._tokens.clear()  # whatever was wrong, the next attempt begins with a fresh one
            raise Unauthenticated(f"{self._provider.title} refused (its code {str(code)[:20]}); begin again")
        return answer

    def _refuse_stranger(self) -> Unauthenticated:
        return Unauthenticated(f"{self._provider.title} does not know you as a member of the company")

    def _url(self, name: str, path: str = "") -> str:
        return self._provider.urls[name].rstrip("/") + path


class WeCom(_Vendor):
    """企业微信. `client_id` is the CorpID; `directory_secret`, if given, is another application's that sees more."""

    _ROOT: Final = "1"

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        query = {
            "login_type": "CorpApp",
            "appid": self._provider.client_id,
            "agentid": self._provider.agent_id,
            "redirect_uri": self._provider.redirect_url,
            "state": state,
        }
        return f"{self._url('AUTHORIZE_URL')}?{urlencode(query)}"

    def vouched(self, code: str, nonce: str, verifier: str) -> Vouched:
        found = self._call("/cgi-bin/auth/getuserinfo", code=code)
        user_id = found.get("userid")
        if not user_id or not isinstance(user_id, str):  # an `openid` instead: somebody from outside
            raise self._refuse_stranger()
        about = self._call("/cgi-bin/user/get", userid=user_id)
        return Vouched(user_id.lower(), _text(about.get("biz_mail")))

    def _departments(self) -> Iterator[Department]:
        for row in self._listed("/cgi-bin/department/list").get("department", []):
            if (its := str(row["id"])) != self._ROOT:
                parent = str(row.get("parentid", ""))
                yield Department(its, _text(row.get("name")) or its, "" if parent == self._ROOT else parent)

    def _members(self, departments: list[str]) -> Iterator[Member]:
        for row in self._all_users(departments):
            inside = [str(it) for it in row.get("department", [])]
            leads = [it for it, leading in zip(inside, row.get("is_leader_in_dept", []), strict=False) if leading]
            yield Member(
                id=str(row["userid"]).lower(),
                name=_text(row.get("name")),
                email=_text(row.get("biz_mail")) or _text(row.get("email")),
                company_email=_text(row.get("biz_mail")),
                department=str(row.get("main_department") or (inside[0] if inside else "")),
                position=_text(row.get("position")),
                leads=tuple(leads),
            )

    def _all_users(self, departments: list[str]) -> Iterator[dict[str, Any]]:
        for department in [self._ROOT, *departments]:
            rows = self._listed("/cgi-bin/user/list", department_id=department).get("userlist", [])
            yield from (row for row in rows if row.get("status", 1) not in (2, 5))  # 2 disabled, 5 gone

    def _listed(self, path: str, **query: str) -> dict[str, Any]:
        return self._call(path, secret=self._provider.directory_secret, **query)

    def _call(self, path: str, secret: str = "", **query: str) -> dict[str, Any]:
        return self._ask("GET", self._url("API_URL", path), params={"access_token": self._token(secret), **query})

    def _new_token(self, secret: str) -> tuple[str, float]:
        query = {"corpid": self._provider.client_id, "corpsecret": secret}
        answer = self._ask("GET", self._url("API_URL", "/cgi-bin/gettoken"), params=query)
        return str(answer["access_token"]), float(answer.get("expires_in", 7200))


class DingTalk(_Vendor):
    """钉钉. Anybody with DingTalk can agree to the sign-in, so the company's directory is asked who he is there."""

    _ROOT: Final = "1"

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        query = {
            "redirect_uri": self._provider.redirect_url,
            "response_type": "code",
            "client_id": self._provider.client_id,
            "scope": "openid",
            "state": state,
            "prompt": "consent",
        }
        return f"{self._url('AUTHORIZE_URL')}?{urlencode(query)}"

    def vouched(self, code: str, nonce: str, verifier: str) -> Vouched:
        proof = {
            "clientId": self._provider.client_id,
            "clientSecret": self._provider.client_secret,
            "code": code,
            "grantType": "authorization_code",
        }
        his = self._ask("POST", self._url("TOKEN_URL", "/v1.0/oauth2/userAccessToken"), json=proof).get("accessToken")
        headers = {"x-acs-dingtalk-access-token": _text(his)}
        union_id = self._ask("GET", self._url("TOKEN_URL", "/v1.0/contact/users/me"), headers=headers).get("unionId")
        if not his or not union_id:
            raise self._refuse_stranger()
        try:
            user_id = self._call("/topapi/user/getbyunionid", unionid=union_id)["result"]["userid"]
        except (Unauthenticated, KeyError) as error:
            raise self._refuse_stranger() from error
        about = self._call("/topapi/v2/user/get", userid=user_id).get("result", {})
        return Vouched(str(user_id), _text(about.get("org_email")))

    def _departments(self) -> Iterator[Department]:
        waiting, seen = [self._ROOT], 0
        while waiting and seen <= MOST_DEPARTMENTS:
            above = waiting.pop()
            for row in self._call("/topapi/v2/department/listsub", dept_id=int(above)).get("result", []):
                seen += 1
                its = str(row["dept_id"])
                waiting.append(its)
                yield Department(its, _text(row.get("name")) or its, "" if above == self._ROOT else above)

    def _members(self, departments: list[str]) -> Iterator[Member]:
        led: dict[str, list[str]] = {}
        rows: dict[str, dict[str, Any]] = {}
        for department in [self._ROOT, *departments]:
            for row in self._users_in(department):
                its = str(row["userid"])
                rows.setdefault(its, row)
                if row.get("leader"):
                    led.setdefault(its, []).append(department)
        for its, row in rows.items():
            inside = [str(it) for it in row.get("dept_id_list", [])]
            yield Member(
                id=its,
                name=_text(row.get("name")),
                email=_text(row.get("org_email")) or _text(row.get("email")),
                company_email=_text(row.get("org_email")),
                department=inside[0] if inside else "",
                position=_text(row.get("title")),
                leads=tuple(led.get(its, ())),
            )

    def _users_in(self, department: str) -> Iterator[dict[str, Any]]:
        cursor = 0
        for _ in range(_MOST_PAGES):
            page = self._call("/topapi/v2/user/list", dept_id=int(department), cursor=cursor, size=100)
            result = page.get("result", {})
            yield from result.get("list", [])
            if not result.get("has_more"):
                return
            cursor = int(result["next_cursor"])

    def _call(self, path: str, **body: Any) -> dict[str, Any]:
        return self._ask("POST", self._url("API_URL", path), params={"access_token": self._token()}, json=body)

    def _new_token(self, secret: str) -> tuple[str, float]:
        query = {"appkey": self._provider.client_id, "appsecret": secret}
        answer = self._ask("GET", self._url("API_URL", "/gettoken"), params=query)
        return str(answer["access_token"]), float(answer.get("expires_in", 7200))


class Feishu(_Vendor):
    """飞书. People are known by their `open_id` in this application; only the company's own may use it."""

    _ROOT: Final = "0"

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": self._provider.client_id,
            "response_type": "code",
            "redirect_uri": self._provider.redirect_url,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._url('AUTHORIZE_URL')}?{urlencode(query)}"

    def vouched(self, code: str, nonce: str, verifier: str) -> Vouched:
        proof = {
            "grant_type": "authorization_code",
            "client_id": self._provider.client_id,
            "client_secret": self._provider.client_secret,
            "code": code,
            "redirect_uri": self._provider.redirect_url,
            "code_verifier": verifier,
        }
        his = _text(self._ask("POST", self._url("TOKEN_URL"), json=proof).get("access_token"))
        headers = {"Authorization": f"Bearer {his}"}
        about = self._ask("GET", self._url("API_URL", "/open-apis/authen/v1/user_info"), headers=headers)
        found = about.get("data", {})
        if not his or not found.get("open_id"):
            raise self._refuse_stranger()
        return Vouched(str(found["open_id"]), _text(found.get("enterprise_email")))

    def _departments(self) -> Iterator[Department]:
        path = f"/open-apis/contact/v3/departments/{self._ROOT}/children"
        for row in self._pages(path, fetch_child="true", department_id_type="open_department_id"):
            if not row.get("status", {}).get("is_deleted"):
                its, parent = str(row["open_department_id"]), str(row.get("parent_department_id", ""))
                yield Department(its, _text(row.get("name")) or its, "" if parent == self._ROOT else parent)
                if row.get("leader_user_id"):
                    self._leaders.setdefault(str(row["leader_user_id"]), []).append(its)

    def _members(self, departments: list[str]) -> Iterator[Member]:
        for department in [self._ROOT, *departments]:
            asked = {"department_id": department, "department_id_type": "open_department_id"}
            for row in self._pages("/open-apis/contact/v3/users/find_by_department", **asked, user_id_type="open_id"):
                status = row.get("status", {})
                if status.get("is_resigned") or status.get("is_exited") or status.get("is_frozen"):
                    continue
                inside = [str(it) for it in row.get("department_ids", [])] or [department]
                its = str(row["open_id"])
                yield Member(
                    id=its,
                    name=_text(row.get("name")),
                    email=_text(row.get("enterprise_email")) or _text(row.get("email")),
                    company_email=_text(row.get("enterprise_email")),
                    department="" if inside[0] == self._ROOT else inside[0],
                    position=_text(row.get("job_title")),
                    leads=tuple(self._leaders.get(its, ())),
                )

    def directory(self) -> Directory:
        self._leaders: dict[str, list[str]] = {}
        return super().directory()

    def _pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        token = ""
        for _ in range(_MOST_PAGES):
            asked = {"page_size": "50", "user_id_type": "open_id", **query} | ({"page_token": token} if token else {})
            headers = {"Authorization": f"Bearer {self._token()}"}
            data = self._ask("GET", self._url("API_URL", path), params=asked, headers=headers).get("data", {})
            yield from data.get("items") or []
            token = _text(data.get("page_token"))
            if not data.get("has_more") or not token:
                return

    def _new_token(self, secret: str) -> tuple[str, float]:
        body = {"app_id": self._provider.client_id, "app_secret": secret}
        url = self._url("API_URL", "/open-apis/auth/v3/tenant_access_token/internal")
        answer = self._ask("POST", url, json=body)
        return str(answer["tenant_access_token"]), float(answer.get("expire", 7200))


Vendor = WeCom | DingTalk | Feishu

_KINDS: Final[dict[str, type[WeCom] | type[DingTalk] | type[Feishu]]] = {
    "wecom": WeCom,
    "dingtalk": DingTalk,
    "feishu": Feishu,
}


def vendor_of(provider: Provider) -> Vendor:
    """The adapter for the provider's kind."""
    return _KINDS[provider.kind](provider)


def _once(members: Iterator[Member]) -> list[Member]:
    """Whoever is in several departments is listed in each; the first counts. Bounded."""
    found: dict[str, Member] = {}
    for member in members:
        found.setdefault(member.id, member)
        if len(found) > MOST_MEMBERS:
            break
    return list(found.values())


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
