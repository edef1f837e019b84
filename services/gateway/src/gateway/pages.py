"""Pages that people outside see: forms, surveys, links and pictures in messages. Chinese and English.

Plain HTML without scripts, so they work anywhere; posting goes to the same address. Nothing that a page
shows is written without escaping.
"""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.backends import Asking, Backends
from gateway.contracts import Contracts, Method
from gateway.problems import MALFORMED, NOT_FOUND, TOO_LARGE, TOO_MANY, WRONG_TYPE, Problem
from kernel.ids import new_id

_MARKETING = "crm.marketing.v1.MarketingService"
_TICKETING = "crm.ticketing.v1.TicketingService"
_TOKEN = re.compile(r"[A-Za-z0-9._~=-]{1,1000}")
_VISITOR = "headwater_visitor"
_YEAR_S = 365 * 24 * 3600
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_CSP = (  # a form may send its visitor on to a page elsewhere
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' https: http:;"
    " base-uri 'none'; frame-ancestors 'none'"
)
_MOST_FIELDS = 60
_LARGEST_FORM = 200_000

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "send": "Send",
        "consent": "You may write to me about this and similar offers.",
        "required": "required",
        "thanks": "Thank you.",
        "download": "Download",
        "wrong": "Please check what you entered",
        "gone": "This page is not here any more.",
        "busy": "Too many at once. Please try again in a few minutes.",
        "away": "We cannot take this right now. Please try again in a moment.",
        "stop_title": "Unsubscribe",
        "stop_ask": "Do you want no more messages from us?",
        "stop": "No more messages",
        "stopped": "Done. You will get no more messages from us this way.",
        "survey": "How did we do?",
        "comment": "Anything you would like to tell us?",
        "answered": "You have answered already. Thank you.",
        "bad": "bad",
        "good": "good",
    },
    "zh": {
        "send": "提交",
        "consent": "我同意接收与此相关的资讯。",
        "required": "必填",
        "thanks": "谢谢！",
        "download": "下载",
        "wrong": "请检查您填写的内容",
        "gone": "页面不存在或已下线。",
        "busy": "操作过于频繁，请几分钟后再试。",
        "away": "暂时无法受理，请稍后再试。",
        "stop_title": "退订",
        "stop_ask": "确定不再接收我们的消息吗？",
        "stop": "退订",
        "stopped": "已退订，您将不再通过此渠道收到我们的消息。",
        "survey": "您对我们的服务满意吗？",
        "comment": "还有什么想告诉我们的？",
        "answered": "您已评价过，谢谢！",
        "bad": "不满意",
        "good": "满意",
    },
}
_INPUTS = {
    "EMAIL": ("email", "email"),
    "PHONE": ("tel", "tel"),
    "NUMBER": ("number", "off"),
    "DATE": ("date", "off"),
}


class Pages:
    def __init__(
        self,
        backends: Backends,
        contracts: Contracts,
        asking: Callable[[Request, Method], Awaitable[Asking]],
        deadline_s: float,
    ) -> None:
        self._backends = backends
        self._contracts = contracts
        self._asking = asking
        self._deadline_s = deadline_s

    def routes(self) -> list[Route]:
        return [
            Route("/f/{form_id}", self.form, methods=["GET", "POST"]),
            Route("/s/{token}", self.survey, methods=["GET", "POST"]),
            Route("/t/o/{token}", self.opened),
            Route("/t/c/{token}", self.clicked),
            Route("/u/{token}", self.unsubscribe, methods=["GET", "POST"]),
        ]

    # -- forms -------------------------------------------------------------------

    async def form(self, request: Request) -> Response:
        """Show a form, or take what was entered."""
        words = _words(request)
        form_id = request.path_params["form_id"]
        visitor = request.cookies.get(_VISITOR, "")
        visitor = visitor if re.fullmatch(r"[0-9a-f-]{36}", visitor) else str(new_id())
        problem = ""
        entered: dict[str, str] = {}
        try:
            if request.method == "POST":
                entered = await _entered(request)
                try:
                    thanks = await self._submit(request, form_id, visitor, entered)
                except Problem as refusal:
                    if refusal.kind is not MALFORMED:
                        raise
                    problem = f"{words['wrong']}: {_reason(refusal)}"
                else:
                    return _thank_you(words, thanks)
            shown = await self._ask(request, f"{_MARKETING}/GetPublicForm", {"form_id": form_id})
        except Problem as refusal:
            return _refusal(words, refusal)
        page = _form_page(words, shown.form, entered, problem)
        if request.method == "GET":
            await self._note_visit(request, form_id, visitor, shown.form.form_token)
        page.set_cookie(_VISITOR, visitor, max_age=_YEAR_S, httponly=True, samesite="lax", path="/f/")
        return page

    async def _submit(self, request: Request, form_id: str, visitor: str, entered: Mapping[str, str]) -> Any:
        query = request.query_params
        return await self._ask(
            request,
            f"{_MARKETING}/SubmitForm",
            {
                "form_id": form_id,
                "form_token": entered.get("_token", ""),
                "honeypot": entered.get(entered.get("_honeypot", ""), ""),
                "values": {k: v for k, v in entered.items() if not k.startswith("_") and k != entered.get("_honeypot")},
                "source_channel": query.get("source", query.get("source_channel", "")),
                "campaign_id": query.get("campaign", query.get("campaign_id", "")),
                "utm": _utm(request),
                "visitor_id": visitor,
                "consent_given": entered.get("_consent") == "yes",
                "source_address": request.client.host if request.client else "",
            },
        )

    async def _note_visit(self, request: Request, form_id: str, visitor: str, form_token: str) -> None:
        """A page view is worth counting, but never worth failing for."""
        try:
            await self._ask(
                request,
                f"{_MARKETING}/RecordVisit",
                {
                    "form_id": form_id,
                    "visitor_id": visitor,
                    "kind": "form-viewed",
                    "source_channel": request.query_params.get("source", ""),
                    "utm": _utm(request),
                    "form_token": form_token,
                },
            )
        except Problem:
            return

    # -- surveys -----------------------------------------------------------------

    async def survey(self, request: Request) -> Response:
        """Ask how it was, or take the answer."""
        words = _words(request)
        try:
            token = _token(request)
            if request.method == "POST":
                entered = await _entered(request)
                score = entered.get("score", "")
                if score not in ("1", "2", "3", "4", "5"):
                    return _survey_page(words, words["wrong"])
                await self._ask(
                    request,
                    f"{_TICKETING}/AnswerSurvey",
                    {"token": token, "score": int(score), "comment": entered.get("comment", "")},
                )
                return _page(words["survey"], f"<p class=big>{_e(words['thanks'])}</p>", words)
            shown = await self._ask(request, f"{_TICKETING}/GetSurveyForm", {"token": token})
        except Problem as refusal:
            return _refusal(words, refusal)
        if shown.answered:
            return _page(words["survey"], f"<p class=big>{_e(words['answered'])}</p>", words)
        return _survey_page(words)

    # -- links in messages -------------------------------------------------------

    async def opened(self, request: Request) -> Response:
        """The picture in a message: it is always there, whether or not the opening could be noted."""
        try:
            answer = await self._ask(request, f"{_MARKETING}/TrackOpen", {"token": _token(request)})
            image, media_type = answer.image, answer.media_type
        except Problem:
            image, media_type = b"", ""
        if not media_type.startswith("image/") or media_type == "image/svg+xml":
            image, media_type = _PIXEL, "image/gif"
        return Response(
            image,
            media_type=media_type,
            headers={
                "Cache-Control": "no-store",
                "Cross-Origin-Resource-Policy": "cross-origin",
            },
        )

    async def clicked(self, request: Request) -> Response:
        """Send whoever followed a link where it leads, and only to a web page."""
        words = _words(request)
        try:
            answer = await self._ask(request, f"{_MARKETING}/TrackClick", {"token": _token(request)})
        except Problem as refusal:
            return _refusal(words, refusal)
        target = urlsplit(answer.target_url)
        if target.scheme not in ("http", "https") or not target.netloc:
            return _refusal(words, Problem(NOT_FOUND, "the link leads nowhere"))
        return RedirectResponse(answer.target_url, 302, headers={"Cache-Control": "no-store"})

    async def unsubscribe(self, request: Request) -> Response:
        """Ask first: programs that look at links in mail must not take anybody out."""
        words = _words(request)
        try:
            token = _token(request)
            if request.method == "POST":
                await self._ask(request, f"{_MARKETING}/Unsubscribe", {"token": token})
                return _page(words["stop_title"], f"<p class=big>{_e(words['stopped'])}</p>", words)
        except Problem as refusal:
            return _refusal(words, refusal)
        body = f"<p>{_e(words['stop_ask'])}</p><form method=post><button>{_e(words['stop'])}</button></form>"
        return _page(words["stop_title"], body, words)

    async def _ask(self, request: Request, rpc: str, fields: Mapping[str, Any]) -> Any:
        method = self._contracts.method(rpc)
        try:
            message = json_format.ParseDict(dict(fields), method.request_type())
        except json_format.ParseError:
            raise Problem(MALFORMED, "that cannot be read") from None
        asking = await self._asking(request, method)
        return await self._backends.ask(method, message, asking, self._deadline_s)


_PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")


def _e(text: str) -> str:
    return html.escape(text, quote=True)


def _words(request: Request) -> Mapping[str, str]:
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    language = "zh" if wanted.lower().startswith("zh") else "en"
    return {**_WORDS[language], "lang": language}


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    if not _TOKEN.fullmatch(token):
        raise Problem(NOT_FOUND, "there is no such page")
    return token


async def _entered(request: Request) -> dict[str, str]:
    """What a browser's form sends. Fields of one name are joined, as a choice of several is."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(WRONG_TYPE, "send the form as a browser does")
    body = await request.body()
    if len(body) > _LARGEST_FORM:
        raise Problem(TOO_LARGE, f"a form has at most {_LARGEST_FORM} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Problem(MALFORMED, "that cannot be read") from None
    found: dict[str, str] = {}
    for key, value in pairs:
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _utm(request: Request) -> dict[str, str]:
    return {k: request.query_params[k][:200] for k in _UTM if k in request.query_params}


def _reason(refusal: Problem) -> str:
    return "; ".join(v.description for v in refusal.violations) or refusal.detail


def _refusal(words: Mapping[str, str], refusal: Problem) -> HTMLResponse:
    if refusal.kind is NOT_FOUND or refusal.kind.status in (400, 409):
        text = words["gone"]
    elif refusal.kind is TOO_MANY:
        text = words["busy"]
    else:
        text = words["away"]
    page = _page("Headwater", f"<p class=big>{_e(text)}</p>", words, refusal.kind.status)
    page.headers.update(refusal.headers)
    return page


def _thank_you(words: Mapping[str, str], answer: Any) -> Response:
    thanks = answer.thank_you
    if urlsplit(thanks.redirect_url).scheme in ("http", "https"):
        return RedirectResponse(thanks.redirect_url, 303)
    body = f"<p class=big>{_e(thanks.message or words['thanks'])}</p>"
    if urlsplit(thanks.download_url).scheme in ("http", "https"):
        body += f'<p><a href="{_e(thanks.download_url)}" rel=noopener>{_e(words["download"])}</a></p>'
    return _page(words["thanks"], body, words)


def _form_page(words: Mapping[str, str], form: Any, entered: Mapping[str, str], problem: str) -> HTMLResponse:
    kinds = form.DESCRIPTOR.fields_by_name["fields"].message_type.fields_by_name["kind"].enum_type
    rows = []
    for field in form.fields:
        kind = kinds.values_by_number[field.kind].name.removeprefix("FORM_FIELD_KIND_")
        rows.append(_form_row(words, field, kind, entered.get(field.key, "")))
    alarm = f"<p class=alarm role=alert>{_e(problem)}</p>" if problem else ""
    honeypot = _e(form.honeypot_field)
    trap = (
        f'<div class=trap aria-hidden=true><label>{honeypot}<input name="{honeypot}" tabindex=-1'
        f' autocomplete=off></label></div><input type=hidden name=_honeypot value="{honeypot}">'
        if honeypot
        else ""
    )
    body = (
        f"{alarm}<form method=post>{''.join(rows)}{trap}"
        f'<input type=hidden name=_token value="{_e(form.form_token)}">'
        f"<label class=check><input type=checkbox name=_consent value=yes> {_e(words['consent'])}</label>"
        f"<button>{_e(words['send'])}</button></form>"
    )
    return _page(form.title, body, words, 400 if problem else 200)


def _form_row(words: Mapping[str, str], field: Any, kind: str, value: str) -> str:
    name, must = _e(field.key), " required" if field.required else ""
    star = f' <i title="{_e(words["required"])}">*</i>' if field.required else ""
    label = f"<span>{_e(field.label or field.key)}{star}</span>"
    if field.choices:
        options = "".join(
            f"<option{' selected' if choice == value else ''}>{_e(choice)}</option>" for choice in field.choices
        )
        control = f'<select name="{name}"{must}><option value=""></option>{options}</select>'
    elif kind == "LONG_TEXT":
        control = f'<textarea name="{name}" rows=4 maxlength=4000{must}>{_e(value)}</textarea>'
    elif kind == "CHECKBOX":
        return f'<label class=check><input type=checkbox name="{name}" value=yes{must}> {label}</label>'
    else:
        type_, complete = _INPUTS.get(kind, ("text", "on"))
        control = f'<input type={type_} name="{name}" value="{_e(value)}" autocomplete={complete} maxlength=400{must}>'
    return f"<label>{label}{control}</label>"


def _survey_page(words: Mapping[str, str], problem: str = "") -> HTMLResponse:
    scores = "".join(f"<label><input type=radio name=score value={n} required><b>{n}</b></label>" for n in range(1, 6))
    alarm = f"<p class=alarm role=alert>{_e(problem)}</p>" if problem else ""
    body = (
        f"{alarm}<form method=post><div class=scores><span>{_e(words['bad'])}</span>{scores}"
        f"<span>{_e(words['good'])}</span></div><label><span>{_e(words['comment'])}</span>"
        f"<textarea name=comment rows=4 maxlength=2000></textarea></label>"
        f"<button>{_e(words['send'])}</button></form>"
    )
    return _page(words["survey"], body, words, 400 if problem else 200)


def _page(title: str, body: str, words: Mapping[str, str], status: int = 200) -> HTMLResponse:
    text = (
        f"<!doctype html><html lang={words['lang']}><head><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width, initial-scale=1'><title>{_e(title)}</title>"
        f"<link rel=stylesheet href=/static/public.css></head>"
        f"<body><main><h1>{_e(title)}</h1>{body}</main></body></html>"
    )
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _CSP}
    return HTMLResponse(text, status, headers=headers)
