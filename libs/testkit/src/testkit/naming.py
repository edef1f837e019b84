"""Names for what a test registers in a suite that other tests share."""

from __future__ import annotations

import secrets


def a_name(about: str) -> str:
    """A name that resembles no other, whatever the others are about.

    A customer whose name is much like another's is refused as a likely duplicate; a few random digits after
    a word two tests share are little enough to be alike now and then.
    """
    return f"{about} {secrets.token_hex(16)}"
