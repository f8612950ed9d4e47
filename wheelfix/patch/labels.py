"""Names a patched wheel: writes a build tag or a local version into its file name and its members.

Format: the binary distribution format specification ("File name convention", "The .dist-info directory"); the
version specifiers specification ("Local version identifiers").
"""

from __future__ import annotations

import re

from wheelfix.errors import ApplyError, WheelError
from wheelfix.model.base import Struct
from wheelfix.wheel.metadata import parse_filename

_BUILD = re.compile(r"\d[A-Za-z0-9_.]*")
_LOCAL = re.compile(r"\+[a-z0-9]+(\.[a-z0-9]+)*")


class Label(Struct):
    """The names that distinguish the new wheel from the old one.

    Attributes:
        filename: of the new wheel.
        info: old and new name of its ``*.dist-info`` directory.
        build: build tag, or None.
        version: old and new version if it changes, or None.
    """

    filename: str
    info: tuple[str, str]
    build: str | None = None
    version: tuple[str, str] | None = None

    def rename(self, path: str) -> str:
        """Return the new path of a member."""
        for suffix in (".dist-info/", ".data/"):
            old, new = (name.removesuffix(".dist-info") + suffix for name in self.info)
            if path.startswith(old):
                return new + path.removeprefix(old)
        return path


def plan_label(filename: str, info: str, version: str, tag: str | None) -> Label:
    """Name the new wheel.

    Args:
        filename: of the old wheel.
        info: name of its ``*.dist-info`` directory.
        version: as its METADATA writes it.
        tag: a build tag (``1nix``), a local version (``+nix``), or None for the old name.

    Raises:
        ApplyError: the tag is neither a build tag nor a local version, or does not fit this wheel.
    """
    if tag is None:
        return Label(filename=filename, info=(info, info))
    if parse_filename(filename) is None:
        raise ApplyError(filename, "is no name of a wheel: it cannot take a tag", "rename it, or omit --tag")
    parts = filename.removesuffix(".whl").split("-")
    if _BUILD.fullmatch(tag):
        old = parts.pop(2) if parts[2][:1].isdigit() else None
        if old:
            raise ApplyError(filename, f"has the build tag {old} already", f"give +{tag}, a local version")
        name = "-".join([*parts[:2], tag, *parts[2:]])
        return Label(filename=f"{name}.whl", info=(info, info), build=tag)
    if not _LOCAL.fullmatch(tag):
        hint = "give a build tag that starts with a digit (1nix), or a local version (+nix)"
        raise ApplyError(tag, "is neither a build tag nor a local version", hint)
    suffix = f".{tag[1:]}" if "+" in version else tag
    parts[1] += suffix
    stem = info.removesuffix(".dist-info") + suffix
    return Label(
        filename="-".join(parts) + ".whl",
        info=(info, f"{stem}.dist-info"),
        version=(version, version + suffix),
    )


def relabel_metadata(path: str, text: bytes, label: Label) -> bytes:
    """Write the new version into METADATA.

    Raises:
        WheelError: it has no Version line.
    """
    if label.version is None:
        return text
    new = label.version[1].encode()
    head, gap, body = text.partition(b"\n\n")  # METADATA is headers, an empty line, and a description
    head, count = re.subn(rb"(?im)^(Version:[ \t]*)[^\r\n]*", rb"\g<1>" + new, head, count=1)
    if not count:
        raise WheelError(path, "has no Version", "rebuild the wheel")
    return head + gap + body


def relabel_wheel(text: bytes, label: Label) -> bytes:
    """Write the new build tag into WHEEL."""
    if label.build is None:
        return text
    lines = text.splitlines(keepends=True)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    line = b"Build: " + label.build.encode() + end
    if lines and not lines[-1].endswith(b"\n"):
        lines[-1] += end
    kept = [entry for entry in lines if not entry.lower().startswith(b"build:")]
    at = next((i for i, entry in enumerate(kept) if not entry.strip()), len(kept))
    return b"".join([*kept[:at], line, *kept[at:]])
