"""What other programs say, passed on in their own words; nothing is looked for in it."""

from __future__ import annotations

from wheelfix.outside.addresses import strip_login

_SHOWN = 3000


def quote_output(said: bytes) -> str:
    """What a program said, on one line and without passwords; what is long is cut in its middle."""
    words = " ".join(strip_login(said.decode("utf-8", "replace")).split()) or "no reason given"
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN // 2]} … {words[-_SHOWN // 2 :]}"
