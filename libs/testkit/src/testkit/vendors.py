"""WeCom, DingTalk and Feishu as stand-ins: real HTTP, their documented paths, pages, error codes and refusals."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

CLIENT_ID, CLIENT_SECRET, AGENT_ID = "corp-1", "between us", "1000002"
TOKEN = "the application's token"
_PAGE = 2  # small, so that pages matter


@dataclass
class Someone:
    """A member of the company; a stranger has an account with the vendor and none with the company."""

    id: str
    name: str
    department: str
    company_email: str = ""
    email: str = ""
    leads: bool = False
    stranger: bool = False


@dataclass
class VendorServer:
    """One company's account with one vendor."""

    kind: str
    url: str = ""
    departments: dict[str, tuple[str, str]] = field(default_factory=dict)  # id: (name, parent's id)
    people: dict[str, Someone] = field(default_factory=dict)
    codes: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        return "0" if self.kind == "feishu" else "1"

    def joins(self, *people: Someone) -> None:
        self.people |= {it.id: it for it in people}

    def signs_in(self, who: str, authorization_url: str) -> tuple[str, str]:
        """What a person does in the browser; returns the code and the state that go back."""
        parts = urlsplit(authorization_url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}" == self.url
        assert query["appid" if self.kind == "wecom" else "client_id"] == CLIENT_ID
        code = uuid4().hex
        self.codes[code] = (who, query)
        return code, query["state"]

    def answer(self, path: str, query: dict[str, str], body: dict[str, Any], headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        answering = {"wecom": self._wecom, "dingtalk": self._dingtalk, "feishu": self._feishu}[self.kind]
        return answering(path, query, body, headers)

    # -- WeCom ---------------------------------------------------------------------

    def _wecom(self, path: str, query: dict[str, str], _: dict[str, Any], __: Any) -> tuple[int, Any]:
        if path == "/cgi-bin/gettoken":
            if (query.get("corpid"), query.get("corpsecret")) != (CLIENT_ID, CLIENT_SECRET):
                return 200, {"errcode": 40001, "errmsg": "invalid credential"}
            return 200, {"errcode": 0, "errmsg": "ok", "access_token": TOKEN, "expires_in": 7200}
        if query.get("access_token") != TOKEN:
            return 200, {"errcode": 40014, "errmsg": "invalid access_token"}
        if path == "/cgi-bin/auth/getuserinfo":
            who, _asked = self.codes.pop(query.get("code", ""), ("", {}))
            if not who:
                return 200, {"errcode": 40029, "errmsg": "invalid code"}
            if self.people[who].stranger:
                return 200, {"errcode": 0, "errmsg": "ok", "openid": who}
            return 200, {"errcode": 0, "errmsg": "ok", "userid": who.upper()}  # ids do not tell cases apart
        if path == "/cgi-bin/user/get":
            it = self.people[query["userid"].lower()]
            return 200, {"errcode": 0, "userid": it.id, "name": it.name, "biz_mail": it.company_email}
        if path == "/cgi-bin/department/list":
            rows = [{"id": 1, "name": "company", "parentid": 0}] + [
                {"id": int(its), "name": name, "parentid": int(parent or 1)}
                for its, (name, parent) in self.departments.items()
            ]
            return 200, {"errcode": 0, "department": rows}
        if path == "/cgi-bin/user/list":
            rows = [
                {
                    "userid": it.id,
                    "name": it.name,
                    "department": [int(it.department or 1)],
                    "main_department": int(it.department or 1),
                    "is_leader_in_dept": [int(it.leads)],
                    "biz_mail": it.company_email,
                    "email": it.email,
                    "status": 1,
                }
                for it in self._in(query["department_id"])
            ]
            return 200, {"errcode": 0, "userlist": rows}
        return 404, {}

    # -- DingTalk ------------------------------------------------------------------

    def _dingtalk(self, path: str, query: dict[str, str], body: dict[str, Any], headers: Any) -> tuple[int, Any]:
        if path == "/v1.0/oauth2/userAccessToken":
            who, _asked = self.codes.pop(body.get("code", ""), ("", {}))
            proof = (body.get("clientId"), body.get("clientSecret"), body.get("grantType"))
            if not who or proof != (CLIENT_ID, CLIENT_SECRET, "authorization_code"):
                return 400, {"code": "invalidParameter.authCode.notFound", "message": "no such code"}
            return 200, {"accessToken": f"of {who}", "expireIn": 7200}
        if path == "/v1.0/contact/users/me":
            who = headers.get("x-acs-dingtalk-access-token", "").removeprefix("of ")
            return 200, {"nick": "x", "unionId": f"union-{who}", "openId": "o", "email": "anything@example.org"}
        if path == "/gettoken":
            if (query.get("appkey"), query.get("appsecret")) != (CLIENT_ID, CLIENT_SECRET):
                return 200, {"errcode": 40089, "errmsg": "invalid appkey or appsecret"}
            return 200, {"errcode": 0, "access_token": TOKEN, "expires_in": 7200}
        if query.get("access_token") != TOKEN:
            return 200, {"errcode": 88, "errmsg": "invalid access_token"}
        if path == "/topapi/user/getbyunionid":
            it = self.people[body["unionid"].removeprefix("union-")]
            if it.stranger:
                return 200, {"errcode": 60121, "errmsg": "no such user in the company"}
            return 200, {"errcode": 0, "result": {"contact_type": 0, "userid": it.id}}
        if path == "/topapi/v2/user/get":
            it = self.people[body["userid"]]
            return 200, {"errcode": 0, "result": {"userid": it.id, "name": it.name, "org_email": it.company_email}}
        if path == "/topapi/v2/department/listsub":
            above = str(body["dept_id"])
            rows = [
                {"dept_id": int(its), "name": name, "parent_id": int(above)}
                for its, (name, parent) in self.departments.items()
                if (parent or self.root) == above
            ]
            return 200, {"errcode": 0, "result": rows}
        if path == "/topapi/v2/user/list":
            rows = [
                {
                    "userid": it.id,
                    "name": it.name,
                    "dept_id_list": [int(it.department or 1)],
                    "org_email": it.company_email,
                    "email": it.email,
                    "leader": it.leads,
                }
                for it in self._in(str(body["dept_id"]))
            ]
            begin = int(body["cursor"])
            page: dict[str, Any] = {"list": rows[begin : begin + _PAGE], "has_more": begin + _PAGE < len(rows)}
            if page["has_more"]:
                page["next_cursor"] = begin + _PAGE
            return 200, {"errcode": 0, "result": page}
        return 404, {}

    # -- Feishu --------------------------------------------------------------------

    def _feishu(self, path: str, query: dict[str, str], body: dict[str, Any], headers: Any) -> tuple[int, Any]:
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if path == "/oauth/v3/token":
            who, asked = self.codes.pop(body.get("code", ""), ("", {}))
            hashed = hashlib.sha256(body.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
            proof = (body.get("client_id"), body.get("client_secret"), body.get("redirect_uri"), challenge)
            wanted = (CLIENT_ID, CLIENT_SECRET, asked.get("redirect_uri"), asked.get("code_challenge"))
            if not who or proof != wanted or self.people[who].stranger:
                return 400, {"code": 20003, "error": "invalid_grant"}
            return 200, {"code": 0, "access_token": f"of {who}", "expires_in": 7200, "token_type": "Bearer"}
        if path == "/open-apis/authen/v1/user_info":
            it = self.people[bearer.removeprefix("of ")]
            data = {"open_id": it.id, "name": it.name, "email": it.email, "enterprise_email": it.company_email}
            return 200, {"code": 0, "data": data}
        if path == "/open-apis/auth/v3/tenant_access_token/internal":
            if (body.get("app_id"), body.get("app_secret")) != (CLIENT_ID, CLIENT_SECRET):
                return 200, {"code": 10014, "msg": "app secret invalid"}
            return 200, {"code": 0, "tenant_access_token": TOKEN, "expire": 7200}
        if bearer != TOKEN:
            return 200, {"code": 99991663, "msg": "invalid token"}
        if path == "/open-apis/contact/v3/departments/0/children":
            leaders = {it.department: it.id for it in self.people.values() if it.leads}
            rows = [
                {
                    "open_department_id": its,
                    "name": name,
                    "parent_department_id": parent or "0",
                    "leader_user_id": leaders.get(its, ""),
                    "status": {"is_deleted": False},
                }
                for its, (name, parent) in self.departments.items()
            ]
            return 200, {"code": 0, "data": _paged(rows, query)}
        if path == "/open-apis/contact/v3/users/find_by_department":
            rows = [
                {
                    "open_id": it.id,
                    "name": it.name,
                    "department_ids": [it.department or "0"],
                    "enterprise_email": it.company_email,
                    "email": it.email,
                    "status": {"is_resigned": False, "is_frozen": False},
                }
                for it in self._in(query["department_id"])
            ]
            return 200, {"code": 0, "data": _paged(rows, query)}
        return 404, {}

    def _in(self, department: str) -> list[Someone]:
        return [it for it in self.people.values() if not it.stranger and (it.department or self.root) == department]


def _paged(rows: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    begin = int(query.get("page_token", "0"))
    more = begin + _PAGE < len(rows)
    return {"items": rows[begin : begin + _PAGE], "has_more": more, "page_token": str(begin + _PAGE) if more else ""}


@contextmanager
def a_vendor(kind: str) -> Iterator[VendorServer]:
    vendor = VendorServer(kind)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}"))

        def _answer(self, body: dict[str, Any]) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, tree = vendor.answer(parts.path, query, body, self.headers)
            content = json.dumps(tree).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def vendor_settings(vendor: VendorServer, **more: str) -> dict[str, str]:
    """What identity's environment says about it."""
    token_url = f"{vendor.url}/oauth/v3/token" if vendor.kind == "feishu" else vendor.url
    about = {
        "KIND": vendor.kind,
        "TITLE": vendor.kind.title(),
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "AGENT_ID": AGENT_ID,
        "AUTHORIZE_URL": f"{vendor.url}/authorize",
        "TOKEN_URL": token_url,
        "API_URL": vendor.url,
    } | more
    return {
        "IDENTITY_PROVIDERS": "corp",
        "IDENTITY_PUBLIC_URL": "http://127.0.0.1:1",
        **{f"IDENTITY_PROVIDER_CORP_{name}": value for name, value in about.items()},
    }
