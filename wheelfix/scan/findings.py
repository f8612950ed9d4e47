"""Derives inputs, ignored sonames and findings from classified needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wheelfix.index.cuda import find_default_cuda
from wheelfix.index.variables import find_variables
from wheelfix.model.at_hand import AtHand
from wheelfix.model.backends import WishClue
from wheelfix.model.classes import Brought, Gone, NeedClass, OfLibc, SiblingClue, Unreached
from wheelfix.model.elf import ElfObject, ElfTraits
from wheelfix.model.hints import ElfHints, OpeningKind, SourceUse
from wheelfix.model.index import Attribute, Permission
from wheelfix.model.scan import Finding, Level, Need
from wheelfix.model.wheel import Distribution
from wheelfix.scan.backends import CPU, Choice
from wheelfix.scan.sentences import name_some, say_call, say_choice, say_variable

_NAMED = 3
_OUTSIDE = frozenset({NeedClass.SIBLING, NeedClass.UNKNOWN})
"""Classes whose libraries neither the wheel nor nixpkgs has."""
_ASKED_OUTSIDE = frozenset({NeedClass.PROVIDED, NeedClass.AMBIGUOUS, NeedClass.UNKNOWN})
"""Classes of what a package of conda needs that another one may have."""
_FOUND = frozenset({NeedClass.BUNDLED, NeedClass.LIBC})
"""Classes whose libraries the hook finds, or does not look for."""
_REFUSED = {
    Permission.UNFREE: "as unfree, without `config.allowUnfree = true`",
    Permission.INSECURE: "as vulnerable, unless `config.permittedInsecurePackages` allows it",
}
_CUDA_SET = re.compile(r"cudaPackages_(\d+)\.")
_LARGE_PAGES = {"aarch64": 1 << 14}
"""Machines whose kernels are built with larger pages than 4 KiB, with the smallest of these, in bytes."""
_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_(\d+(?:\.\d+)*)")
_QT_PLUGINS = re.compile(r"(?P<plugins>(?:[^/]+/)*plugins)/platforms/lib[^/]+\.so")
_OPENCV = re.compile(r"opencv(-contrib)?-python")
_PLATFORM = re.compile(r"(many|musl)?linux(?:_\d+_\d+|\d+)?_(\w+)")
_SAME = {"armv6l": "armv7l", "armv8l": "armv7l", "i386": "i686", "i586": "i686"}
"""Machines of tags whose ELF files say no more than that they are for the family."""


def find_machine(wheel: Distribution, objects: Sequence[ElfObject], *, default: str) -> str | None:
    """Choose the machine type that the conclusions are for.

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
                if need.need_class is NeedClass.PROVIDED and need.machine == machine and need.is_used
            }
        )
    )


def find_findings(
    wheel: Distribution,
    objects: Sequence[ElfObject],
    needs: Sequence[Need],
    machine: str | None,
    *,
    told: Sequence[Finding] = (),
    hints: Sequence[ElfHints] = (),
    uses: Sequence[SourceUse] = (),
    choices: Sequence[Choice] = (),
) -> tuple[Finding, ...]:
    """Collect the findings of a wheel, errors first.

    Args:
        wheel: the wheel.
        objects: its ELF files.
        needs: their needs.
        machine: the machine type conclusions are for.
        told: findings of the reading.
        hints: hints of the ELF files.
        uses: what Python sources open and run.
        choices: which of the alternatives among its files are used.
    """
    used = [need for need in needs if need.is_used]
    found = [
        *told,
        *find_trait_findings([h.traits for h in hints if h.traits.machine]),
        *_find_programs(uses),
        *_find_unread(uses),
        *_find_computed(uses),
        *_find_interpreters(objects),
        *_find_musl(wheel, needs),
        *_find_mistagged(wheel, objects),
        *_find_foreign(objects, machine),
        *_find_unreached(needs, frozenset(o.name for o in objects)),
        *_find_drivers(used, machine),
        *(
            Finding(level=Level.WARNING, subject=wheel.target, message=message)
            for message in say_lost_sets(wheel.name, used, machine)
        ),
        *(finding for choice in choices for finding in tell_choice(choice)),
        *_find_stale(needs),
        *(
            Finding(level=Level.NOTE, subject=one.name, message=f"is honoured: {say_variable(one)}")
            for one in find_variables(wheel.name)
        ),
        *find_version_findings(needs, machine),
    ]
    return sort_findings(found)


def tell_qts(wheels: Iterable[Distribution]) -> tuple[Finding, ...]:
    """Report wheels of one environment that each bring a Qt with its platform plugins.

    OpenCV's own sets the path of plugins for the whole process, and Qt refuses plugins of another build.
    """
    found: dict[str, str] = {}
    for wheel in wheels:
        places = [match["plugins"] for path in wheel.files if (match := _QT_PLUGINS.match(path))]
        if places:
            found[wheel.name] = min(places)
    if len(found) < 2:
        return ()
    names = sorted(found)
    where = ", ".join(f"{found[name]} of {name}" for name in names)
    message = f"bring {len(names)} copies of Qt, each with its platform plugins ({where}): "
    opencv = [name for name in names if _OPENCV.fullmatch(name)]
    if opencv:
        message += (
            f"{opencv[0]} sets QT_QPA_PLATFORM_PLUGIN_PATH to its own when cv2 is imported, and the other Qt "
            f"cannot load these (`Could not load the Qt platform plugin`): lock {opencv[0]}-headless in its "
            'place, or write `os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)` behind `import cv2`'
        )
    else:
        message += (
            "load one of them in a process, and leave QT_PLUGIN_PATH and QT_QPA_PLATFORM_PLUGIN_PATH unset, "
            "or Qt tries the plugins of the other"
        )
    level = Level.WARNING if opencv else Level.NOTE
    return (Finding(level=level, subject=" and ".join(names), message=message),)


def tell_permissions(attrs: Iterable[str], attributes: Mapping[str, Attribute]) -> tuple[Finding, ...]:
    """Report attributes that nixpkgs refuses to evaluate unless its configuration permits it.

    Args:
        attrs: the attributes that code names.
        attributes: what nixpkgs says of them.
    """
    found = []
    for permission in Permission:
        refused = [
            a for a in sorted(set(attrs)) if a in attributes and permission in attributes[a].permissions
        ]
        if refused:
            message = f"refuses {', '.join(refused)} {_REFUSED[permission]}"
            found.append(Finding(level=Level.WARNING, subject="nixpkgs", message=message))
    return tuple(found)


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings: errors first, then by subject."""
    order = list(Level)
    return tuple(sorted(findings, key=lambda f: (order.index(f.level), f.subject, f.message)))


def _find_tag_machine(tag: str) -> str | None:
    match = _PLATFORM.fullmatch(tag.rpartition("-")[2])
    return match[2] if match else None


def _find_unread(uses: Iterable[SourceUse]) -> Iterator[Finding]:
    """Tell of sources that may open libraries, and that were not analysed."""
    for use in uses:
        if use.unread:
            message = f"may open libraries by name, and was not analysed: {use.unread}"
            yield Finding(level=Level.WARNING, subject=use.path, message=message)


def _find_computed(uses: Iterable[SourceUse]) -> Iterator[Finding]:
    """Tell of calls that open what their source does not name."""
    for use in uses:
        if use.computed:
            lines = ", ".join(map(str, use.computed[:_NAMED])) + (", …" if len(use.computed) > _NAMED else "")
            message = (
                f"opens a library whose name is known at run time alone (line {lines}): which one, is seen "
                "when it runs, by `wheelfix explain -- COMMAND`"
            )
            yield Finding(level=Level.NOTE, subject=use.path, message=message)


def _find_interpreters(objects: Iterable[ElfObject]) -> Iterable[Finding]:
    programs: dict[str, list[str]] = {}
    for obj in objects:
        if obj.interpreter and not obj.is_library and not obj.interpreter.startswith("/nix/store/"):
            programs.setdefault(obj.interpreter, []).append(obj.path)
    for interpreter, paths in sorted(programs.items()):
        yield Finding(
            level=Level.NOTE,
            subject=_name_some(paths),
            message=f"program that starts through {interpreter}, which NixOS does not have: autoPatchelfHook "
            "gives it another, and so does `wheelfix patch` in an environment",
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
    """Warn of any need of musl's libc, and of a wheel for musl alone; the interpreter is not asked."""
    musl = sorted({n.soname for n in needs if isinstance(n.cause, OfLibc) and n.cause.libc == "musl"})
    platforms = [tag.rpartition("-")[2] for tag in wheel.tags]
    is_tagged = bool(platforms) and all(one.startswith("musllinux") for one in platforms)
    if musl or is_tagged:
        why = f"needs {', '.join(musl)}" if musl else f"its tag is {platforms[0]}"
        yield Finding(
            level=Level.WARNING,
            subject=wheel.target,
            message=f"built for musl ({why}): works with pkgsMusl's Python only, and `pkgs` in its code has "
            "to be pkgsMusl; choose the manylinux wheel for glibc",
        )


def _find_mistagged(wheel: Distribution, objects: Sequence[ElfObject]) -> Iterable[Finding]:
    """Tell of a wheel that was built for one machine and tagged for another one, which does not load it."""
    tagged = {machine for tag in wheel.tags if (machine := _find_tag_machine(tag))}
    own = {o.machine for o in objects}
    there = {o.machine for o in objects if o.dynamic}
    if there and not any(_SAME.get(one, one) in own for one in tagged) and tagged:
        message = (
            f"its tag is for {' and '.join(sorted(tagged))}, and its ELF files are for "
            f"{' and '.join(sorted(there))}: take another wheel, or build it"
        )
        yield Finding(level=Level.WARNING, subject=wheel.target, message=message)


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
    sonames = {n.soname for n in needs if isinstance(n.cause, Unreached)}
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


def say_lost_sets(name: str, needs: Sequence[Need], machine: str | None) -> Iterable[str]:
    """Say what a wheel needs of CUDA sets that nixpkgs has no longer, and the way out; one predicate per set.

    Args:
        name: of the distribution, normalised.
        needs: those that are used.
        machine: the machine conclusions are for.
    """
    wanted: dict[str, list[Need]] = {}
    for need in needs:
        if isinstance(need.cause, Gone) and need.cause.absent_on:
            continue
        if need.machine == machine and need.need_class in _OUTSIDE and not need.providers:
            for cuda in filter(None, map(_CUDA_SET.match, need.gone)):
                wanted.setdefault(cuda[1], []).append(need)
    for major, some in sorted(wanted.items()):
        brought = {need.distribution for need in some if need.distribution}
        ways = [f"keep {', '.join(sorted(brought))} in the environment"] if brought else []
        newer = re.sub(rf"(cu|cuda){major}(x?)$", rf"\g<1>{find_default_cuda()}\2", name)
        if newer != name:
            ways.append(f"take {newer} instead")
        else:
            ways.append(f"take a release that is built for CUDA {find_default_cuda()}")
        sonames = name_some(sorted({need.soname for need in some}), _NAMED)
        yield (
            f"is built for CUDA {major} ({sonames}), and nixpkgs has no cudaPackages_{major} any more; "
            f"{', or '.join(ways)}"
        )


def tell_choice(choice: Choice) -> Iterable[Finding]:
    """Tell which of a wheel's alternatives are used, and what that leaves out."""
    rest = [a for a in choice.alternatives if not a.chosen]
    chosen = choice.chosen
    if not rest:
        return
    left = ", ".join(dict.fromkeys(a.backend.label for a in rest))
    level, wished, remedy = Level.NOTE, choice.wish.backend, "choose with --gpu"
    if choice.wish.clue is WishClue.PROVIDED:
        remedy = "what these need is ignored"
    missed = choice.wish.clue is WishClue.ASKED and not (chosen and chosen.fits(wished))
    if missed and wished.name != CPU:
        level, remedy = Level.WARNING, f"no file here is for {wished.label}"
    elif not chosen and wished.name != CPU:
        level = Level.WARNING
        missing = sorted({soname for a in rest for soname in a.missing})
        remedy = f"nobody here provides {name_some(missing, _NAMED)}, and it computes on the processor"
    yield Finding(
        level=level,
        subject=_name_some(family for a in choice.alternatives for family in a.family),
        message=f"alternatives, of which one is used: {say_choice(chosen, choice.wish)}, and not {left}: "
        f"{remedy}",
    )


def tell_unread(wheel: Distribution, needs: Sequence[Need], at_hand: AtHand) -> Iterator[Finding]:
    """Report what a package of conda depends on and was not read, if an answer may change by it."""
    unread = sorted({r.name for r in wheel.requires if r.active} - at_hand.versions.keys())
    if not wheel.conda:
        return
    for spec in wheel.conda.depends:
        if spec.split(" ")[0] == "__cuda":
            message = f"depends on {spec}: conda installs it only where there is a driver of NVIDIA"
            yield Finding(level=Level.NOTE, subject=wheel.target, message=message)
    guessed = [n for n in needs if isinstance(n.cause, Brought) and n.cause.how is SiblingClue.DEPENDS]
    asked = [n for n in needs if n.need_class in _ASKED_OUTSIDE]
    if unread and (guessed or asked):
        message = (
            f"depends on {name_some(unread, _NAMED)}, which "
            f"{'was' if len(unread) == 1 else 'were'} not read: its lock, or --with, tells what they have"
        )
        yield Finding(level=Level.NOTE, subject=wheel.target, message=message)


def _find_stale(needs: Iterable[Need]) -> Iterable[Finding]:
    for need in needs:
        if need.stale:
            yield Finding(
                level=Level.WARNING,
                subject=f"{need.stale.distribution} {need.stale.version}",
                message=f"is at hand and does not carry {need.soname}: another version of it is wanted",
            )


def _name_some(names: Iterable[str]) -> str:
    return name_some(sorted(set(names)), _NAMED)


def find_trait_findings(traits: Sequence[ElfTraits]) -> tuple[Finding, ...]:
    """Report what the traits of a wheel's files mean for running it.

    Returns:
        One finding per kind, and per instruction set level.
    """
    found = [
        *_find_one(
            Level.WARNING,
            [t for t in traits if t.executable_stack],
            "asks for an executable stack: glibc 2.41 and later refuse to load it into a running program; "
            "`patchelf --clear-execstack` in postFixup helps if none of its code runs on the stack",
        ),
        *_find_one(
            Level.WARNING,
            [t for t in traits if t.text_relocations],
            "has text relocations: the loader has to make code writable, which hardened kernels and SELinux "
            "refuse; only a build with -fPIC helps",
        ),
        *_find_isa(traits),
        *_find_pages(traits),
    ]
    return tuple(found)


def _find_one(level: Level, traits: Iterable[ElfTraits], message: str) -> Iterable[Finding]:
    paths = {t.path for t in traits}
    if paths:
        yield Finding(level=level, subject=_name_some(paths), message=message)


def _find_isa(traits: Sequence[ElfTraits]) -> Iterable[Finding]:
    levels = sorted({t.isa for t in traits if t.isa and t.isa != "x86-64-baseline"})
    for level in levels:
        yield from _find_one(
            Level.WARNING,
            [t for t in traits if t.isa == level],
            f"needs a processor of level {level}: glibc refuses to load it on older ones, and so it fails on "
            "builders and hosts that nixpkgs' x86-64 baseline still allows",
        )


def _find_pages(traits: Sequence[ElfTraits]) -> Iterable[Finding]:
    for machine, wanted in _LARGE_PAGES.items():
        mine = [t for t in traits if t.machine == machine]
        yield from _find_one(
            Level.WARNING,
            [t for t in mine if t.page_size is not None and t.page_size < wanted],
            f"is aligned for pages of 4 KiB: it does not load under {machine} kernels with pages of 16 KiB "
            "(Asahi Linux) or 64 KiB; build it from source, or with -Wl,-z,max-page-size=65536",
        )


def find_highest(needs: Iterable[Need], machine: str | None) -> Mapping[str, str]:
    """Find the highest version asked of each family.

    Args:
        needs: of a wheel; bundled objects count too, as long as a libc or libstdc++ outside answers.
        machine: needs of other machine types are left out.

    Returns:
        ``{"GLIBC": "2.28", "GLIBCXX": "3.4.25", "CXXABI": "1.3.11"}``, sorted; only what is asked for.
    """
    found: dict[str, str] = {}
    for need in needs:
        if need.machine != machine or need.need_class is NeedClass.BUNDLED:
            continue
        for match in filter(None, map(_VERSION.fullmatch, need.versions)):
            family, version = match[1], match[2]
            if _order(version) > _order(found.get(family, "")):
                found[family] = version
    return dict(sorted(found.items()))


def find_version_findings(needs: Sequence[Need], machine: str | None) -> Iterable[Finding]:
    """Report the highest versions.

    Args:
        needs: of the wheel.
        machine: the machine conclusions are for.
    """
    highest = find_highest(needs, machine)
    if highest:
        asked = ", ".join(f"{family}_{version}" for family, version in highest.items())
        message = f"the highest asked for are {asked}"
        yield Finding(level=Level.NOTE, subject="symbol versions", message=message)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)
