"""Writes locks of conda for packages made by hand, in the forms that pixi and conda-lock write."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wheelfix.lockfile.checks import split_archive


@dataclass(frozen=True)
class Entry:
    """A package of conda in a lock.

    Attributes:
        path: its file.
        place: how the lock names it; None for its address below ``https://conda.example.org/demo``.
        subdir: of the channel.
        depends: match specifications.
        weak: whether its md5 alone is stated.
    """

    path: Path
    place: str | None = None
    subdir: str = "linux-64"
    depends: Sequence[str] = ()
    weak: bool = False
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """How the lock names it."""
        return self.place or f"https://conda.example.org/demo/{self.subdir}/{self.path.name}"

    @property
    def digests(self) -> dict[str, str]:
        """Hashes that the lock states."""
        data = self.path.read_bytes()
        weak = {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
        strong = {} if self.weak else {"sha256": hashlib.sha256(data).hexdigest()}
        return {**strong, **weak, **self.wrong}


def write_pixi(
    path: Path,
    packages: Iterable[Entry],
    *,
    wheels: Iterable[Path] = (),
    environments: Sequence[str] = ("default",),
    platform: str = "linux-64",
    more: str = "",
) -> Path:
    """Write a pixi.lock, version 6; wheels are named by paths relative to it.

    Args:
        path: of the lock.
        packages: of conda.
        wheels: files below its directory.
        environments: all of which have the same packages.
        platform: of conda.
        more: entries that are written as they are, after the others.
    """
    own, files = list(packages), list(wheels)
    names = [f"      - conda: {one.location}" for one in own]
    names += [f"      - pypi: ./{wheel.relative_to(path.parent)}" for wheel in files]
    text = "version: 6\nenvironments:\n"
    for environment in environments:
        text += f"  {environment}:\n    channels:\n    - url: https://conda.example.org/demo/\n"
        text += "    indexes:\n    - https://pypi.example.org/simple\n"
        text += f"    packages:\n      {platform}:\n" + "".join(f"{name}\n" for name in names)
    text += "packages:\n"
    for one in own:
        text += f"- conda: {one.location}\n"
        if one.place:  # the rest is in an address of a channel
            name, version, build = split_archive(one.path.name, "conda")
            text += f"  name: {name}\n  version: '{version}'\n  build: '{build}'\n  subdir: {one.subdir}\n"
        text += "".join(f"  {kind}: {digest}\n" for kind, digest in one.digests.items())
        text += "".join(["  depends:\n", *(f"  - {spec}\n" for spec in one.depends)]) if one.depends else ""
    for wheel in files:
        name, version = wheel.name.split("-")[:2]
        text += f"- pypi: ./{wheel.relative_to(path.parent)}\n  name: {name}\n  version: '{version}'\n"
        text += f"  sha256: {hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    path.write_text(text + more)
    return path


def write_conda_lock(
    path: Path, packages: Iterable[tuple[Entry, str]], *, wheels: Iterable[tuple[Path, str]] = ()
) -> Path:
    """Write a conda-lock.yml, version 1, for linux-64; wheels are named by paths relative to it.

    Args:
        path: of the lock.
        packages: of conda, each with its category.
        wheels: files below its directory, each with its category.
    """
    text = "version: 1\nmetadata:\n  content_hash:\n    linux-64: ''\n  channels:\n"
    text += "  - url: https://conda.example.org/demo\n    used_env_vars: []\n"
    text += "  platforms:\n  - linux-64\n  sources:\n  - environment.yml\npackage:\n"
    for one, category in packages:
        name, version, _ = split_archive(one.path.name, "url")
        text += f"- name: {name}\n  version: '{version}'\n  manager: conda\n  platform: linux-64\n"
        text += "  dependencies:\n" if one.depends else "  dependencies: {}\n"
        pairs = [spec.partition(" ") for spec in one.depends]
        text += "".join(f"    {name}: '{spec}'\n" for name, _, spec in pairs)
        text += f"  url: {one.location}\n  hash:\n"
        text += "".join(f"    {kind}: {digest}\n" for kind, digest in one.digests.items())
        text += f"  category: {category}\n  optional: {'false' if category == 'main' else 'true'}\n"
    for wheel, category in wheels:
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        text += f"- name: {name}\n  version: '{version}'\n  manager: pip\n  platform: linux-64\n"
        text += f"  dependencies: {{}}\n  url: ./{wheel.relative_to(path.parent)}\n  hash:\n"
        text += f"    sha256: {digest}\n  category: {category}\n  optional: false\n"
    path.write_text(text)
    return path
