"""Attributes that were renamed between releases of nixpkgs.

The names of the table are those of the nixpkgs it was built from; users of an older release write the older
ones. The alias stays in nixpkgs for some releases after a renaming, the new name does not work before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

NEWEST: Final = (99, 99)

_XORG: Final = {
    "libfontenc": "libfontenc",
    "libfs": "libFS",
    "libice": "libICE",
    "libpciaccess": "libpciaccess",
    "libsm": "libSM",
    "libx11": "libX11",
    "libxau": "libXau",
    "libxaw": "libXaw",
    "libxcb": "libxcb",
    "libxcb-cursor": "xcbutilcursor",
    "libxcb-errors": "xcbutilerrors",
    "libxcb-image": "xcbutilimage",
    "libxcb-keysyms": "xcbutilkeysyms",
    "libxcb-render-util": "xcbutilrenderutil",
    "libxcb-util": "xcbutil",
    "libxcb-wm": "xcbutilwm",
    "libxcomposite": "libXcomposite",
    "libxcursor": "libXcursor",
    "libxcvt": "libxcvt",
    "libxdamage": "libXdamage",
    "libxdmcp": "libXdmcp",
    "libxext": "libXext",
    "libxfixes": "libXfixes",
    "libxfont_2": "libXfont2",
    "libxft": "libXft",
    "libxi": "libXi",
    "libxinerama": "libXinerama",
    "libxkbfile": "libxkbfile",
    "libxmu": "libXmu",
    "libxp": "libXp",
    "libxpm": "libXpm",
    "libxpresent": "libXpresent",
    "libxrandr": "libXrandr",
    "libxrender": "libXrender",
    "libxres": "libXres",
    "libxscrnsaver": "libXScrnSaver",
    "libxshmfence": "libxshmfence",
    "libxt": "libXt",
    "libxtst": "libXtst",
    "libxv": "libXv",
    "libxvmc": "libXvMC",
    "libxxf86vm": "libXxf86vm",
}

_RENAMED: Final = {
    # new name: (old name, first release with the new name)
    **{new: (f"xorg.{old}", (26, 5)) for new, old in _XORG.items()},
    "unixodbc": ("unixODBC", (26, 5)),
    "onetbb": ("tbb_2022", (25, 11)),
    "libgbm": ("mesa", (25, 5)),
    "libpq": ("postgresql", (25, 5)),
    "util-linuxMinimal": ("libuuid", (21, 5)),
}
_FURTHER: Final = {
    "tbb_2021_11": "onetbb",
    "tbb_2021": "onetbb",
    "tbb": "onetbb",
    "libkrb5": "krb5",
    "libudev": "udev",
}
_TO_NEW: Final = {
    old: new for new, (old, _) in _RENAMED.items() if old not in {"mesa", "postgresql", "libuuid"}
}


def parse_release(text: str) -> tuple[int, int]:
    """Read a release of nixpkgs.

    Args:
        text: ``25.05``, ``nixos-25.05``, ``unstable`` or ``newest``.

    Raises:
        ValueError: it is none of these.
    """
    if text in {"newest", "unstable", "nixos-unstable", "nixpkgs-unstable"}:
        return NEWEST
    match = re.fullmatch(r"(?:(?:nixos|release|nixpkgs)-)?(\d\d)\.(\d\d)", text)
    if match is None:
        raise ValueError(text)
    return int(match[1]), int(match[2])


def translate(attr: str, release: tuple[int, int]) -> str:
    """The name of an attribute in a release.

    Args:
        attr: as the newest nixpkgs writes it.
        release: from :func:`parse_release`.

    Example:
        >>> translate("libx11", (25, 5)), translate("libx11", NEWEST)
        ('xorg.libX11', 'libx11')
    """
    old, since = _RENAMED.get(attr, (attr, (0, 0)))
    return old if release < since else attr


def modernize(attr: str) -> str:
    """The newest name of an attribute that may be written in an older way.

    Example:
        >>> modernize("xorg.libX11"), modernize("tbb_2021_11"), modernize("zlib")
        ('libx11', 'onetbb', 'zlib')
    """
    return _FURTHER.get(attr) or _TO_NEW.get(attr, attr)


def spell_both(attrs: Sequence[str]) -> tuple[str, ...]:
    """Attributes as the user wrote them, each followed by its newest name: tables may have either.

    ``pkgs.`` in front, as in the code that is written, is no part of the name.
    """
    bare = [attr.removeprefix("pkgs.") for attr in attrs]
    return tuple(name for attr in bare for name in dict.fromkeys((attr, modernize(attr))))
