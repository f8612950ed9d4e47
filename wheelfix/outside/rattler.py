"""Solves environments of conda with rattler, against the channels that can be reached.

The door to rattler's solver. It is written in Rust and is asynchronous; what it panics with is no
:class:`Exception`.
"""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from wheelfix.errors import InputError, strip_login, strip_token
from wheelfix.model.base import Struct
from wheelfix.model.conda import NOARCH, SUBDIRS, CondaPackage
from wheelfix.model.conda_project import VirtualPackage
from wheelfix.model.scan import Finding, Level
from wheelfix.model.system import name_machine

if TYPE_CHECKING:
    import rattler

T = TypeVar("T")

KERNEL = "5.10"
"""The oldest Linux that nixpkgs' glibc and systemd are run on; conda-lock assumes the same."""
_GLIBC = "2.17"
"""What conda-forge builds for, where nothing says which glibc nixpkgs has."""
_ARCHSPECS = {"powerpc64le": "ppc64le"}
"""Machines that conda names otherwise."""
_SECONDS = 300
"""For one answer of a channel, all of it; repodata of a large one has 100 MB."""
_RETRIES = 2
_SOLVE = 300
"""Seconds for the solver alone."""
_LOOK, _LOOKS, _STILL = 0.003, 200, 3
"""Seconds between two looks at threads, the most looks, and how many have to see all at rest."""
_MOST_SPECS = 10_000
_LONGEST = 2000
"""Characters of one match specification."""
_SHOWN = 1500
_PATCH = 9
"""A patch release that stands for all of a minor version."""
_TOKEN = re.compile(r"/t/[^/\s]+(?=/)")
_HINT = "run `pip install 'wheelfix[conda]'`"


class Solved(Struct):
    """An environment of conda, solved for one platform.

    Attributes:
        packages: sorted by name.
        findings: what rattler warned of.
    """

    packages: tuple[CondaPackage, ...]
    findings: tuple[Finding, ...] = ()


def list_virtual(
    system: str, glibc: str | None, declared: Sequence[VirtualPackage] = (), cuda: str = ""
) -> tuple[VirtualPackage, ...]:
    """Say which virtual packages a machine with Nix has.

    Args:
        system: Nix system.
        glibc: version of glibc in nixpkgs, or None if unknown.
        declared: what the environment's file declares, which takes precedence.
        cuda: version of CUDA that the driver is asked to support; empty for a machine without.
    """
    machine = name_machine(system)
    known = {
        "__unix": VirtualPackage(name="__unix", version="0"),
        "__linux": VirtualPackage(name="__linux", version=KERNEL),
        "__glibc": VirtualPackage(name="__glibc", version=glibc or _GLIBC),
        "__archspec": VirtualPackage(name="__archspec", version="1", build=_ARCHSPECS.get(machine, machine)),
    }
    if cuda:
        known["__cuda"] = VirtualPackage(name="__cuda", version=cuda)
    known |= {one.name: one for one in declared}
    return tuple(known[name] for name in sorted(known))


def find_subdir(system: str) -> str:
    """Return what conda calls the platform of a Nix system.

    Raises:
        InputError: conda has no packages for it.
    """
    if subdir := SUBDIRS.get(system):
        return subdir
    raise InputError(
        system, "is no platform that conda has packages for", f"name one of {', '.join(SUBDIRS)}"
    )


def check_specs(subject: str, specs: Iterable[str]) -> tuple[str, ...]:
    """Check match specifications, and return the normalised name of each.

    Args:
        subject: the file that they stand in.
        specs: as written.

    Raises:
        InputError: rattler is not installed, or one is invalid.
    """
    api = _load(subject)
    names = []
    for spec in specs:
        with _tell(f"{subject}: {spec[:60]!r}", "is no match specification", "write NAME, or NAME >=VERSION"):
            if len(spec) > _LONGEST:
                raise ValueError(f"it has more than {_LONGEST} characters")
            name = api.MatchSpec(spec).name
            names.append(getattr(name, "normalized", "") or str(spec))
    if len(names) > _MOST_SPECS:
        raise InputError(subject, f"asks for more than {_MOST_SPECS} packages", "divide it")
    return tuple(names)


def solve(
    specs: Sequence[str],
    channels: Sequence[str],
    *,
    subject: str,
    subdir: str,
    virtual: Sequence[VirtualPackage],
    directory: Path,
    constraints: Sequence[str] = (),
    locked: Sequence[CondaPackage] = (),
    strict: bool = True,
    place: Path | None = None,
    seconds: int = _SECONDS,
) -> Solved:
    """Solve an environment of conda.

    Args:
        specs: match specifications of what it is to have.
        channels: names, addresses and directories, strongest first.
        subject: what asks for them, for messages.
        subdir: platform, as conda names it.
        virtual: virtual packages of the machine.
        directory: rattler's cache of what channels have.
        constraints: match specifications of what need not be there.
        locked: packages to keep where the specifications allow it.
        strict: whether a channel hides the packages of the same name in weaker ones.
        place: directory that relative paths of channels start from; None takes the working directory.
        seconds: limit for each answer of a channel.

    Raises:
        InputError: rattler is not installed, a specification or channel is invalid, a channel cannot be
            reached, or there is no solution; the message quotes rattler.
    """
    api = _load(subject)
    check_specs(subject, (*specs, *constraints))
    asked = _make_channels(api, subject, channels, place or Path.cwd())
    found: list[Finding] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with _tell(subject, "cannot be solved", "change what it asks for, or name other channels"):
            records = _run(
                _solve(api, specs, asked, subdir, virtual, directory, constraints, locked, strict, seconds)
            )
        found += [
            Finding(level=Level.WARNING, subject=subject, message=_quote(str(one.message))) for one in warned
        ]
    packages = [_convert(record, subdir) for record in records]
    return Solved(
        packages=tuple(sorted(packages, key=lambda package: package.name)),
        findings=tuple(dict.fromkeys(found)),
    )


class Wanted(Struct):
    """A package that a channel may have.

    Attributes:
        names: that it may have there, the likeliest first.
        version: that it has to have.
    """

    names: tuple[str, ...]
    version: str


def find_offers(
    wanted: Mapping[str, Wanted],
    channels: Sequence[str],
    *,
    subject: str,
    subdir: str,
    python: str,
    directory: Path,
    place: Path | None = None,
    seconds: int = _SECONDS,
) -> dict[str, str]:
    """Find which packages channels have, in a version, and for a Python.

    Args:
        wanted: what is looked for, by keys of the caller's.
        channels: names, addresses and directories, strongest first.
        subject: what asks for them, for messages.
        subdir: platform, as conda names it.
        python: major and minor version.
        directory: rattler's cache of what channels have.
        place: directory that relative paths of channels start from; None takes the working directory.
        seconds: limit for each answer of a channel.

    Returns:
        The name of each that was found, by the same keys.

    Raises:
        InputError: rattler is not installed, a channel is invalid, or cannot be reached.
    """
    api = _load(subject)
    asked = _make_channels(api, subject, channels, place or Path.cwd())
    names = sorted({name for one in wanted.values() for name in one.names})
    with _tell(subject, "cannot be asked of the channels", "name other channels"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the solver tells them again
            records = _run(_query(api, names, asked, [subdir, NOARCH], directory, seconds))
        runs = api.PackageRecord(
            name="python",
            version=f"{python}.{_PATCH}",
            build=api.BuildString("0_cpython"),
            build_number=0,
            subdir=subdir,
        )
        fitting = {(r.name.normalized, r.version) for r in records if _runs_on(api, r, runs)}
        return {
            key: found
            for key, one in wanted.items()
            if (found := next((n for n in one.names if _has(api, fitting, n, one.version)), None))
        }


def _has(api: Any, fitting: set[tuple[str, Any]], name: str, version: str) -> bool:
    try:
        wanted = api.Version(version)
    except Exception:
        return False
    return (name, wanted) in fitting or any(n == name and v == wanted for n, v in fitting)


def _runs_on(api: Any, record: Any, python: Any) -> bool:
    """Whether a package is for a Python; one without any is."""
    specs = (text for text in record.depends if name_dependency(text) == "python")
    return all(api.MatchSpec(text).matches(python) for text in specs)


async def _query(
    api: Any,
    names: Sequence[str],
    channels: Sequence[rattler.Channel],
    platforms: Sequence[str],
    directory: Path,
    seconds: int,
) -> list[rattler.RepoDataRecord]:
    answers = await _open_gateway(api, directory, seconds).query(channels, platforms, names, recursive=False)
    # The first channel that has a package hides it in the others.
    found: dict[tuple[str, str], list[rattler.RepoDataRecord]] = {}
    for records in answers:
        for record in records:
            found.setdefault((record.name.normalized, record.channel), []).append(record)
    order = {channel.base_url: number for number, channel in enumerate(channels)}
    first: dict[str, str] = {}
    for name, channel in sorted(found, key=lambda key: order.get(key[1], len(order))):
        first.setdefault(name, channel)
    return [record for key, records in found.items() for record in records if first[key[0]] == key[1]]


def find_unmet(subject: str, specs: Sequence[str], packages: Sequence[CondaPackage]) -> tuple[str, ...]:
    """Return the match specifications that none of some packages fulfil.

    Raises:
        InputError: rattler is not installed, or a specification is invalid.
    """
    api = _load(subject)
    check_specs(subject, specs)
    known = {package.name: package for package in packages}
    return tuple(spec for spec in specs if not _is_met(api, subject, spec, known))


def _is_met(api: Any, subject: str, spec: str, known: dict[str, CondaPackage]) -> bool:
    with _tell(
        subject, "cannot be compared with its lock", "let the tool that wrote the lock write it again"
    ):
        wanted = api.MatchSpec(spec)
        package = known.get(wanted.name.normalized)
        if package is None:
            return False
        record = api.PackageRecord(
            name=package.name,
            version=package.version,
            build=api.BuildString(package.build),
            build_number=0,
            subdir=package.subdir,
        )
        # What only an index says of a package (its channel, its number) is not compared.
        bare = api.MatchSpec(f"{package.name} {wanted.version}" if wanted.version else package.name)
        return bool(bare.matches(record))


def keep_reachable(packages: Sequence[CondaPackage], names: Iterable[str]) -> tuple[CondaPackage, ...]:
    """Return the packages that some of them lead to by what they depend on.

    Args:
        packages: of one environment.
        names: where to start.
    """
    known = {package.name: package for package in packages}
    found: set[str] = set()
    pending = [name for name in names if name in known]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        pending += [d for d in map(name_dependency, known[name].depends) if d in known]
    return tuple(package for package in packages if package.name in found)


def name_dependency(text: str) -> str:
    """Return the name in a match specification of a package's metadata.

    Example:
        >>> name_dependency("libzlib >=1.3.1,<2.0a0"), name_dependency("conda-forge::_openmp_mutex>=4.5")
        ('libzlib', '_openmp_mutex')
    """
    return re.split(r"[\s<>=!~\[,;]", text.strip().rpartition("::")[2], maxsplit=1)[0].lower()


def _load(subject: str) -> Any:
    """Import rattler.

    Raises:
        InputError: it is not installed.
    """
    try:
        import rattler
    except ImportError:
        raise InputError(subject, "needs wheelfix[conda]", _HINT) from None
    return rattler


@contextmanager
def _tell(subject: str, problem: str, hint: str) -> Iterator[None]:
    """Turn what rattler raises, panics of Rust included, into one error.

    Raises:
        InputError: the block raised something that is no interrupt.
    """
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        # A panic of Rust is no Exception, and its class is not exported.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if type(error).__name__ == "GatewayError":
            problem, hint = "a channel gives no answer", "check the channels and the network"
        raise InputError(subject, f"{problem}: {_quote(str(error))}", hint) from None


def _quote(said: str) -> str:
    """Quote rattler on one line: without the lines of its tree, without passwords, and not too long."""
    words = " ".join(re.sub(r"[│├└─]+", " ", said).split()) or "no reason given"
    words = _TOKEN.sub("/t/***", strip_login(words)).removeprefix("Cannot solve the request because of: ")
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN // 2]} … {words[-_SHOWN // 2 :]}"


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; an interrupt ends the wait at once, wherever Rust is."""
    import asyncio  # slow import

    try:
        return asyncio.run(work)
    finally:
        _let_threads_rest()


def _let_threads_rest() -> None:
    """Wait until Rust's threads have let go of what they handed over.

    One that asks for the GIL while an interpreter older than 3.14 ends is ended in the middle of Rust's code,
    which aborts the process.
    """
    still = 0
    for _ in range(_LOOKS):
        time.sleep(_LOOK)  # without the GIL, so that a thread which waits for it gets it
        still = still + 1 if _are_threads_still() else 0
        if still >= _STILL:
            return


def _are_threads_still() -> bool:
    """Whether every other thread waits; true where the system does not tell."""
    own = threading.get_native_id()
    with suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError, IndexError):  # one that has ended meanwhile
                state = (task / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if task.name != str(own) and state == b"R":
                    return False
    return True


def _make_channels(api: Any, subject: str, channels: Sequence[str], place: Path) -> list[rattler.Channel]:
    """Make rattler's channels, of which it knows by itself where a bare name is.

    Raises:
        InputError: there is none, or one is invalid.
    """
    if not channels:
        raise InputError(subject, "names no channel to take packages from", "name one with --channel")
    made = []
    for channel in channels:
        shown = _TOKEN.sub("/t/***", strip_login(channel))[:200]
        hint = "write a name such as conda-forge, a URL, or the path of a directory"
        with _tell(f"{subject}: channel {shown!r}", "is no channel", hint):
            if not channel.strip() or not channel.isprintable():
                raise ValueError("it is empty, or has characters that no name and no URL has")
            config = api.ChannelConfig(root_dir=str(place.absolute()))
            made.append(api.Channel(channel.strip(), config))
    return made


def _open_gateway(api: Any, directory: Path, seconds: int) -> Any:
    """Open what asks channels, with the logins that rattler has stored."""
    from rattler.networking import AuthenticationMiddleware, RetryMiddleware

    middlewares = [AuthenticationMiddleware(), RetryMiddleware(_RETRIES)]
    return api.Gateway(cache_dir=directory, client=api.Client(middlewares, timeout=seconds))


async def _solve(
    api: Any,
    specs: Sequence[str],
    channels: Sequence[rattler.Channel],
    subdir: str,
    virtual: Sequence[VirtualPackage],
    directory: Path,
    constraints: Sequence[str],
    locked: Sequence[CondaPackage],
    strict: bool,
    seconds: int,
) -> list[rattler.RepoDataRecord]:
    gateway = _open_gateway(api, directory, seconds)
    platforms = [subdir, NOARCH]
    kept: list[rattler.RepoDataRecord] = []
    if locked:
        # The channels' own records, as a lock has only a part of them, and may name what is withdrawn.
        names = [package.name for package in locked]
        files = {(package.subdir, package.filename) for package in locked}
        answers = await gateway.query(channels, platforms, names, recursive=False)
        kept = [r for records in answers for r in records if (r.subdir, r.file_name) in files]
    machine = [
        api.GenericVirtualPackage(
            api.PackageName(one.name), api.Version(one.version), api.BuildString(one.build)
        )
        for one in virtual
    ]
    priority = api.ChannelPriority
    found: list[rattler.RepoDataRecord] = await api.solve(
        list(channels),
        [api.MatchSpec(spec) for spec in specs],  # as conda reads them: texts would be read more strictly
        gateway=gateway,
        platforms=platforms,
        locked_packages=kept,
        virtual_packages=machine,
        timeout=timedelta(seconds=_SOLVE),
        channel_priority=priority.Strict if strict else priority.Disabled,
        constraints=[api.MatchSpec(spec) for spec in constraints],
    )
    return found


def _convert(record: rattler.RepoDataRecord, platform: str) -> CondaPackage:
    url = strip_token(record.url)
    noarch = record.noarch
    return CondaPackage(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        subdir=record.subdir,
        platform=platform,
        filename=unquote(urlsplit(url).path.rpartition("/")[2]),
        url=url,
        sha256=record.sha256.hex() if record.sha256 else None,
        md5=record.md5.hex() if record.md5 else None,
        size=record.size,
        depends=tuple(record.depends),
        noarch="python" if noarch.python else "generic" if noarch.generic else "",
        site_packages=record.python_site_packages_path or "",
    )
