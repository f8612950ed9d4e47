"""Explains an error message, and writes what to paste: ``wheelfix explain``."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from wheelfix.explain.command import look_around, run_command, trace_loader
from wheelfix.explain.installed import find_installed, find_present, read_own_words
from wheelfix.explain.model import Account, Explained, Installed, Package, Seen
from wheelfix.explain.paths import parse_path
from wheelfix.explain.plan import (
    add_users,
    choose_dialect,
    find_package,
    find_soname,
    is_unplaced,
    plan_command,
    plan_explanation,
    plan_override,
)
from wheelfix.explain.read import CHUNK, read_messages
from wheelfix.explain.render import write_now, write_paste
from wheelfix.explain.said import add_sayings, needs_words
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.override import Dialect
from wheelfix.model.scan import find_warnings
from wheelfix.model.words import OwnWords
from wheelfix.override.dialects import TRAITS
from wheelfix.scan.conclude import conclude
from wheelfix.scan.findings import tell_permissions
from wheelfix.wheel.input import read_input, read_stream

_HINT = "name a file that can be read, or - for a pipe"
_PATIENCE = 10.0
"""Seconds for a second run of a command, in addition to ten times the duration of the first."""


def explain_file(
    path: Path | None,
    *,
    index: SonameTable,
    directory: Path,
    dialect: Dialect | None = None,
    prefer: Sequence[str] = (),
    names_of: NamedIndex | None = None,
) -> Explained:
    """Explain a log or another text.

    Args:
        path: a file; None reads standard input.
        index: the index for attributes.
        directory: directory of the project: its lock files determine the dialect, its ``.venv`` has the
            installed packages.
        dialect: the tool to write for; None determines it from the directory.
        prefer: attributes that win if several provide a library, strongest first.
        names_of: the index' tables of names other than sonames; None looks up none.

    Raises:
        InputError: the file cannot be read.
        IndexProblem: the index is damaged.
    """
    text = read_stream(path, size=CHUNK, hint=_HINT) if path else read_input(size=CHUNK, hint=_HINT)
    account = read_messages(text)
    seen = look_around(account, directory, ran=False)
    return _explain(account, seen, index, directory, dialect, prefer, names_of)


def explain_command(
    command: Sequence[str],
    *,
    index: SonameTable,
    directory: Path,
    dialect: Dialect | None = None,
    prefer: Sequence[str] = (),
    names_of: NamedIndex | None = None,
) -> tuple[int, Explained]:
    """Run a command, and explain why it failed.

    Args:
        command: program and arguments. It runs a second time, without input and output, if it failed because
            of a library and its output does not tell which file needs that.
        index: the index for attributes.
        directory: as for :func:`explain_file`.
        dialect: the tool to write for; None determines it from the directory.
        prefer: attributes that win among several, strongest first.
        names_of: as for :func:`explain_file`.

    Returns:
        The command's exit code, and the explanation.

    Raises:
        InputError: the program does not exist.
        IndexProblem: the index is damaged.
    """
    started = time.monotonic()
    code, account = run_command(command)
    if code and is_unplaced(account):
        patience = _PATIENCE + 10 * (time.monotonic() - started)
        account = add_users(account, trace_loader(command, seconds=patience))
    if program := shutil.which(command[0]):
        account = replace(account, paths=(os.path.realpath(program), *account.paths))
    seen = look_around(account, directory, ran=True)
    return code, _explain(account, seen, index, directory, dialect, prefer, names_of)


def _find_innermost(account: Account, directory: Path) -> tuple[Package | None, Installed]:
    """Find the innermost package of a traceback, and read it if it is installed here."""
    package = next((p for path in reversed(account.frames) if (p := parse_path(path))), None)
    return package, find_installed(package, directory) if package else Installed()


def _read_own_words(installed: Installed, directory: Path) -> dict[str, OwnWords]:
    """Read what an installed package says, by its name; empty if it is not installed here."""
    words = read_own_words(installed, directory)
    return {installed.package.name: words} if words and installed.package else {}


def _explain(
    account: Account,
    seen: Seen,
    index: SonameTable,
    directory: Path,
    dialect: Dialect | None,
    prefer: Sequence[str],
    names_of: NamedIndex | None,
) -> Explained:
    """Explain the messages of a text; arguments as for :func:`explain_file`."""
    innermost, inner = _find_innermost(account, directory) if needs_words(account) else (None, Installed())
    account = add_sayings(account, index, names_of, _read_own_words(inner, directory))
    opened = (soname for one in account.symptoms if one.call and (soname := find_soname(one)))
    package = find_package(account, seen)
    if package is None or package != innermost:
        inner = find_installed(package, directory, opened=opened)
    installed = inner
    scan = conclude(installed.reading, index, prefer, installed.at_hand) if installed.reading else None
    dialect = dialect or choose_dialect(installed.files, installed.package)
    present = find_present(installed, scan, host=TRAITS[dialect].listed)
    explanation = plan_explanation(
        account,
        installed,
        index,
        prefer,
        scan=scan,
        present=present,
        dialect=dialect,
        names_of=names_of,
        seen=seen,
    )
    told = scan.build_inputs if scan else ()
    attributes = {a: said for a in explanation.build_inputs if (said := index.attributes.find(a))}
    override = plan_override(
        explanation,
        scan.baseline_inputs if scan else (),
        {**(scan.attributes if scan else {}), **attributes},
        dialect=dialect,
        files=installed.reading.distribution.files if installed.reading else (),
        needs=scan.used if scan else (),
    )
    return Explained(
        explanation=explanation,
        dialect=dialect,
        paste=tuple(write_paste(explanation, override, dialect)),
        now=tuple(write_now(explanation)),
        command=plan_command(explanation, dialect, installed.files),
        warnings=(
            *find_warnings([scan] if scan else ()),
            *tell_permissions(set(explanation.build_inputs).difference(told), attributes),
        ),
    )
