"""The columns that a file of customers may have, and a template to fill in."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field of ImportCustomerRow it fills, its headings and an example."""

    field: str
    label_en: str
    label_zh: str
    required: bool
    example: str


COLUMNS = (
    Column("external_ref", "ID", "编号", True, "K-0001"),
    Column("profile.name", "Company", "公司名称", True, "上海云杉精密仪器有限公司"),
    Column("contacts[0].name", "Contact", "联系人", False, "王小明"),
    Column("contacts[0].position", "Position", "职位", False, "采购经理"),
    Column("contacts[0].phones[0]", "Phone", "电话", False, "138 0013 8000"),
    Column("contacts[0].emails[0]", "E-mail", "邮箱", False, "wang@example.com"),
    Column("profile.phones[0]", "Switchboard", "公司电话", False, "021-60001234"),
    Column("profile.industry_code", "Industry", "行业", False, "仪器仪表制造业"),
    Column("profile.region_code", "Region", "地区", False, "上海市"),
    Column("profile.size_code", "Size", "规模", False, "medium"),
    Column("profile.intent_code", "Intent", "购买意向", False, "high"),
    Column("profile.credit_code", "Credit code", "统一社会信用代码", False, ""),
    Column("profile.website", "Web site", "网站", False, "www.example.com"),
    Column("profile.address", "Address", "地址", False, "张江路 1 号"),
    Column("profile.employees", "Employees", "员工人数", False, "350"),
    Column("source", "Source", "来源", False, "exhibition"),
    Column("tags", "Tags", "标签", False, "VIP候选;老客户"),
    Column("profile.remark", "Remark", "备注", False, ""),
    Column("registered_at", "Registered", "建档日期", False, "2025-03-01"),
    Column("profile.custom_fields.Segment", "Custom: Segment", "自定义：细分", False, "半导体"),
)


def template() -> bytes:
    """Return CSV in UTF-8 with a BOM, so that spreadsheets read it: headings and one example."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([f"{c.label_zh} / {c.label_en}{' *' if c.required else ''}" for c in COLUMNS])
    writer.writerow([c.example for c in COLUMNS])
    return out.getvalue().encode("utf-8-sig")
