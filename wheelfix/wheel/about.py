"""What a wheel says of itself for people."""

from __future__ import annotations

from wheelfix.model.reading import About
from wheelfix.wheel.metadata import parse_about


def read_about(text: bytes) -> About:
    """What a METADATA file says for people.

    Raises:
        WheelError: it cannot be parsed.
    """
    summary, homepage, spdx, license_ = parse_about(text)
    return About(summary=summary, homepage=homepage, spdx=spdx, license=license_)
