"""How alike two company names are, whatever their legal form, brackets, width and case.

The core of a name is compared by its pieces: pairs of Chinese characters, triples of other letters.
Pieces that half of all companies share (科技, international) count less.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache

LIKELY_THE_SAME = 0.6
LIKELY_THE_SAME_IN_LETTERS = 0.7
"""Names at least this similar make two customers candidates; names in letters share more by chance."""

_COMMON_WEIGHT = 0.2
_ROUNDING = 1e-9

_LEGAL_ZH = re.compile(
    r"(股份有限责任公司|有限责任公司|股份有限公司|集团有限公司|控股有限公司|有限公司|股份公司|总公司|分公司"
    r"|公司|合伙企业|有限合伙|普通合伙|个体工商户)"
)
_LEGAL = frozenset(
    [
        "ltd",
        "limited",
        "llc",
        "llp",
        "lp",
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "plc",
        "gmbh",
        "ag",
        "kg",
        "ohg",
        "ug",
        "mbh",
        "se",
        "sa",
        "sas",
        "sarl",
        "srl",
        "spa",
        "bv",
        "nv",
        "oy",
        "ab",
        "as",
        "aps",
        "kk",
        "pty",
        "pte",
        "sdn",
        "bhd",
        "the",
        "and",
    ]
)
_COMMON = frozenset(
    [
        "科技",
        "息科",
        "息技",
        "络科",
        "络技",
        "子科",
        "物科",
        "能科",
        "件技",
        "际贸",
        "密仪",
        "械设",
        "技术",
        "信息",
        "网络",
        "软件",
        "电子",
        "实业",
        "贸易",
        "商贸",
        "集团",
        "控股",
        "国际",
        "中国",
        "投资",
        "发展",
        "管理",
        "咨询",
        "服务",
        "文化",
        "传媒",
        "工程",
        "建设",
        "建筑",
        "机械",
        "设备",
        "制造",
        "医药",
        "生物",
        "能源",
        "环保",
        "物流",
        "供应",
        "应链",
        "教育",
        "食品",
        "酒店",
        "餐饮",
        "房地",
        "地产",
        "北京",
        "上海",
        "广州",
        "深圳",
        "天津",
        "重庆",
        "杭州",
        "南京",
        "苏州",
        "成都",
        "武汉",
        "西安",
        "广东",
        "江苏",
        "浙江",
        "山东",
        "有限",
        "公司",
        "股份",
    ]
)
_COMMON_WORDS = [
    "international",
    "group",
    "trading",
    "technology",
    "technologies",
    "systems",
    "solutions",
    "services",
    "holdings",
    "global",
    "industries",
    "enterprises",
    "consulting",
    "management",
    "software",
    "digital",
    "china",
]
_CJK = re.compile(r"[\u3400-\u9fff]+")
_PART = re.compile(r"[\u3400-\u9fff]+|[^\W\d_\u3400-\u9fff]+|\d+")
_LETTER_SHARE = {
    letter: share
    for share, letters in enumerate(("qxzjk", "vwybg", "fpmuc", "dlhsr", "noiate"), start=1)
    for letter in letters
}


def core(name: str) -> str:
    """Return what of a company name tells it apart: width, case and accents folded, legal form gone."""
    folded = _folded(name)
    text = re.sub(r"[.'’`]", "", _LEGAL_ZH.sub(" ", folded))
    parts = [part for part in _PART.findall(text) if part not in _LEGAL]
    if not parts:
        parts = _PART.findall(folded)
    joined = "".join(
        part if i == 0 or (_CJK.fullmatch(part) and _CJK.fullmatch(parts[i - 1])) else f" {part}"
        for i, part in enumerate(parts)
    )
    return joined.strip()


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in apart if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFKC", kept)


def likely_from(name: str) -> float:
    """Return the similarity from which a name's like is a candidate."""
    return LIKELY_THE_SAME if _CJK.search(name) else LIKELY_THE_SAME_IN_LETTERS


def pieces(name: str) -> frozenset[str]:
    """Return the pieces of a name's core."""
    found: set[str] = set()
    for part in _PART.findall(core(name)):
        size = 2 if _CJK.fullmatch(part) else 3
        if len(part) <= size:
            found.add(part)
        found.update(part[i : i + size] for i in range(len(part) - size + 1))
    return frozenset(found)


def telling_pieces(name: str) -> tuple[list[str], int]:
    """Return the pieces that tell a name apart, rarest first, and how many of them a likely duplicate shares at least.

    Two sets whose Dice similarity is at least t share at least t / (2 - t) of the weight of either. What the
    common pieces may add to that is taken off, but one telling piece is asked for in any case: what 云杉 Trading and
    Trading have in common is no likeness. Where there are none but common ones, all count alike.
    """
    ordered = sorted(pieces(name), key=lambda piece: (_commonness(piece), piece))
    telling = [piece for piece in ordered if not _is_common(piece)]
    least = likely_from(name)
    share = least / (2 - least)
    if not telling:
        return ordered, max(1, math.ceil(len(ordered) * share - _ROUNDING))
    common_weight = _COMMON_WEIGHT * (len(ordered) - len(telling))
    must_share = math.ceil(len(telling) * share - common_weight * (1 - share) - _ROUNDING)
    return telling, max(1, must_share)


def similarity(one: str, other: str) -> float:
    """Return how alike two names are, 0 to 1."""
    return likeness(pieces(one), pieces(other))


def likeness(a: frozenset[str], b: frozenset[str]) -> float:
    """Return how alike two names with these pieces are, 0 to 1: the weighted Dice coefficient."""
    if not a or not b:
        return 0.0
    if a == b:
        return 1.0
    shared = sum(_weight(piece) for piece in a & b)
    return 2 * shared / (sum(map(_weight, a)) + sum(map(_weight, b)))


@lru_cache(maxsize=65_536)  # an import weighs the same pieces millions of times
def _weight(piece: str) -> float:
    return _COMMON_WEIGHT if _is_common(piece) else 1.0


def _is_common(piece: str) -> bool:
    return piece in _COMMON or (len(piece) == 3 and any(piece in word for word in _COMMON_WORDS))


def _commonness(piece: str) -> float:
    if _is_common(piece):
        return 100.0
    if _CJK.fullmatch(piece):
        return 1.0
    return 2.0 + sum(_LETTER_SHARE.get(letter, 1) for letter in piece)
