"""Running pip, and saying in one line what went wrong.

pip writes every decision into its log (``--log``): which files it saw, which it passed over and why. That is
where the reasons are read; a message that is not known is shown as pip words it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from wheelfix.errors import InputError
from wheelfix.wheel.metadata import parse_filename

_FOREIGN = ("PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_PLATFORM", "PIP_ABI", "PIP_NO_BINARY", "PIP_LOG")
"""Settings that would add to what is asked for here."""
_UV_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:,]+ ?", re.MULTILINE)
_SKIPPED = re.compile(r"Skipping link: none of the wheel's tags .*?: (\S+)")
_UNFETCHED = re.compile(r"Could not fetch URL (\S+): (.*) - skipping")
_YANKED = re.compile(r"is a yanked version:(?s:.*?)Reason for being yanked: ?(.*)")
_CHECK_INDEX = "check the network, and the index that pip is configured for (`pip config list`)"


def run_pip_download(subject: str, arguments: Sequence[str], *, work: Path, quiet: bool) -> str | None:
    """Run ``pip download`` into a directory.

    Progress is pip's own, on stderr, and only if that is a terminal.

    Args:
        subject: the requirement, for messages.
        arguments: what to download, and for which platform.
        work: a directory for the wheel (in ``wheel``), for pip's log and its temporary files.
        quiet: no progress at all.

    Returns:
        Why the index has yanked what was downloaded, or None if it has not.

    Raises:
        InputError: there is no pip, or nothing was downloaded; says why.
    """
    log, temporary = work / "log", work / "tmp"
    temporary.mkdir()
    command = find_pip(subject)
    environment = find_settings()
    environment |= find_index(environment, command) | {"TMPDIR": str(temporary)}
    show = not quiet and sys.stderr.isatty()
    options = ["--log", str(log), "--no-input", "--disable-pip-version-check", "--dest", str(work / "wheel")]
    result = subprocess.run(
        [*command, "download", *options, *([] if show else ["--quiet"]), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if show else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    said = strip_stamps(log.read_text("utf-8", "replace")) if log.exists() else ""
    if result.returncode:
        raise explain(subject, said + result.stderr.decode("utf-8", "replace"))
    yanked = _YANKED.search(said)
    return yanked[1].strip() if yanked else None


def find_settings() -> dict[str, str]:
    """The environment, without settings that would add to what is asked for."""
    return {key: value for key, value in os.environ.items() if key not in _FOREIGN}


def strip_stamps(log: str) -> str:
    """Pip's log without the time at the start of each line."""
    return _STAMP.sub("", log)


def find_pip(subject: str) -> list[str]:
    """The command that runs pip: the interpreter's own, else the one on PATH.

    Raises:
        InputError: there is neither.
    """
    if importlib.util.find_spec("pip"):
        # -P: a file pip.py in the working directory is not pip.
        return [sys.executable, "-P", "-m", "pip"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found]
    raise InputError(subject, "cannot be downloaded: there is no pip", "install pip, or give a wheel file")


def find_index(environment: Mapping[str, str], command: Sequence[str]) -> dict[str, str]:
    """The index uv is told to use, as a setting for pip, unless pip is configured for one itself."""
    named = next((environment[key] for key in _UV_INDEX if environment.get(key)), None)
    if named is None or environment.get("PIP_INDEX_URL"):
        return {}
    listed = subprocess.run(
        [*command, "config", "list"], env=dict(environment), capture_output=True, text=True, check=False
    )
    if re.search(r"\.index-url=", listed.stdout):
        return {}
    # uv also takes "name=url". The URL may hold a password: arguments can be seen by others, settings cannot.
    return {"PIP_INDEX_URL": re.sub(r"^[\w.-]+=(?=\w+://)", "", named)}


def explain(subject: str, said: str) -> InputError:
    """Turn pip's log of a failure into one clear error."""
    said = re.sub(r"://[^/@\s]*@", "://", said)
    if "No matching distribution found" in said:
        return _explain_no_match(subject, said)
    for pattern, problem, hint in _KNOWN:
        if match := re.search(pattern, said):
            return InputError(subject, problem.format(*match.groups()), hint)
    errors = re.findall(r"^ *ERROR: (.+)", said, re.MULTILINE) or ["no reason given"]
    return InputError(subject, f"pip cannot download it: {errors[-1]}", _CHECK_INDEX)


_KNOWN = (
    (
        r"No module named '?pip\b",
        "cannot be downloaded: there is no pip",
        "install pip, or give a wheel file",
    ),
    (
        r"(?s)DO NOT MATCH THE HASHES.*?Expected sha256 (\w+)(?:\s+Expected\s+or \w+)*\s+Got\s+(\w+)",
        "the downloaded file has sha256 {1}, not {0}",
        "do not use it: the index, a proxy or the given hash is wrong",
    ),
    (
        r"incomplete-download|Download failed after|IncompleteRead|Connection broken",
        "the download was cut short",
        "run the same command again",
    ),
    (r"No space left on device", "no space left on the disk", "free some, or name another cache directory"),
    (
        r"HTTP error (\d+) (?:while getting|Client Error|Server Error)",
        "the index lists the file, and answers HTTP {0} for it",
        "try later, or another index",
    ),
    (
        r"(?:Connection|Timeout|SSL|Protocol)Error|Max retries exceeded|Read timed out",
        "the connection to the index failed",
        _CHECK_INDEX,
    ),
)


def _explain_no_match(subject: str, said: str) -> InputError:
    name, _, version = subject.partition("==")
    name = re.split(r"[^\w.-]", name)[0]
    passed_over = [
        parse_filename(unquote(u.partition("#")[0].rpartition("/")[2])) for u in _SKIPPED.findall(said)
    ]
    others = {tag for p in passed_over if p and p[1] == version for tag in p[2]}
    if others:
        near = sorted(others, key=lambda tag: ("linux" not in tag, tag))
        shown = ", ".join(near[:6]) + (f" and {len(near) - 6} more" if len(near) > 6 else "")
        return InputError(
            subject,
            f"has no wheel for that Python and platform; there is {shown}",
            "name another Python or system",
        )
    if match := re.search(rf"[ ;]{re.escape(version or 'none')} Requires-Python ([^;\n]+?)(?:;|: |\n)", said):
        return InputError(subject, f"is for Python {match[1]}", "name another Python version")
    versions = re.search(r"\(from versions: (?!none)(.+)\)", said)
    if version and re.search(rf"No sources permitted for \S+: \S+-{re.escape(version)}\.(?:tar|zip)", said):
        return InputError(subject, "has no wheel, only a source distribution", "build a wheel of it first")
    if versions:
        newest = ", ".join(versions[1].split(", ")[-5:])
        return InputError(
            subject,
            f"the index has no such version for that Python and platform; newest: {newest}",
            "name one of them",
        )
    if passed_over:
        return InputError(
            subject, "has no wheel for that Python and platform", "name another Python or system"
        )
    return _explain_no_index(subject, name, said)


def _explain_no_index(subject: str, name: str, said: str) -> InputError:
    failed = [reason for _, reason in _UNFETCHED.findall(said) if not re.match(r"40[34]\b|410\b", reason)]
    if failed:
        return InputError(
            subject,
            f"the package index does not answer ({failed[-1].removeprefix('connection error: ')})",
            _CHECK_INDEX,
        )
    if re.search(r"is not a trusted or secure host", said):
        return InputError(
            subject, "pip does not trust the configured index: it is no https", "use an https index"
        )
    return InputError(
        subject, f"the package index has nothing named {name}", "check the spelling; " + _CHECK_INDEX
    )
