"""Lays a wheel out as an installer does: ``install_wheel WHEEL PREFIX SITE_PACKAGES``."""

from __future__ import annotations

import configparser
import re
import sys
import zipfile
from pathlib import Path, PurePosixPath

SCRIPT = "#!{python}\nimport sys\nfrom {module} import {first}\nsys.exit({function}())\n"


def install_wheel(wheel: Path, prefix: Path, site: str, python: str = sys.executable) -> None:
    """Write the files of a wheel below a prefix; ``site`` is the part that leads to site-packages."""
    targets = {"purelib": site, "platlib": site, "scripts": "bin", "data": "", "headers": "include"}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            parts = PurePosixPath(member.filename).parts
            data = archive.read(member)
            if len(parts) > 2 and parts[0].endswith(".data"):
                path = prefix.joinpath(targets[parts[1]], *parts[2:])
                if parts[1] == "scripts":
                    data = re.sub(rb"\A#!pythonw?(?=\s)", f"#!{python}".encode(), data)
            else:
                path = prefix.joinpath(site, *parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            executable = member.external_attr >> 16 & 0o111 or path.parent == prefix / "bin"
            path.chmod(0o755 if executable else 0o644)
            if parts[0].endswith(".dist-info") and parts[1:] == ("entry_points.txt",):
                write_scripts(data.decode(), prefix / "bin", python)


def write_scripts(text: str, directory: Path, python: str) -> None:
    """Write the programs that entry points name."""
    points = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    points.optionxform = str  # type: ignore[assignment,method-assign]
    points.read_string(text)
    for section in ("console_scripts", "gui_scripts"):
        for name, reference in points[section].items() if points.has_section(section) else ():
            module, _, function = reference.partition("[")[0].replace(" ", "").partition(":")
            first = function.partition(".")[0]
            directory.mkdir(parents=True, exist_ok=True)
            script = SCRIPT.format(python=python, module=module, first=first, function=function)
            (directory / name).write_text(script)
            (directory / name).chmod(0o755)


if __name__ == "__main__":
    install_wheel(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
