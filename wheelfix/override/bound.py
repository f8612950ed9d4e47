"""Finds packages that have to come from nixpkgs together with one that its build replaces.

nixpkgs' build is another build, mostly of another version. What was compiled against the wheel, or with it,
does not fit it: torchvision's wheel loads the libtorch of the wheel's build, jaxlib belongs to one jax. Two
kinds of evidence, strongest first: what the wheels' ELF files link, where they were read; else what the table
of siblings, versions and nixpkgs' own recipes tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wheelfix.model.base import Struct
from wheelfix.model.classes import NeedClass
from wheelfix.model.index import Attribute, list_permissions
from wheelfix.model.override import Adapter, AdapterPlan, NixpkgsBuild, StripPlan
from wheelfix.model.scan import Finding, Level, Need
from wheelfix.model.wheel import Distribution
from wheelfix.override.builds import FindBuild
from wheelfix.override.carries import find_carries, is_part
from wheelfix.override.strip import NO_WISHES, Dependencies, Wishes, find_inherited, plan_strip
from wheelfix.scan.closure import find_closure
from wheelfix.scan.findings import tell_permissions
from wheelfix.scan.sentences import name_some

_NAMED = 3
_FEW = 2


class Environment(Struct):
    """The packages among which some are replaced.

    Attributes:
        packages: metadata by normalised name; of a lock, or of a package and what it requires.
        needs: of the ELF files of those wheels that were read, by name.
        evidence: source of the metadata, in one clause.
        fixed: packages that the user wants as wheels, or as another build.
    """

    packages: Mapping[str, Distribution]
    needs: Mapping[str, Sequence[Need]]
    evidence: str
    fixed: frozenset[str] = frozenset()


class _Bond(Struct):
    """Why one package has to come from nixpkgs with another one.

    Attributes:
        name: of the package.
        reason: one clause.
        released: whether one release of both is all that binds them.
    """

    name: str
    reason: str
    released: bool = False


def plan_adapters(
    builds: Mapping[str, NixpkgsBuild],
    environment: Environment,
    find_build: FindBuild,
    *,
    wishes: Wishes = NO_WISHES,
) -> AdapterPlan:
    """Plan the adapters of some packages, and of everything that is bound to them.

    Args:
        builds: nixpkgs' builds of the packages that the user named, by name.
        environment: all packages, these among them.
        find_build: finds the builds of the others.
        wishes: which dependencies to keep and to strip.
    """
    together, reasons = dict(builds), dict[str, str]()
    left: dict[str, _Bond] = {}
    pending = list(builds)
    while pending:
        while pending:
            for bond in _find_bonds(pending.pop(0), together, environment, find_build):
                build = find_build(bond.name)
                kept = bond.name in environment.fixed or bond.name in wishes.keep
                if kept or build is None or build.broken:
                    left.setdefault(bond.name, bond)
                else:
                    together[bond.name] = build
                    reasons[bond.name] = bond.reason
                    pending.append(bond.name)
        for name, owner in _find_doubles(together, environment, find_build):
            together[name] = together[owner]
            reasons[name] = f"nixpkgs' build of {owner} has its files"
            pending.append(name)
    strips = _plan_strips(together, environment, wishes)
    ordered = [*builds, *sorted(reasons)]
    adapters = tuple(
        Adapter(
            name=name,
            version=environment.packages[name].version,
            target=environment.packages[name].target,
            attr=together[name].attr,
            strip=strips[name],
            reason=reasons.get(name, ""),
            permissions=list_permissions(unfree=together[name].unfree, insecure=together[name].insecure),
        )
        for name in ordered
    )
    findings = (
        *_tell_left(left, environment, find_build),
        *(_tell_bound(a, together[a.name]) for a in adapters if a.reason),
        *(
            f
            for name in ordered
            for f in _tell_build(name, together[name], environment, strips[name], named=name in builds)
        ),
    )
    said = {
        shown: Attribute(attr=shown, unfree=one.unfree, insecure=one.insecure)
        for one in together.values()
        for shown in [".".join(one.attr)]
    }
    return AdapterPlan(adapters=adapters, findings=(*tell_permissions(said, said), *findings))


def _plan_strips(
    together: Mapping[str, NixpkgsBuild], environment: Environment, wishes: Wishes
) -> dict[str, StripPlan]:
    """Plan twice: what one package keeps in the environment depends on what goes with the others."""
    others = tuple(environment.packages.values())
    strips: dict[str, StripPlan] = {}
    removed: dict[str, frozenset[str]] = {}
    for _ in range(2):
        strips = {
            name: plan_strip(
                Dependencies(
                    package=environment.packages[name], others=others, evidence=environment.evidence
                ),
                needs=environment.needs.get(name, ()),
                wishes=wishes,
                build=build,
                together=together,
                removed=removed,
            )
            for name, build in together.items()
        }
        removed = {name: frozenset(one.name for one in strip.stripped) for name, strip in strips.items()}
    return strips


def _find_bonds(
    name: str, together: Mapping[str, NixpkgsBuild], environment: Environment, find_build: FindBuild
) -> Iterator[_Bond]:
    """Yield the packages that have to come from nixpkgs with one that does."""
    package, build = environment.packages[name], together[name]
    required = {r.name for r in package.requires if r.active or r.under}
    required |= find_inherited(package, environment.packages)
    for other in sorted(set(environment.packages) - set(together)):
        candidate = environment.packages[other]
        own = other in required and not is_part(candidate, package)
        if not own and _find_owner(candidate, together, environment, find_build):
            continue
        if other in required:
            if reason := _say_below(package, candidate, build, environment):
                yield _Bond(name=other, reason=reason)
                continue
            if is_released_with(package, candidate) and not _belongs_to_cuda(other):
                reason = f"it is released together with {package.name} {package.version}"
                yield _Bond(name=other, reason=reason, released=True)
                continue
        if reason := _say_above(package, candidate, environment, find_build):
            yield _Bond(name=other, reason=reason)


def _find_doubles(
    together: Mapping[str, NixpkgsBuild], environment: Environment, find_build: FindBuild
) -> Iterator[tuple[str, str]]:
    """Yield packages that stay, and whose files a build brings too, each with a package of that build.

    They get the same build: files that are the same do not collide. What only a replaced package or its parts
    require does not stay.
    """
    packages = environment.packages
    inside = {
        name: owner
        for name in sorted(set(packages) - set(together))
        if (owner := _find_owner(packages[name], together, environment, find_build))
    }
    users = [packages[name] for name in packages if name not in together and name not in inside]
    required = {r.name for user in users for r in user.requires if r.active or r.under}
    yield from ((name, owner) for name, owner in inside.items() if name in required)


def _find_owner(
    one: Distribution,
    together: Mapping[str, NixpkgsBuild],
    environment: Environment,
    find_build: FindBuild,
) -> str | None:
    own = find_build(one.name)
    for name, build in together.items():
        if own.attr == build.attr if own else is_part(one, environment.packages[name]):
            return name
    return None


def _say_below(
    package: Distribution, other: Distribution, build: NixpkgsBuild, environment: Environment
) -> str | None:
    """Say why a package that the replaced one requires has to be nixpkgs' too."""
    carries, propagated = find_carries(other.name), build.dependencies or frozenset()
    needs = environment.needs.get(package.name)
    if not carries.importable or _belongs_to_cuda(other.name):
        return None
    linked = next((n for n in needs or () if n.distribution == other.name), None)
    if linked and linked.need_class is NeedClass.SIBLING:
        return f"{package.name} links {linked.soname} of it"
    if (
        needs is None
        and not _is_pure(package)
        and carries.sonames
        and (other.name in propagated or build.dependencies is None)
    ):
        return (
            f"it has libraries for others, such as {carries.sonames[0]}, and {package.name} is built with it"
        )
    if other.name.startswith(f"{package.name}-") and other.name in propagated and not _is_pure(other):
        return f"it is a part of {package.name}, which nixpkgs builds apart"
    return None


def _is_pure(package: Distribution) -> bool:
    """Whether a package is known to be for any platform: it fits every build."""
    return bool(package.tags) and all(tag.endswith("-any") for tag in package.tags)


def _belongs_to_cuda(name: str) -> bool:
    carries = find_carries(name)
    return bool(carries.note or carries.cuda)


def _say_above(
    package: Distribution, other: Distribution, environment: Environment, find_build: FindBuild
) -> str | None:
    """Say why a package that uses the replaced one has to be nixpkgs' too."""
    needs, brought = environment.needs.get(other.name), find_closure(package, environment.packages)
    if needs is not None:
        own = {r.name for r in other.requires if r.active}
        for need in needs:
            users, brings = need.wanted_by[0], need.distribution or ""
            if brings == package.name:
                return f"{users} links {need.soname} of {package.name}"
            if brings in brought and brings not in own and find_carries(brings).cuda:
                return f"{users} links {need.soname} of {brings}, which {package.name} brings no longer"
        return None
    carries = find_carries(package.name)
    if not other.tags or _is_pure(other) or not carries.importable or not carries.sonames:
        return None
    build = find_build(other.name)
    if build and package.name in (build.dependencies or ()):
        return f"it is compiled, and nixpkgs builds it with {package.name}"
    return None


def is_released_with(one: Distribution, other: Distribution) -> bool:
    """Whether two distributions have one release, such as ``6.12.0`` and ``6.12.0.140``.

    Two numbers alone, such as ``1.0``, are no evidence.
    """
    first, second = sorted((one.version.split("."), other.version.split(".")), key=len)
    return len(first) > _FEW and second[: len(first)] == first


def _tell_left(
    left: Mapping[str, _Bond], environment: Environment, find_build: FindBuild
) -> Iterator[Finding]:
    for name, bond in sorted(left.items()):
        build = find_build(name)
        if build and not build.broken:
            message = f"stays a wheel as asked, though {bond.reason}: it may not load with nixpkgs' build"
        else:
            lack = "nixpkgs' package of it is broken" if build else "nixpkgs has no package of it"
            message = f"stays a wheel, as {lack}, though {bond.reason}: it may not load with nixpkgs' build; "
            if bond.released:
                message += f"where that has its files too, remove it with --strip {name}"
            else:
                message += "build it from source, or keep the wheels of both"
        yield _find(environment.packages[name], Level.WARNING, message)


def _tell_build(
    name: str, build: NixpkgsBuild, environment: Environment, strip: StripPlan, *, named: bool
) -> Iterator[Finding]:
    package = environment.packages[name]
    # A build with CUDA is unfree. One that is not computes without, whatever the wheel did.
    if not build.unfree and not build.attr[-1].endswith("WithoutCuda") and _takes_cuda(strip):
        message = (
            f"loses its CUDA wheels, and nixpkgs builds {'.'.join(build.attr)} without CUDA, unless its "
            "configuration has cudaSupport = true: see `wheelfix flake --cuda --unfree`"
        )
        yield _find(package, Level.WARNING, message)
    if build.broken:
        message = f"{'.'.join(build.attr)} is marked as broken, or does not evaluate: nixpkgs refuses it"
        yield _find(package, Level.WARNING, message)
    if named and build.version and package.version and build.version != package.version:
        same = build.version.split(".")[:2] == package.version.split(".")[:2]
        message = f"is {build.version} in nixpkgs; other packages are resolved for {package.version}"
        yield _find(package, Level.NOTE if same else Level.WARNING, message)
    missing = sorted((build.dependencies or frozenset()) - set(environment.packages))
    if missing and len(environment.packages) > 1:
        message = (
            f"nixpkgs' recipe propagates {name_some(missing, _NAMED)}, not in the environment: add "
            "to the project what the build imports"
        )
        yield _find(package, Level.NOTE, message)


def _takes_cuda(strip: StripPlan) -> bool:
    return any(one.name.startswith("nvidia-") for one in (*strip.stripped, *strip.leaving))


def _find(package: Distribution, level: Level, message: str) -> Finding:
    return Finding(level=level, subject=f"{package.name} {package.version}".strip(), message=message)


def _tell_bound(adapter: Adapter, build: NixpkgsBuild) -> Finding:
    named = f"{'.'.join(adapter.attr)} {build.version}".strip()
    message = f"comes from nixpkgs too, as {named}: {adapter.reason}"
    return Finding(level=Level.NOTE, subject=f"{adapter.name} {adapter.version}".strip(), message=message)
