"""Columns to fields: guessed from the headings, shown, editable as a file, and applied row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from headwater.importing.plan import Kind, Plan, Problem, Ref, Row, opening
from headwater.importing.reading import Table
from headwater.importing.values import (
    SPELLINGS,
    BadValue,
    DateSpelling,
    refuse_formula,
    spelling_of,
    to_date,
    to_datetime,
    to_flag,
    to_money,
    to_whole,
)


class MappingWrong(Exception):
    """The mapping does not fit the file. The message says what to change."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a column may fill: its path in the API's row, its type, and the headings it goes by."""

    path: str
    type: str  # text, date, day, money, whole, flag, texts, person, customer, product, tags, custom
    names: tuple[str, ...]
    required: bool = False
    longest: int = 2_000


F = Field
FIELDS: Mapping[Kind, tuple[Field, ...]] = {
    "customers": (
        F(
            "external_ref",
            "text",
            ("id", "customerid", "accountid", "customerno", "number", "编号", "客户编号"),
            longest=200,
        ),
        F(
            "profile.name",
            "text",
            (
                "name",
                "company",
                "companyname",
                "customer",
                "account",
                "accountname",
                "客户名称",
                "公司",
                "公司名称",
                "企业名称",
                "客户",
                "名称",
            ),
            True,
            200,
        ),
        F(
            "profile.phones",
            "texts",
            ("phone", "telephone", "tel", "phonenumber", "电话", "公司电话", "联系电话"),
        ),
        F("profile.emails", "texts", ("email", "mail", "emailaddress", "邮箱", "电子邮箱")),
        F("profile.industry_code", "text", ("industry", "sector", "行业", "所属行业")),
        F(
            "profile.region_code",
            "text",
            ("region", "country", "province", "city", "area", "地区", "省份", "区域", "城市"),
        ),
        F("profile.size_code", "text", ("size", "companysize", "规模", "公司规模")),
        F("profile.credit_code", "text", ("creditcode", "uscc", "统一社会信用代码", "信用代码", "税号")),
        F("profile.website", "text", ("website", "web", "url", "homepage", "网址", "网站", "官网")),
        F("profile.employees", "whole", ("employees", "headcount", "staff", "员工数", "人数")),
        F("profile.annual_revenue", "money", ("revenue", "annualrevenue", "turnover", "营收", "年营业额")),
        F("profile.address", "text", ("address", "street", "地址", "详细地址")),
        F(
            "profile.remark",
            "text",
            ("remark", "remarks", "note", "notes", "comment", "description", "备注", "说明"),
        ),
        F("source", "text", ("source", "leadsource", "channel", "来源", "客户来源")),
        F("tags", "tags", ("tags", "tag", "labels", "标签")),
        F(
            "owner_id",
            "person",
            ("owner", "salesperson", "rep", "salesagent", "accountowner", "负责人", "销售", "所属销售"),
        ),
        F(
            "registered_at",
            "date",
            ("registered", "created", "createdat", "createddate", "创建时间", "登记日期"),
        ),
        F(
            "contacts.0.name",
            "text",
            ("contact", "contactname", "contactperson", "联系人", "联系人姓名", "姓名"),
        ),
        F("contacts.0.position", "text", ("contacttitle", "position", "title", "jobtitle", "职位", "职务")),
        F(
            "contacts.0.phones",
            "texts",
            ("mobile", "mobilephone", "contactphone", "cell", "手机", "手机号", "联系人电话"),
        ),
        F("contacts.0.emails", "texts", ("contactemail", "联系人邮箱")),
    ),
    "leads": (
        F("external_ref", "text", ("id", "leadid", "编号"), longest=200),
        F("person_name", "text", ("name", "personname", "fullname", "contact", "姓名", "联系人")),
        F("phone", "text", ("phone", "mobile", "tel", "telephone", "电话", "手机", "手机号")),
        F("email", "text", ("email", "mail", "emailaddress", "邮箱")),
        F("company", "text", ("company", "companyname", "account", "公司", "公司名称")),
        F("source_channel", "text", ("source", "channel", "leadsource", "来源", "渠道")),
        F("region_code", "text", ("region", "country", "province", "city", "地区", "省份", "城市")),
        F("industry_code", "text", ("industry", "sector", "行业")),
        F("remark", "text", ("remark", "note", "notes", "comment", "备注")),
        F("captured_at", "date", ("created", "createdat", "date", "创建时间", "日期")),
        F("owner_id", "person", ("owner", "rep", "salesperson", "负责人", "销售")),
    ),
    "products": (
        F("external_ref", "text", ("id", "productid", "编号"), longest=200),
        F("sku", "text", ("sku", "code", "productcode", "货号", "产品编码")),
        F("name", "text", ("name", "product", "productname", "名称", "产品", "产品名称"), True, 200),
        F("category", "text", ("category", "series", "family", "类别", "分类", "系列")),
        F("list_price", "money", ("price", "listprice", "salesprice", "unitprice", "价格", "单价", "标价")),
        F("unit", "text", ("unit", "quantityperunit", "单位")),
    ),
    "opportunities": (
        F("external_ref", "text", ("id", "opportunityid", "dealid", "编号", "商机编号"), longest=200),
        F(
            "title",
            "text",
            (
                "title",
                "name",
                "subject",
                "opportunity",
                "deal",
                "opportunityname",
                "商机",
                "商机名称",
                "标题",
            ),
            False,
            200,
        ),
        F(
            "customer_id",
            "customer",
            ("customer", "account", "company", "accountname", "客户", "客户名称", "公司"),
        ),
        F("amount", "money", ("amount", "value", "closevalue", "金额", "预计金额")),
        F("stage", "text", ("stage", "dealstage", "stagename", "阶段", "销售阶段")),
        F("opened_at", "date", ("opened", "created", "createdat", "engagedate", "创建时间", "开始日期")),
        F(
            "expected_close_on",
            "day",
            ("expectedclose", "closedate", "expectedclosedate", "预计成交日期", "预计结单日期"),
        ),
        F("owner_id", "person", ("owner", "salesagent", "rep", "salesperson", "负责人", "销售")),
        F("product_ids", "product", ("product", "产品")),
        F("source_channel", "text", ("source", "channel", "leadsource", "来源", "渠道")),
    ),
    "tickets": (
        F(
            "external_ref",
            "text",
            ("id", "ticketid", "caseid", "casenumber", "编号", "工单编号"),
            longest=200,
        ),
        F("subject", "text", ("subject", "title", "summary", "主题", "标题"), True, 500),
        F("description", "text", ("description", "details", "body", "描述", "内容"), longest=20_000),
        F("customer_id", "customer", ("customer", "account", "company", "客户", "客户名称")),
        F("category", "text", ("category", "type", "类别", "类型")),
        F("priority", "text", ("priority", "urgency", "优先级")),
        F("channel", "text", ("channel", "origin", "渠道", "来源")),
        F("queue", "text", ("queue", "team", "队列")),
        F("complaint", "flag", ("complaint", "投诉")),
        F("opened_at", "date", ("opened", "created", "createdat", "date", "创建时间", "日期")),
    ),
}


def folded(heading: str) -> str:
    """A heading without what people write differently: case, blanks, punctuation."""
    return re.sub(r"[^0-9a-z\u4e00-\u9fff]", "", heading.casefold())


@dataclass(slots=True)
class Mapping_:
    """Which column fills which field, and how the file spells dates and amounts. Stored as JSON for editing."""

    kind: Kind
    columns: dict[str, str] = field(default_factory=dict)  # column -> field path, "custom", or "" to leave out
    dates: dict[str, str] = field(default_factory=dict)  # column -> ymd | dmy | mdy
    currency: str = "CNY"
    phone_region: str = "CN"

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Mapping_:
        try:
            return Mapping_(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise MappingWrong(
                f"{path} is not a mapping: {error}; make a fresh one with --save-mapping FILE"
            ) from error


def guess(kind: Kind, table: Table, currency: str = "CNY", dates: str = "") -> Mapping_:
    """Guess a mapping from the headings; the first column that matches a field gets it."""
    mapping = Mapping_(kind, currency=currency)
    free = {f.path: f for f in FIELDS[kind]}
    for exact in (True, False):
        for column in table.columns:
            if mapping.columns.get(column):
                continue
            found = _best(folded(column), free, exact)
            if found:
                mapping.columns[column] = found.path
                del free[found.path]
    for column in table.columns:
        mapping.columns.setdefault(column, "custom" if kind == "customers" else "")
    kinds = {f.path: f.type for f in FIELDS[kind]}
    for column, path in mapping.columns.items():
        if kinds.get(path) in ("date", "day"):
            spelling = spelling_of((line.cells[column] for line in table.lines), dates)
            mapping.dates[column] = spelling.order if spelling else ""
    return mapping


def _best(heading: str, free: Mapping[str, Field], exact: bool) -> Field | None:
    for candidate in free.values():
        if heading in candidate.names:
            return candidate
    if exact or len(heading) < 4:
        return None
    for candidate in free.values():
        if any(len(name) >= 4 and name in heading for name in candidate.names):
            return candidate
    return None


def check_mapping(mapping: Mapping_, table: Table) -> None:
    """Raise MappingWrong when the mapping cannot be applied to this file."""
    known = {f.path: f for f in FIELDS[mapping.kind]}
    missing = [c for c in mapping.columns if c not in table.columns]
    if missing:
        raise MappingWrong(
            f"{table.path} has no column {missing[0]!r}; it has {', '.join(table.columns[:20])}. Edit the mapping"
        )
    used = [path for path in mapping.columns.values() if path and path != "custom"]
    for path in used:
        if path not in known:
            raise MappingWrong(f"there is no field {path!r} for {mapping.kind}; there are {', '.join(known)}")
        if used.count(path) > 1:
            raise MappingWrong(f"two columns fill {path!r}; leave one of them out")
    for wanted in known.values():
        if wanted.required and wanted.path not in used:
            raise MappingWrong(
                f"{table.path}: no column fills {wanted.path!r} (known headings: {', '.join(wanted.names[:6])}…);"
                " rename a heading, or write the column into a mapping file and give it with --mapping"
            )
    for column, order in mapping.dates.items():
        if not order:
            raise MappingWrong(
                f"{table.path}: the dates in {column!r} fit both day/month and month/day;"
                " say which with --dates dmy or --dates mdy"
            )


def apply(plan: Plan, mapping: Mapping_, table: Table) -> None:
    """Turn the table's lines into rows of the plan; what cannot be taken becomes a problem of its line."""
    check_mapping(mapping, table)
    file = table.path.name
    plan.problems += [Problem(file, t.line, t.column, t.value, t.wrong, t.mend) for t in table.troubles]
    known = {f.path: f for f in FIELDS[mapping.kind]}
    spellings = {column: SPELLINGS[order] for column, order in mapping.dates.items()}
    step = plan.step(mapping.kind)
    seen: dict[str, int] = {}
    for line in table.lines:
        body: dict[str, Any] = {}
        refs: list[Ref] = []
        columns: dict[str, str] = {}
        problems: list[Problem] = []

        def bad(column: str, value: str, wrong: str, mend: str) -> None:
            problems.append(Problem(file, line.number, column, value[:80], wrong, mend))  # noqa: B023

        for column, path in mapping.columns.items():
            cell = line.cells.get(column, "")
            if not path or not cell:
                continue
            columns[path] = column
            try:
                refuse_formula(cell)
                if path == "custom":
                    body.setdefault("profile", {}).setdefault("custom_fields", {})[column] = cell[:2_000]
                    continue
                _put(body, refs, known[path], cell, spellings.get(column), mapping)
            except BadValue as error:
                bad(column, cell, error.wrong, error.mend)
        for wanted in known.values():
            if wanted.required and not _has(body, wanted.path):
                column = next(c for c, path in mapping.columns.items() if path == wanted.path)
                if not any(p.column == column for p in problems):
                    bad(column, "", "is empty but required", "fill it in")
        reference = str(body.pop("external_ref", "")) or _content_ref(line.cells)
        if reference in seen:
            bad("", reference, f"is there already in line {seen[reference]}", "remove one of the two lines")
        if problems:
            plan.problems += problems
            continue
        seen[reference] = line.number
        body["external_ref"] = reference
        if "contacts" in body:
            body["contacts"][0]["is_primary"] = True
            if not body["contacts"][0].get("name"):
                body["contacts"][0]["name"] = body["profile"]["name"]
        if mapping.kind == "tickets":
            body["activities"] = [opening(body.get("opened_at", ""))]
        step.rows.append(Row(file, line.number, reference, body, tuple(refs), columns))


def _put(
    body: dict[str, Any],
    refs: list[Ref],
    wanted: Field,
    cell: str,
    spelling: DateSpelling | None,
    mapping: Mapping_,
) -> None:
    if len(cell) > wanted.longest:
        raise BadValue(f"has {len(cell):,} characters; {wanted.longest:,} fit", "shorten it")
    path = tuple(int(p) if p.isdecimal() else p for p in wanted.path.split("."))
    match wanted.type:
        case "person" | "customer" | "product":
            kinds: Mapping[str, Kind] = {"person": "people", "customer": "customers", "product": "products"}
            place = (*path, 0) if wanted.path.endswith("_ids") else path
            refs.append(Ref(place, kinds[wanted.type], cell))
            return
        case "date":
            assert spelling is not None
            value: Any = to_datetime(cell, spelling).isoformat().replace("+00:00", "Z")
        case "day":
            assert spelling is not None
            value = to_date(cell, spelling).isoformat()
        case "money":
            value = to_money(cell, mapping.currency)
        case "whole":
            value = str(to_whole(cell))
        case "flag":
            value = to_flag(cell)
        case "texts" | "tags":
            value = [part.strip() for part in re.split(r"[;；、\n/]|,(?!\d)", cell) if part.strip()]
        case _:
            value = cell
    put_at(body, path, value)


def put_at(body: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Set a value deep inside, making what is missing on the way."""
    for here, below in pairwise(path):
        fresh: Any = [] if isinstance(below, int) else {}
        if isinstance(here, int):
            while len(body) <= here:
                body.append({} if not isinstance(below, int) else [])
            body = body[here]
        else:
            body = body.setdefault(here, fresh)
    last = path[-1]
    if isinstance(last, int):
        while len(body) <= last:
            body.append(None)
    body[last] = value


def _has(body: Mapping[str, Any], path: str) -> bool:
    found: Any = body
    for part in path.split("."):
        if isinstance(found, list):
            if not found:
                return False
            found = found[int(part)]
        elif part in found:
            found = found[part]
        else:
            return False
    return bool(found)


def _content_ref(cells: Mapping[str, str]) -> str:
    """A name for a row that has none: the same content, the same name, whichever line it stands in."""
    import hashlib

    return hashlib.sha256(json.dumps(dict(cells), sort_keys=True).encode()).hexdigest()[:24]


Explain = Callable[[str], None]


def show(mapping: Mapping_, table: Table, tell: Explain) -> None:
    """Say how the file was read and which column goes where, with the first value of each."""
    tell(f"{table.path.name}: {table.how}, {len(table.lines):,} rows")
    first = table.lines[0].cells if table.lines else {}
    width = max((len(c) for c in mapping.columns), default=0)
    for column, path in mapping.columns.items():
        spelling = f" ({mapping.dates[column]})" if mapping.dates.get(column) else ""
        tell(f"  {column:<{min(width, 30)}}  →  {path or '(left out)'}{spelling}   e.g. {first.get(column, '')[:30]!r}")
