"""Names, companies and places of the generated business. All invented; none belongs to anybody meant."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静磊强洋艳勇军杰娟涛明超霞平刚燕鑫宇婷雪晨佳欣浩然子涵梓萱一诺思远"
_FIRST = "Anna Ben Clara David Emma Felix Grace Henry Ida Jonas Kate Liam Mia Noah Olga Paul Rosa Sam Tina Victor"
_LAST = "Abel Brandt Carter Dietz Evans Fischer Grant Huber Irving Jensen Keller Lowe Mason Novak Otto Price"
_CN_STEMS = "华辰 远航 博锐 天工 恒信 云帆 鼎盛 明德 卓越 启元 安泰 瑞丰 中科联 金石 蓝海 万象 智联 新锋 宏图 嘉禾"
_CN_TRADES = {"34": "机械", "35": "装备", "39": "电子", "65": "软件", "F": "商贸", "E": "建设", "Q": "医疗"}
_EN_STEMS = "Alder Birch Cobalt Delta Ember Falcon Granite Harbor Indigo Juniper Kestrel Lumen Meridian Nimbus"
_EN_TRADES = {
    "34": "Machines",
    "35": "Equipment",
    "39": "Electronics",
    "65": "Software",
    "F": "Trading",
    "E": "Construction",
    "Q": "Medical",
}
_CITIES = {"11": "北京", "31": "上海", "44": "广州", "33": "杭州", "51": "成都"}
REGIONS = (("11", 22), ("31", 24), ("44", 18), ("33", 12), ("51", 8), ("DE", 9), ("US", 7))
INDUSTRIES = (("34", 18), ("35", 15), ("39", 20), ("65", 22), ("F", 12), ("E", 6), ("Q", 7))


@dataclass(frozen=True, slots=True)
class Prospect:
    """Somebody who may become a customer."""

    person: str
    company: str
    phone: str
    email: str
    region: str
    industry: str
    chinese: bool


def pick(random: Random, weighted: tuple[tuple[str, int], ...]) -> str:
    """One of the values, by weight."""
    return random.choices([v for v, _ in weighted], [w for _, w in weighted])[0]


def a_prospect(random: Random, number: int) -> Prospect:
    """The number-th prospect; names repeat as they do in life, phones and addresses do not."""
    region, industry = pick(random, REGIONS), pick(random, INDUSTRIES)
    chinese = region.isdigit()
    if chinese:
        person = random.choice(_SURNAMES) + "".join(random.sample(_GIVEN, random.choice((1, 1, 2))))
        stem = random.choice(_CN_STEMS.split()) + random.choice(("", "", random.choice("东南西北")))
        company = f"{_CITIES[region]}{stem}{_CN_TRADES[industry]}有限公司"
        phone = f"+8613{random.choice('0156789')}{number:04d}{random.randrange(10_000):04d}"
    else:
        person = f"{random.choice(_FIRST.split())} {random.choice(_LAST.split())}"
        suffix = "GmbH" if region == "DE" else "Inc."
        company = (
            f"{random.choice(_EN_STEMS.split())} {random.choice(_EN_STEMS.split())} {_EN_TRADES[industry]} {suffix}"
        )
        prefix = "+4930" if region == "DE" else "+1415555"
        phone = f"{prefix}{number:04d}" + (f"{random.randrange(1000):03d}" if region == "DE" else "")
    return Prospect(person, company, phone, f"contact{number}@company{number}.example", region, industry, chinese)
