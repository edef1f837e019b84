"""A web address as a QR code."""

from __future__ import annotations

from io import BytesIO

import segno


def svg_of(url: str) -> str:
    """Return an SVG drawing that scales to whatever it is put into, with the quiet zone scanners need."""
    out = BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", xmldecl=False, svgns=True, border=4, omitsize=True)
    return out.getvalue().decode()
