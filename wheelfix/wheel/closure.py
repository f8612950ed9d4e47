"""The metadata of a requirement and of everything it requires, by pip's resolver, without the wheels.

``pip install --dry-run --report`` (pip 22.2 and later) resolves a requirement for another interpreter and
platform, and reads metadata files where the index serves them (PEP 658): 30 KB for torch instead of 900 MB.
Where it serves none, pip fetches the wheels themselves. What an exact version resolved to is kept in a cache.

pip evaluates markers for the interpreter it runs on, whatever ``--python-version`` says. A distribution that
only another interpreter wants is then missing, or one too many is there; wheelfix evaluates the markers
itself, and takes what is missing to require nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from wheelfix.errors import InputError
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.download import find_target
from wheelfix.wheel.metadata import (
    DEFAULT_PYTHON,
    find_environment,
    normalize_name,
    parse_filename,
    parse_pin,
    parse_requirement,
)
from wheelfix.wheel.pip import explain, find_index, find_pip, find_settings, strip_stamps


def fetch_closure(
    requirement: str, directory: Path, *, python: str = DEFAULT_PYTHON, system: str = "x86_64-linux"
) -> tuple[Distribution, ...]:
    """Resolve a requirement.

    Args:
        requirement: name and version, as in ``torch==2.15.0``.
        directory: the cache.
        python: version of CPython (``3.12``).
        system: Nix system.

    Returns:
        The distribution itself first, then what it requires, sorted by name; without lists of files.

    Raises:
        InputError: it is no requirement, cannot be resolved for the target, or the network fails.
    """
    pin = parse_pin(requirement)
    if pin is None:
        raise InputError(requirement, "is no requirement with a version", "write NAME==VERSION")
    name, asked, version = pin
    kept = directory / name / f"{version}-py{python}-{system}.json"
    if version:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _parse_report(json.loads(kept.read_text("utf-8")), name)
    report = _run_pip(asked, find_target(asked, python, system))
    found = _parse_report(report, name)
    if version:
        with suppress(OSError):
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=kept.parent, delete=False) as file:
                json.dump(report, file)
            Path(file.name).replace(kept)
    return found


def _run_pip(subject: str, target: list[str]) -> dict[str, Any]:
    command = find_pip(subject)
    with tempfile.TemporaryDirectory(prefix="wheelfix-") as work:
        report, log = Path(work) / "report.json", Path(work) / "log"
        options = ["--dry-run", "--ignore-installed", "--no-input", "--disable-pip-version-check", "--quiet"]
        paths = ["--report", str(report), "--log", str(log), "--target", str(Path(work) / "site")]
        result = subprocess.run(
            [*command, "install", *options, *paths, "--only-binary=:all:", *target, subject],
            env=find_settings() | find_index(os.environ, command) | {"TMPDIR": work},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if result.returncode:
            said = log.read_text("utf-8", "replace") if log.exists() else ""
            raise explain(subject, strip_stamps(said) + result.stderr.decode("utf-8", "replace"))
        return _shorten(json.loads(report.read_text("utf-8")))


def _shorten(report: dict[str, Any]) -> dict[str, Any]:
    """What is needed of a report: descriptions are long, and URLs may hold a password."""
    wanted = ("name", "version", "requires_dist")
    return {
        "install": [
            {
                "file": item["download_info"]["url"].partition("#")[0].rpartition("/")[2],
                "metadata": {key: item["metadata"][key] for key in wanted if key in item["metadata"]},
            }
            for item in report["install"]
        ]
    }


def _parse_report(report: dict[str, Any], name: str) -> tuple[Distribution, ...]:
    items = {normalize_name(item["metadata"]["name"]): item for item in report["install"]}
    parsed = parse_filename(items[name]["file"])
    environment = find_environment(parsed[2] if parsed else ())
    found = [_make_distribution(key, item, environment) for key, item in sorted(items.items())]
    return tuple(sorted(found, key=lambda d: d.name != name))


def _make_distribution(name: str, item: dict[str, Any], environment: dict[str, str]) -> Distribution:
    lines = item["metadata"].get("requires_dist", ())
    parsed = parse_filename(item["file"])
    return Distribution(
        target=item["file"],
        name=name,
        version=item["metadata"]["version"],
        tags=parsed[2] if parsed else (),
        requires=tuple(r for line in lines if (r := parse_requirement(line, environment))),
        files=frozenset(),
    )
