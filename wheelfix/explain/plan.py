"""Plans the explanation of a text, with the installed package, and the override that follows from it.

Missing libraries are classified as in every scan (:mod:`wheelfix.scan.decide`); other problems are explained
in :mod:`wheelfix.explain.troubles`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from wheelfix.explain.model import (
    Account,
    Explanation,
    Installed,
    Missing,
    Package,
    Seen,
    Situation,
    Symptom,
    SymptomKind,
)
from wheelfix.explain.opened import find_openings, make_opening
from wheelfix.explain.paths import (
    find_distribution,
    find_environment,
    find_interpreter,
    find_introduced,
    find_named,
    parse_path,
)
from wheelfix.explain.programs import find_program_package
from wheelfix.explain.troubles.table import find_trouble
from wheelfix.index.lookup import find_glibc
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.classes import CLASS_TRAITS, OPEN_CLASSES, NeedClass
from wheelfix.model.index import Attribute, IndexInfo, find_permissions
from wheelfix.model.override import Cuda, Dialect, Ignored, Input, Override, Search
from wheelfix.model.scan import Need, NeedTrace, Opening, OpeningForm, WheelScan
from wheelfix.override.dialects import TRAITS
from wheelfix.override.openings import plan_openings
from wheelfix.override.plan import find_hints
from wheelfix.scan.decide import Case, decide
from wheelfix.scan.needs import NOBODY, make_name_cases
from wheelfix.scan.target import quote_target

LIBRARIES = frozenset({SymptomKind.MISSING, SymptomKind.UNSATISFIED, SymptomKind.NAMED})
"""Kinds of symptoms that report a missing library."""

_NOTHING: Mapping[str, Attribute] = {}
_NOTHING_PRESENT: Mapping[str, str] = {}
_NOTHING_SEEN = Seen()
_PLACEHOLDER = "package"
_UNNAMED = f"Nothing in the text names the package: write its name in place of `{_PLACEHOLDER}`."
_OPEN_OR_PROVIDED = OPEN_CLASSES | {NeedClass.PROVIDED}
_LOCK_FILES = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock")
_LOCKS = (
    # if several fit: the file written by hand, or by the more specific tool
    (("uv.lock", "flake.nix"), Dialect.UV2NIX),
    (("poetry.lock", "flake.nix"), Dialect.POETRY2NIX),
    (("poetry.lock", "default.nix"), Dialect.POETRY2NIX),
    (("poetry.lock", "shell.nix"), Dialect.POETRY2NIX),
    (("pylock.toml", "flake.nix"), Dialect.PYPROJECT_NIX),
    (("uv.lock", "default.nix"), Dialect.UV2NIX),
)


def find_package(account: Account, seen: Seen = _NOTHING_SEEN) -> Package | None:
    """Find the distribution of the first symptom that tells one; for a program here, by its RECORD."""
    for symptom in account.symptoms:
        if symptom.distribution:
            return _place_package(symptom.distribution, account)
        if symptom.module and (name := find_distribution(symptom.module)):
            frame = parse_path(symptom.frame) if symptom.frame else None
            site = frame.site if frame else None
            return Package(name=name, site=site, environment=frame.environment if frame else None)
        for path in (symptom.wanted_by, symptom.soname, symptom.frame):
            if path and (package := parse_path(path) or find_program_package(path)):
                return replace(package, name=seen.owners.get(path, package.name))
    if account.packages:
        return account.packages[0]
    name = find_named(account.words) or next(filter(None, map(find_introduced, account.lines)), None)
    return Package(name=name, environment=find_environment(account.paths)) if name else None


def _place_package(name: str, account: Account) -> Package:
    """Find where a distribution is installed, by the frames of the text: its own, or others beside it."""
    frames = [package for path in reversed(account.frames) if (package := parse_path(path))]
    own = (package for package in frames if package.name == name)
    beside = (Package(name=name, site=p.site, environment=p.environment, prefixed=p.prefixed) for p in frames)
    return next(iter((*own, *beside)), Package(name=name))


def is_unplaced(account: Account) -> bool:
    """Whether libraries are missing, and the text does not tell which file needs them."""
    return find_package(account) is None and any(map(_is_untold, account.symptoms))


def add_users(account: Account, users: Mapping[str, str]) -> Account:
    """Return the account with the files that need the missing libraries.

    Args:
        account: the information of a text.
        users: path of a file that needs the library, by soname.
    """
    symptoms = (
        replace(s, wanted_by=users.get(s.soname or "")) if _is_untold(s) else s for s in account.symptoms
    )
    return replace(account, symptoms=tuple(symptoms))


def _is_untold(symptom: Symptom) -> bool:
    return symptom.kind is SymptomKind.MISSING and symptom.wanted_by is None


def plan_explanation(
    account: Account,
    installed: Installed,
    index: SonameTable,
    prefer: Sequence[str] = (),
    *,
    scan: WheelScan | None = None,
    present: Mapping[str, str] = _NOTHING_PRESENT,
    dialect: Dialect = Dialect.UV2NIX,
    names_of: NamedIndex | None = None,
    seen: Seen = _NOTHING_SEEN,
) -> Explanation:
    """Look up the libraries that a text reports as missing, and explain it.

    Args:
        account: the information of the text.
        installed: the installed package.
        index: the index for attributes.
        prefer: attributes that win if several provide a library, strongest first.
        scan: scan of the installed package.
        present: sonames that a loader finds already, with the path of the file.
        dialect: the tool to write for.
        names_of: the index' tables of names other than sonames; None looks up none.
        seen: what is seen on this machine.

    Raises:
        IndexProblem: the index is damaged.
    """
    account = _name_plugins(account, scan)
    machine = (scan.machine if scan else None) or index.info.system.partition("-")[0]
    reading, package = installed.reading, installed.package
    wheel = reading.distribution if reading else replace(NOBODY, name=package.name if package else "")
    if dialect is Dialect.NIXPKGS:
        wheel = NOBODY  # no wheel brings libraries to others in nixpkgs
    sonames = [s for one in account.symptoms if one.kind in LIBRARIES and (s := find_soname(one))]
    places = {
        s: [p.rpartition("/")[0]]
        for one in account.symptoms
        if (p := one.soname or "") and (s := find_soname(one))
    }
    cases = make_name_cases(
        sonames, machine, index, wheel=wheel, prefer=prefer, at_hand=installed.at_hand, places=places
    )
    situation = Situation(
        package=package,
        interpreter=find_interpreter(_list_paths(account, installed)),
        dialect=dialect,
        files=installed.files,
        glibc=find_glibc(index),
        index=index,
        names_of=names_of,
        account=account,
        seen=seen,
    )
    return explain(
        account,
        situation=situation,
        decided={c.want.soname: (c, t) for c, t in zip(cases, decide(cases), strict=True)},
        index=index.info,
        scan=scan,
        present=present,
        looked_into=f"{reading.distribution.target} in {package.site}" if reading and package else None,
    )


def _name_plugins(account: Account, scan: WheelScan | None) -> Account:
    """Replace the symptom of a Qt plugin that did not load by the needs of its file, if that was scanned."""
    if scan is None or not any(s.kind is SymptomKind.PLUGIN for s in account.symptoms):
        return account
    found: list[Symptom] = []
    for symptom in account.symptoms:
        name = f"platforms/libq{symptom.soname}.so"
        needed = [
            Symptom(kind=SymptomKind.MISSING, soname=n.soname, wanted_by=w)
            for n in scan.needs
            for w in n.wanted_by
            if symptom.kind is SymptomKind.PLUGIN and w.endswith(name) and n.need_class in _OPEN_OR_PROVIDED
        ]
        found += needed or [symptom]
    return replace(account, symptoms=tuple(dict.fromkeys(found)))


def _list_paths(account: Account, installed: Installed) -> Iterator[str]:
    """List paths that may tell which Python ran; on this machine, the environment tells it."""
    yield from (s.wanted_by for s in account.symptoms if s.kind is SymptomKind.NO_LOADER and s.wanted_by)
    if installed.python:
        yield installed.python
    yield from account.paths
    yield from (path for s in account.symptoms for path in (s.frame, s.wanted_by, s.soname) if path)


def find_soname(symptom: Symptom) -> str | None:
    """Find the soname that a symptom is about; of a path, the last part."""
    return symptom.soname.rpartition("/")[2] if symptom.soname else None


def explain(
    account: Account,
    *,
    situation: Situation,
    decided: Mapping[str, tuple[Case, NeedTrace]],
    index: IndexInfo,
    scan: WheelScan | None = None,
    present: Mapping[str, str] = _NOTHING_PRESENT,
    looked_into: str | None = None,
) -> Explanation:
    """Explain what happened, and find the providers of missing libraries.

    Args:
        account: the information of the text.
        situation: what is known beside the symptoms.
        decided: by soname of each missing library, the case and the decision.
        index: the index that was used.
        scan: scan of the installed package, to find libraries that will be missing next.
        present: sonames that the loader finds already, with the path of the file.
        looked_into: what was scanned, as text for users.
    """
    missing: dict[str, Missing] = {}
    insecure = {s.soname for s in account.symptoms if s.kind is SymptomKind.INSECURE}
    for symptom in account.symptoms:
        # No index has what nixpkgs refuses; its own explanation says more.
        if symptom.kind in LIBRARIES and (soname := find_soname(symptom)) and soname not in insecure:
            one = _find_missing(symptom, *decided[soname], scan)
            missing.setdefault(one.soname, one)
    further = _find_further(scan, missing, present) if scan else ()
    libraries = (*missing.values(), *further)
    named = tuple(o for one in missing.values() for o in one.openings)
    unfound = (o for o in (scan.openings if scan else ()) if o.answered not in present)
    others = (symptom for symptom in account.symptoms if symptom.kind not in LIBRARIES)
    troubles = tuple(trouble for one in others if (trouble := find_trouble(one, situation)))
    package = situation.package
    if package and scan and scan.name == package.name:
        package = replace(package, version=scan.version)
    return Explanation(
        package=package,
        interpreter=situation.interpreter,
        missing=libraries,
        troubles=tuple(dict.fromkeys(troubles)),
        build_inputs=_collect(m.providers[0].attr for m in libraries if m.need_class is NeedClass.PROVIDED),
        ignore_missing=_collect(m.soname for m in libraries if m.need_class is NeedClass.DRIVER and m.linked),
        siblings=_collect(m.distribution for m in libraries if m.distribution),
        index=index,
        openings=tuple(dict.fromkeys((*unfound, *named))),
        looked_into=looked_into,
        left_out=account.left_out,
    )


def plan_override(
    explanation: Explanation,
    baseline: Iterable[str] = (),
    attributes: Mapping[str, Attribute] = _NOTHING,
    *,
    dialect: Dialect = Dialect.UV2NIX,
    files: Collection[str] = (),
    needs: Iterable[Need] = (),
) -> Override:
    """Plan the override of the package.

    Args:
        explanation: the explanation.
        baseline: attributes that uv2nix and poetry2nix add by themselves for the package's tag.
        attributes: what nixpkgs says of the attributes that the explanation names.
        dialect: the tool to write for. A shell needs no more than the libraries, however they are wanted.
        files: paths of all files of the installed package.
        needs: what these are linked against and code brings.
    """
    package = explanation.package
    opened = plan_openings(explanation.openings, files, needs=needs, attributes=attributes)
    asked = {m.providers[0].attr for m in explanation.missing if m.named and m.providers}
    known = frozenset(baseline) - asked  # the text shows that they are missing
    reasons: dict[str, list[str]] = {}
    for one in explanation.missing:
        listed = TRAITS[dialect].listed and all(o.form is OpeningForm.NONE for o in one.openings)
        if one.need_class is NeedClass.PROVIDED and (one.linked or listed):
            reasons.setdefault(one.providers[0].attr, []).append(one.soname)
    driver = explanation.ignore_missing
    inputs = {
        attr: Input(
            attr=attr,
            reason=", ".join(sonames),
            baseline=attr in known,
            permissions=find_permissions(attr, attributes),
        )
        for attr, sonames in reasons.items()
    }
    inputs = {one.attr: one for one in opened.inputs} | inputs
    by_elf = [
        inputs[one.providers[0].attr]
        for one in explanation.missing
        if one.by_elf and one.providers and one.providers[0].attr in inputs
    ]
    return Override(
        name=package.name if package else "" if TRAITS[dialect].listed else _PLACEHOLDER,
        version=(package.version or "") if package else "",
        target=explanation.looked_into or "a message",
        tags=(),
        cuda=Cuda.WHEELS,
        inputs=tuple(inputs[attr] for attr in sorted(inputs)),
        interpreter=", ".join(
            m.soname for m in explanation.missing if m.named and m.need_class is NeedClass.PYTHON
        ),
        ignored=tuple(Ignored(soname=soname, reason="comes with the GPU driver") for soname in driver),
        driver=_collect((*driver, *opened.driver)),
        runpaths=tuple(sorted({*opened.runpaths, *by_elf}, key=lambda one: one.attr)),
        substitutions=opened.substitutions,
        shim=opened.shim,
        searches=tuple(
            Search(directory=directory, distribution=name, reason=f"{name} brings it", certain=False)
            for name, directory in sorted(
                {
                    (m.distribution, m.directory)
                    for m in explanation.missing
                    if m.distribution and m.directory and m.linked
                }
            )
        ),
        hints=(*([] if package or TRAITS[dialect].listed else [_UNNAMED]), *find_hints((), opened.rest)),
    )


def plan_command(explanation: Explanation, dialect: Dialect, files: Collection[str]) -> str | None:
    """Find the command that reads the package itself and writes all code for what it opens by name.

    Args:
        explanation: the explanation.
        dialect: the tool to write for.
        files: names of the files in the project's directory.

    Returns:
        None if the package is installed and was read, if nothing is opened by name, or for a shell, which
        lists libraries however they are wanted.
    """
    opened = any(m.unsure or not m.linked for m in explanation.missing if m.named)
    if explanation.looked_into or not opened or TRAITS[dialect].listed:
        return None
    option = f" --dialect {dialect}"
    if TRAITS[dialect].locked and (lock := next((one for one in _LOCK_FILES if one in files), None)):
        return f"wheelfix lock {lock}{'' if dialect is Dialect.UV2NIX else option}"
    package = explanation.package
    if package:
        wanted = f"{package.name}=={package.version}" if package.version else package.name
    else:
        wanted = ".venv" if ".venv" in files and not TRAITS[dialect].complete else "PACKAGE"
    return f"wheelfix override{option} {quote_target(wanted)}"


def choose_dialect(names: Iterable[str], package: Package | None) -> Dialect:
    """Choose the tool to write for.

    Args:
        names: names of the files in the project's directory.
        package: decides by the name that its set gave it, or if no lock file does: for a virtual environment,
            a shell is written.
    """
    there = frozenset(names)
    if package and package.prefixed:
        return Dialect.POETRY2NIX if "poetry.lock" in there else Dialect.NIXPKGS
    if package and package.installer:
        return Dialect.DEVENV if "devenv.nix" in there else Dialect.SHELL
    for wanted, dialect in _LOCKS:
        if there.issuperset(wanted):
            return dialect
    environment = package.environment or "" if package else ""
    if ".devenv" in environment.split("/") or (
        "devenv.nix" in there and not (package and package.site and package.site.startswith("/nix/store/"))
    ):
        return Dialect.DEVENV
    if "shell.nix" in there or package is None or package.environment or _is_placeless(package):
        return Dialect.SHELL
    if "uv.lock" in there and not (package.site or "").startswith("/nix/store/"):
        return Dialect.SHELL
    return Dialect.UV2NIX


def _is_placeless(package: Package) -> bool:
    """Whether only words name a package: most of these texts are of virtual environments."""
    return not (package.site or package.version or package.file)


def _collect(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _find_missing(symptom: Symptom, case: Case, trace: NeedTrace, scan: WheelScan | None) -> Missing:
    """Take the decision of the scan if the installed package needs the library, as the scan knows more."""
    known = next((n for n in scan.needs if n.soname == trace.need.soname), None) if scan else None
    need = known or trace.need
    openings = find_openings(scan.openings, need.soname) if scan else ()
    if not openings and not known and (told := make_opening(symptom, need)):
        openings = (told,)
    if openings and not known:
        need = _take_answer(need, openings[0])
    return Missing(
        soname=need.soname,
        need_class=need.need_class,
        cause=need.cause,
        wanted_by=symptom.wanted_by,
        providers=need.providers,
        gone=need.gone,
        carriers=tuple(sorted({c.distribution for c in case.known.carriers if c.exact})),
        fixed=(symptom.soname or "").startswith("/"),
        openings=openings,
        linked=known is not None or not (openings or symptom.call),
        unsure=symptom.unsure and not known and not openings,
        by_elf=symptom.by_caller and not openings,
    )


def _take_answer(need: Need, opening: Opening) -> Need:
    """Take the answer of the package's own scan, which is about the name that its code opens."""
    if opening.answered is None or opening.need_class is None or opening.cause is None:
        return need
    return replace(
        need,
        soname=opening.answered,
        need_class=opening.need_class,
        cause=opening.cause,
        providers=opening.providers,
    )


def _find_further(
    scan: WheelScan, named: Mapping[str, Missing], present: Mapping[str, str]
) -> tuple[Missing, ...]:
    """List what will be missing next: first what is linked, then what is opened by name and has code."""
    linked = [
        Missing(
            soname=need.soname,
            need_class=need.need_class,
            cause=need.cause,
            wanted_by=need.wanted_by[0],
            providers=need.providers,
            named=False,
        )
        for need in scan.needs
        if need.machine == scan.machine
        and not CLASS_TRAITS[need.need_class].unignored
        and not need.optional
        and need.soname not in named
        and need.soname not in present
    ]
    told = {*named, *present, *(need.soname for need in scan.needs)}
    told |= {opening.answered for one in named.values() for opening in one.openings if opening.answered}
    opened = {
        one.answered: Missing(
            soname=one.answered,
            need_class=one.need_class,
            cause=one.cause,
            providers=one.providers,
            named=False,
            openings=tuple(other for other in scan.openings if other.answered == one.answered),
            linked=False,
        )
        for one in scan.openings
        if one.form is not OpeningForm.NONE and not one.optional
        if one.answered and one.need_class and one.cause and one.answered not in told
    }
    return (*linked, *(opened[soname] for soname in sorted(opened)))
