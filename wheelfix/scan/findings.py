"""From classified needs to what the user does: inputs, ignore list, findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, OpeningKind, SourceUse
from wheelfix.model.scan import Finding, Level, Need, NeedClass
from wheelfix.model.wheel import Distribution
from wheelfix.scan.traits import find_trait_findings
from wheelfix.scan.versions import find_version_findings
from wheelfix.scan.words import say_call

_NAMED = 3
_PLATFORM = re.compile(r"(many|musl)?linux(?:_\d+_\d+|\d+)?_(\w+)")


def find_machine(wheel: Distribution, objects: Sequence[ElfObject], *, default: str) -> str | None:
    """Choose the machine type the conclusions are for.

    The wheel's tag decides; without one (``any``), ``default`` if there are objects of it, else the type with
    most objects.

    Returns:
        None for a wheel without ELF files.
    """
    counts = Counter(obj.machine for obj in objects)
    if not counts:
        return None
    tagged = {machine for tag in wheel.tags if (machine := _find_tag_machine(tag))}
    for candidates in (tagged & set(counts), set(counts)):
        if default in candidates:
            return default
        if candidates:
            return max(sorted(candidates), key=lambda m: counts[m])
    return None


def collect_build_inputs(needs: Iterable[Need], machine: str | None) -> tuple[str, ...]:
    """The nixpkgs attributes of all provided needs, sorted."""
    return tuple(
        sorted(
            {
                need.providers[0].attr
                for need in needs
                if need.need_class is NeedClass.PROVIDED and need.machine == machine
            }
        )
    )


def collect_ignored(
    needs: Iterable[Need], objects: Iterable[ElfObject], machine: str | None
) -> tuple[str, ...]:
    """The exact entries for ``autoPatchelfIgnoreMissingDeps``, sorted.

    What only the GPU driver brings, and what a member carries as DT_SONAME under another file name: the hook
    knows files by their names (nixpkgs, ``auto-patchelf.py``).
    """
    names = {obj.name for obj in objects}

    def is_missed(need: Need) -> bool:
        renamed = need.need_class is NeedClass.BUNDLED and need.soname not in names
        return need.machine == machine and (renamed or need.need_class is NeedClass.DRIVER)

    return tuple(sorted({need.soname for need in needs if is_missed(need)}))


def find_findings(
    wheel: Distribution,
    objects: Sequence[ElfObject],
    needs: Sequence[Need],
    machine: str | None,
    *,
    told: Sequence[Finding] = (),
    hints: Sequence[ElfHints] = (),
    uses: Sequence[SourceUse] = (),
) -> tuple[Finding, ...]:
    """Collect what is worth saying beside the needs, errors first.

    Args:
        wheel: the wheel.
        objects: its ELF files.
        needs: their needs.
        machine: the machine type conclusions are for.
        told: what was found while reading.
        hints: by-catch of the ELF files.
        uses: what Python sources open and run.
    """
    found = [
        *told,
        *find_trait_findings([h.traits for h in hints if h.traits.machine]),
        *_find_programs(uses),
        *_find_interpreters(objects),
        *_find_musl(wheel, needs),
        *_find_foreign(objects, machine),
        *_find_unreached(needs, frozenset(o.name for o in objects)),
        *_find_drivers(needs, machine),
        *_find_stale(needs),
        *find_version_findings(needs, wheel.tags, machine),
    ]
    return sort_findings(found)


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings: errors first, then by subject."""
    order = list(Level)
    return tuple(sorted(findings, key=lambda f: (order.index(f.level), f.subject, f.message)))


def _find_tag_machine(tag: str) -> str | None:
    match = _PLATFORM.fullmatch(tag.rpartition("-")[2])
    return match[2] if match else None


def _find_interpreters(objects: Iterable[ElfObject]) -> Iterable[Finding]:
    programs: dict[str, list[str]] = {}
    for obj in objects:
        if obj.interpreter and not obj.is_library and not obj.interpreter.startswith("/nix/store/"):
            programs.setdefault(obj.interpreter, []).append(obj.path)
    for interpreter, paths in sorted(programs.items()):
        yield Finding(
            level=Level.NOTE,
            subject=_name_some(paths),
            message=f"program with interpreter {interpreter}, which NixOS does not have: "
            "autoPatchelfHook sets it, a plain virtual environment needs nix-ld",
        )


def _find_programs(uses: Iterable[SourceUse]) -> Iterable[Finding]:
    programs = [(u.path, c) for u in uses for c in u.calls if c.kind is OpeningKind.PROGRAM]
    if programs:
        call = programs[0][1]
        program = call.names[0].name
        yield Finding(
            level=Level.WARNING,
            subject=_name_some(path for path, _ in programs),
            message=f"runs {program} to find libraries ({say_call(call, program)}): NixOS has no "
            "such cache; give the path in another way, by an environment variable or a patch",
        )


def _find_musl(wheel: Distribution, needs: Iterable[Need]) -> Iterable[Finding]:
    musl = sorted({n.soname for n in needs if n.need_class is NeedClass.LIBC and "musl" in n.reason})
    if musl:
        yield Finding(
            level=Level.WARNING,
            subject=wheel.target,
            message=f"built for musl (needs {', '.join(musl)}): works with pkgsMusl's Python only; "
            "choose the manylinux wheel for glibc",
        )


def _find_foreign(objects: Iterable[ElfObject], machine: str | None) -> Iterable[Finding]:
    counts = Counter(o.machine for o in objects if o.dynamic and o.machine != machine)
    for other, count in sorted(counts.items()):
        yield Finding(
            level=Level.NOTE,
            subject=other,
            message=f"{count} ELF file{'s' if count > 1 else ''} for {other} beside {machine}: "
            "their needs are listed, the inputs are for the latter",
        )


def _find_unreached(needs: Iterable[Need], names: frozenset[str]) -> Iterable[Finding]:
    sonames = {n.soname for n in needs if n.need_class is NeedClass.BUNDLED and "no rpath" in n.reason}
    by_file = "autoPatchelfHook goes by file names and misses it: "
    unnamed = by_file + "name exactly this in autoPatchelfIgnoreMissingDeps"
    # auto-patchelf.py fills its cache by file name and never looks at DT_SONAME.
    for found, then in (
        (sonames & names, "autoPatchelfHook finds it by its name"),
        (sonames - names, unnamed),
    ):
        if found:
            message = f"bundled where no rpath leads: Python code or a launcher has to load it first ({then})"
            yield Finding(level=Level.NOTE, subject=_name_some(found), message=message)


def _find_drivers(needs: Iterable[Need], machine: str | None) -> Iterable[Finding]:
    drivers = sorted({n.soname for n in needs if n.need_class is NeedClass.DRIVER and n.machine == machine})
    if drivers:
        yield Finding(
            level=Level.NOTE,
            subject=", ".join(drivers),
            message="comes with the GPU driver, from /run/opengl-driver/lib: add autoAddDriverRunpath to "
            "nativeBuildInputs, and ignore exactly this when patching",
        )


def _find_stale(needs: Iterable[Need]) -> Iterable[Finding]:
    for need in needs:
        if need.stale:
            yield Finding(
                level=Level.WARNING,
                subject=need.stale,
                message=f"is at hand and does not carry {need.soname}: another version of it is wanted",
            )


def _name_some(names: Iterable[str]) -> str:
    ordered = sorted(set(names))
    rest = len(ordered) - _NAMED
    return ", ".join(ordered[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
