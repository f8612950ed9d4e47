"""The flows behind ``explain``: a text, or a command's output, to what to paste."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wheelfix.errors import InputError, describe
from wheelfix.explain.command import run_command, trace_loader
from wheelfix.explain.installed import find_package, find_present, list_paths, look_into
from wheelfix.explain.model import Account, Explanation, Kind, Symptom
from wheelfix.explain.paths import find_interpreter
from wheelfix.explain.plan import LIBRARIES, choose_dialect, explain, find_soname, plan_override
from wheelfix.explain.reader import CHUNK, read_messages
from wheelfix.explain.render import render_clear_stack, render_fragment, render_nix_ld, render_shell_line
from wheelfix.index.lookup import find_facts
from wheelfix.index.table import SonameTable
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import Struct, replace
from wheelfix.model.override import Dialect, Override
from wheelfix.model.scan import Finding, NeedClass, NeedTrace, WheelScan, find_warnings
from wheelfix.model.wheel import Distribution
from wheelfix.override.render import render_overrides
from wheelfix.scan.conclude import conclude
from wheelfix.scan.decide import Case, decide
from wheelfix.scan.needs import NOBODY, gather_names
from wheelfix.wheel.open import read_stream

_PATIENCE = 10.0
"""Seconds that a second run of a command may take, beside ten times what the first one took."""
_TITLES = {
    Dialect.UV2NIX: "overlay for uv2nix",
    Dialect.PYPROJECT_NIX: "overlay for pyproject.nix",
    Dialect.POETRY2NIX: "overrides for poetry2nix",
    Dialect.NIXPKGS: "package of nixpkgs",
    Dialect.MACH_NIX: "settings for mach-nix",
    Dialect.SHELL: "shell.nix",
}
_SEARCHING = frozenset({Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX})
_WANTING = frozenset({NeedClass.PROVIDED, NeedClass.UNKNOWN, NeedClass.AMBIGUOUS})


class Explained(Struct):
    """An explanation, and the code that follows from it.

    Attributes:
        dialect: the tool that ``paste`` is written for.
        paste: pieces of Nix code, each with where it belongs.
        now: what helps without a build, shell lines or sentences.
        warnings: about the package that was looked into.
    """

    explanation: Explanation
    dialect: Dialect
    paste: tuple[tuple[str, str], ...] = ()
    now: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()


def explain_file(
    path: Path | None,
    *,
    index: SonameTable,
    directory: Path,
    dialect: Dialect | None = None,
    prefer: Sequence[str] = (),
) -> Explained:
    """Explain a log, or whatever a user pastes.

    Args:
        path: a file; None reads standard input.
        index: where attributes are looked up.
        directory: of the project: its lock files tell the dialect, its ``.venv`` what is installed.
        dialect: the tool to write for; None finds out.
        prefer: attributes that win where several provide a library, strongest first.

    Raises:
        InputError: the file cannot be read.
        IndexProblem: the index is damaged.
    """
    hint = "name a file that can be read, or - for a pipe"
    if path is not None:
        account = read_messages(read_stream(path, size=CHUNK, hint=hint))
    else:
        try:
            account = read_messages(iter(lambda: os.read(0, CHUNK), b""))
        except OSError as error:
            reason = describe(error)
            raise InputError("standard input", f"cannot be read ({reason})", hint) from None
    return explain_reading(account, index=index, directory=directory, dialect=dialect, prefer=prefer)


def explain_command(
    command: Sequence[str],
    *,
    index: SonameTable,
    directory: Path,
    dialect: Dialect | None = None,
    prefer: Sequence[str] = (),
) -> tuple[int, Explained]:
    """Run a command, and explain why it failed.

    Args:
        command: program and arguments. It runs a second time, without input and output, if it failed for a
            library and nothing tells who wants that.
        index: where attributes are looked up.
        directory: as for :func:`explain_file`.
        dialect: the tool to write for; None finds out.
        prefer: attributes that win among several, strongest first.

    Returns:
        The command's exit code, and the explanation.

    Raises:
        InputError: there is no such program.
        IndexProblem: the index is damaged.
    """
    started = time.monotonic()
    code, account = run_command(command)
    if code and find_package(account) is None and any(map(_is_untold, account.symptoms)):
        wanting = trace_loader(command, seconds=_PATIENCE + 10 * (time.monotonic() - started))
        symptoms = tuple(
            replace(s, wanted_by=wanting.get(s.soname or "")) if _is_untold(s) else s
            for s in account.symptoms
        )
        account = replace(account, symptoms=symptoms)
    if program := shutil.which(command[0]):
        account = replace(account, paths=(os.path.realpath(program), *account.paths))
    explained = explain_reading(account, index=index, directory=directory, dialect=dialect, prefer=prefer)
    return code, explained


def _is_untold(symptom: Symptom) -> bool:
    return symptom.kind is Kind.MISSING and symptom.wanted_by is None


def explain_reading(
    account: Account,
    *,
    index: SonameTable,
    directory: Path,
    dialect: Dialect | None = None,
    prefer: Sequence[str] = (),
) -> Explained:
    """Explain what was read; arguments as for :func:`explain_file`."""
    package = find_package(account)
    package, reading, at_hand = look_into(package, directory)
    scan = conclude(reading, index, prefer, at_hand) if reading else None
    chosen = dialect or choose_dialect(_list_names(directory), package)
    account = _name_plugins(account, scan)
    machine = (scan.machine if scan else None) or index.info.system.partition("-")[0]
    wheel = reading.distribution if reading else replace(NOBODY, name=package.name if package else "")
    interpreter = find_interpreter(list_paths(account, package, directory))
    explanation = explain(
        account,
        package=package,
        interpreter=interpreter,
        decided=_decide(account, index, machine, wheel, prefer, at_hand),
        index=index.info,
        glibc=_find_glibc(index, machine),
        scan=scan,
        present=find_present(reading, scan, package, host=chosen is Dialect.SHELL)
        if reading and scan
        else None,
        looked_into=f"{reading.distribution.target} in {package.site}" if reading and package else None,
    )
    override = plan_override(explanation, scan.baseline_inputs if scan else ())
    return Explained(
        explanation=explanation,
        dialect=chosen,
        paste=tuple(_write_paste(explanation, override, chosen)),
        now=tuple(_write_now(explanation)),
        warnings=find_warnings([scan] if scan else ()),
    )


def _name_plugins(account: Account, scan: WheelScan | None) -> Account:
    """A Qt plugin that did not load is explained by what its file needs, if the file is at hand."""
    if scan is None or not any(s.kind is Kind.PLUGIN for s in account.symptoms):
        return account
    found: list[Symptom] = []
    for symptom in account.symptoms:
        name = f"platforms/libq{symptom.soname}.so"
        needed = [
            Symptom(kind=Kind.MISSING, soname=n.soname, wanted_by=w)
            for n in scan.needs
            for w in n.wanted_by
            if symptom.kind is Kind.PLUGIN and w.endswith(name) and n.need_class in _WANTING
        ]
        found += needed or [symptom]
    return replace(account, symptoms=tuple(dict.fromkeys(found)))


def _decide(
    account: Account,
    index: SonameTable,
    machine: str,
    wheel: Distribution,
    prefer: Sequence[str],
    at_hand: AtHand | None,
) -> Mapping[str, tuple[Case, NeedTrace]]:
    """Class every library that the text misses, by the same ladder as a scan."""
    sonames = [s for symptom in account.symptoms if symptom.kind in LIBRARIES and (s := find_soname(symptom))]
    cases = gather_names(sonames, machine, index, wheel=wheel, prefer=prefer, at_hand=at_hand)
    return {case.want.soname: (case, trace) for case, trace in zip(cases, decide(cases), strict=True)}


def _find_glibc(index: SonameTable, machine: str) -> str | None:
    providers = find_facts(index, [("libc.so.6", machine)], carriers=False)[
        "libc.so.6", machine
    ].lookup.providers
    return next((p.version.partition("-")[0] for p in providers if p.attr == "glibc" and p.version), None)


def _list_names(directory: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208
    except OSError:
        return frozenset()


def _write_paste(explanation: Explanation, override: Override, dialect: Dialect) -> Iterable[tuple[str, str]]:
    if override.inputs or override.ignored or (override.searches and dialect in _SEARCHING):
        whole = dialect is not Dialect.NIXPKGS  # a message has no wheel file to write a package of
        code = render_overrides([override], (), dialect) if whole else render_fragment(override)
        yield _TITLES[dialect], code
    stacks = sorted({name for t in explanation.troubles for name in t.clear_stack if name})
    if stacks and explanation.package:
        yield "overlay of Python packages", render_clear_stack(explanation.package.name, stacks)
    if any(trouble.nix_ld for trouble in explanation.troubles):
        yield "configuration of NixOS", render_nix_ld(explanation.build_inputs)


def _write_now(explanation: Explanation) -> Iterable[str]:
    package = explanation.package
    if explanation.build_inputs and package and package.environment:
        yield f"wheelfix patch {shlex.quote(package.environment)}"
    if explanation.build_inputs or explanation.ignore_missing:
        yield render_shell_line(explanation.build_inputs, driver=bool(explanation.ignore_missing))
    if explanation.siblings and not (package and (package.site or "").startswith("/nix/store/")):
        yield f"pip install {' '.join(map(shlex.quote, explanation.siblings))}"
    for trouble in explanation.troubles:
        yield from trouble.now
