"""What a user named, decided once.

Every kind of target declares itself in :data:`KINDS`: what it is called in messages, how it is told, which
command is for it. :data:`TAKES` says which kinds a command can do. A command that is given another kind
names the command that can. What is on disk goes before what would be fetched.

A kind is told by content where content tells it, by name where it does not. Nothing is opened that is no
regular file, and no more than the first bytes are read where these decide.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from wheelfix.errors import InputError, WheelfixError, describe
from wheelfix.model.base import Struct, field
from wheelfix.wheel.environment import find_site, find_wheels
from wheelfix.wheel.metadata import parse_sdist_name, parse_wanted
from wheelfix.wheel.open import find_kind, open_input

_HEAD = 4 << 10
_GZIP = b"\x1f\x8b"
_LOCKS = re.compile(r"uv\.lock|poetry\.lock|pylock(\.[^.]+)?\.toml")
_LISTS = (".txt", ".in")
_TABLES = (".lock", ".toml", ".json", ".yml", ".yaml")
_PROJECT = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO", "Cargo.toml"})
_ENVIRONMENTS = (".venv", "venv")
_HASH = re.compile(r"--hash[= ]\w+:")


class TargetKind(StrEnum):
    """What a target is, as far as commands differ in it."""

    WHEEL = "wheel"
    WHEELS = "wheels"
    ENVIRONMENT = "environment"
    ELF = "elf"
    SDIST = "sdist"
    LOCK = "lock"
    REQUIREMENTS = "requirements"
    REQUIREMENT = "requirement"
    URL = "url"
    SDIST_URL = "sdist-url"
    TEXT = "text"
    FOREIGN = "foreign"


_READ = frozenset(
    {
        TargetKind.WHEEL,
        TargetKind.WHEELS,
        TargetKind.ENVIRONMENT,
        TargetKind.ELF,
        TargetKind.REQUIREMENTS,
        TargetKind.REQUIREMENT,
        TargetKind.URL,
    }
)
TAKES: Mapping[str, frozenset[TargetKind]] = {
    "scan": _READ | {TargetKind.LOCK},
    "report": _READ | {TargetKind.LOCK},
    "override": _READ,
    "override --check": _READ | {TargetKind.LOCK},
    "adapter": frozenset({TargetKind.WHEEL, TargetKind.REQUIREMENT, TargetKind.URL}),
    "patch": frozenset({TargetKind.WHEEL, TargetKind.ENVIRONMENT}),
    "sdist": frozenset({TargetKind.SDIST, TargetKind.REQUIREMENT, TargetKind.SDIST_URL}),
    "lock": frozenset({TargetKind.LOCK}),
    "explain": frozenset({TargetKind.TEXT}),
    "--with": frozenset({TargetKind.WHEEL, TargetKind.WHEELS, TargetKind.ENVIRONMENT}),
}
"""Which kinds of target a command, or an option, can do."""

_WRITING = frozenset({"adapter", "lock"})
_WRITABLE = _READ - {TargetKind.ELF}
"""What ``override`` does in the place of another command that writes Nix code."""


class Target(Struct):
    """What a user named.

    Attributes:
        text: as the user wrote it.
        kind: what it is.
        path: of what is on disk; None for what is fetched.
    """

    text: str
    kind: TargetKind
    path: Path | None = None


class Look(Struct):
    """What there is to tell a kind by.

    Attributes:
        text: as the user wrote it.
        path: of what is on disk; None where nothing of that name is.
        names: of the entries of a directory; None for what is none.
        head: the first bytes of a file.
    """

    text: str
    path: Path | None = None
    names: frozenset[str] | None = None
    head: bytes = b""

    @property
    def name(self) -> str:
        """File name in small letters; empty for what is no file."""
        return self.path.name.lower() if self.path and self.names is None else ""


class Sort(Struct):
    """One kind of target, or something else that people name as one.

    Attributes:
        kind: what commands know it as.
        called: with its article, for messages.
        tell: whether it is that.
        command: the command for it; empty if there is none.
        fits: whether that command can do something with this one.
        hint: what to do with it instead, with ``{target}`` for the target and ``{place}`` for its directory,
            both quoted for a shell; used where there is no command for it.
        hints: the same for single commands, and stronger.
    """

    kind: TargetKind
    called: str
    tell: Callable[[Look], bool]
    command: str = ""
    fits: Callable[[Look], bool] = lambda _: True
    hint: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)


def find_target(text: str, command: str) -> Target:
    """Decide what a target is, for a command that has to do something with it.

    Args:
        text: a path, a requirement, or an address.
        command: a key of :data:`TAKES`.

    Raises:
        InputError: there is no such thing, it cannot be opened, or the command cannot do it: then the hint is
            the command that can.
    """
    look = look_at(text)
    # What the command can do first: a log of any size is not searched for hashes before it is explained.
    for sort in KINDS:
        if sort.kind in TAKES[command] and sort.tell(look):
            return Target(text=text, kind=sort.kind, path=look.path)
    best = next((sort for sort in KINDS if sort.tell(look)), None)
    if best is None:
        hint = "check the path; a requirement is written NAME, NAME==VERSION or NAME[EXTRA]"
        raise InputError(text, "no such file or directory", hint)
    taker = command if command.startswith("--") else f"wheelfix {command}"
    problem = f"is {best.called}, which `{taker}` does not take"
    raise InputError(text, problem, _find_hint(best, look, command))


def find_targets(
    texts: Iterable[str], command: str, *, on_error: Callable[[WheelfixError], object] | None = None
) -> Iterator[Target]:
    """Decide what targets are, each when it is its turn.

    Args:
        texts: as for :func:`find_target`.
        command: as for :func:`find_target`.
        on_error: told what is wrong with one, which is passed over; None raises.

    Raises:
        InputError: as for :func:`find_target`, without ``on_error``.
    """
    for text in texts:
        try:
            target = find_target(text, command)
        except WheelfixError as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            yield target


def quote_target(text: str) -> str:
    """Write a target as an argument of a shell's command; a leading dash would make it an option."""
    named = f"./{text}" if text.startswith("-") else text
    if named.isprintable():
        return shlex.quote(named)
    # What a terminal acts on, and what is no text, is written as a shell's $'…' takes it.
    plain = {byte: chr(byte) for byte in range(0x20, 0x7F) if chr(byte) not in "'\\"}
    return "$'" + "".join(plain.get(byte, f"\\x{byte:02x}") for byte in os.fsencode(named)) + "'"


def look_at(text: str) -> Look:
    """Look at what a user named, without waiting for a pipe and without following a link to nowhere.

    Raises:
        InputError: something of that name is there and cannot be read, or is no file and no directory.
    """
    path = Path(text)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a Path hides some errors
    except (OSError, ValueError) as error:
        if os.path.islink(path):  # noqa: PTH114 - a Path's own raises where a name is too long
            raise InputError(text, "is a link that leads nowhere", "check where it leads") from None
        if _is_fetched(text):
            return Look(text=text)
        reason = describe(error)
        hint = "check the path; a requirement is written NAME, NAME==VERSION or NAME[EXTRA]"
        raise InputError(text, reason, hint) from None
    if stat.S_ISDIR(mode):
        try:
            return Look(text=text, path=path, names=frozenset(os.listdir(path)))  # noqa: PTH208
        except OSError as error:
            problem = f"cannot be read ({describe(error)})"
            raise InputError(text, problem, "check its permissions") from None
    if not stat.S_ISREG(mode):
        raise InputError(text, f"is {find_kind(mode)}, no file", "give a file or a directory")
    with open_input(path, hint="check its permissions") as file:
        try:
            return Look(text=text, path=path, head=file.read(_HEAD))
        except OSError as error:
            problem = f"cannot be read ({describe(error)})"
            raise InputError(text, problem, "check the disk") from None


def _find_hint(best: Sort, look: Look, command: str) -> str:
    """What to do instead: the whole command, wherever there is one."""
    target = quote_target(look.text)
    inside = _find_inside(look, command)
    if command in best.hints or not (inside or (best.command and best.fits(look))):
        place = quote_target(os.path.dirname(look.text) or ".")  # noqa: PTH120 - of what was written
        return best.hints.get(command, best.hint).format(target=target, place=place)
    other = "override" if command in _WRITING and best.kind in _WRITABLE else best.command
    return f"run `{inside or f'wheelfix {other} {target}'}`"


def _find_inside(look: Look, command: str) -> str | None:
    """The command for a lock or an environment that a directory holds, if it is one or the other by that."""
    names = look.names or frozenset()
    written = f"{command} FILE" if command == "override --check" else command
    inside = [(TargetKind.ENVIRONMENT, name) for name in _ENVIRONMENTS if name in names]
    inside += [(TargetKind.LOCK, name) for name in sorted(names) if _LOCKS.fullmatch(name)]
    for kind, name in inside:
        if kind in TAKES[command]:
            return f"wheelfix {written} {quote_target(os.path.join(look.text, name))}"  # noqa: PTH118
    locks = [name for kind, name in inside if kind is TargetKind.LOCK]
    if locks and _is_project(look):
        return f"wheelfix lock {quote_target(os.path.join(look.text, locks[0]))}"  # noqa: PTH118
    return None


# How each kind is told


def _is_fetched(text: str) -> bool:
    from wheelfix.outside.requirements import is_url, looks_like_requirement

    return is_url(text) or looks_like_requirement(text)


def _find_url(look: Look) -> str | None:
    """The address that a target is, or that a requirement leads to."""
    if look.path:
        return None
    from wheelfix.outside.requirements import is_url

    if is_url(look.text):
        return look.text
    wanted = parse_wanted(look.text)
    return wanted.url if wanted else None


def _is_repository(look: Look) -> bool:
    return re.match(r"(git|hg|svn|bzr)\+", _find_url(look) or "", re.IGNORECASE) is not None


def _is_sdist_url(look: Look) -> bool:
    """By the name that the file will have, once it is fetched."""
    from urllib.parse import unquote, urlsplit

    try:
        path = urlsplit(_find_url(look) or "").path
    except ValueError:
        return False  # no address: whoever fetches it says so
    return parse_sdist_name(unquote(path).rpartition("/")[2]) is not None


def _starts(*magic: bytes) -> Callable[[Look], bool]:
    return lambda look: look.head.startswith(magic)


def _ends(*suffixes: str) -> Callable[[Look], bool]:
    return lambda look: look.name.endswith(suffixes)


def _named(*names: str) -> Callable[[Look], bool]:
    return lambda look: look.name in names


def _is_mach_o(look: Look) -> bool:
    # A fat file has the number of its architectures where a class of Java has its version, 45 or more.
    fat = look.head.startswith(b"\xca\xfe\xba\xbe") and int.from_bytes(look.head[4:8], "big") < 45
    thin = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
    return fat or look.head.startswith(thin)


def _is_wheel(look: Look) -> bool:
    if look.name.endswith(".whl"):
        return True
    return any(re.fullmatch(r"[^/]+\.dist-info/METADATA", path) for path in _list_members(look))


def _is_sdist(look: Look) -> bool:
    """One top directory with a project in it: old packages for every system are on PyPI as .zip."""
    if look.head.startswith(_GZIP) and look.path:
        try:
            return not _PROJECT.isdisjoint(_list_packed(look.path))
        except InputError:
            # Hostile or damaged, which its reader says best, if it is called like a source distribution.
            return parse_sdist_name(look.path.name) is not None
    paths = _list_members(look)
    tops = {path.partition("/")[0] for path in paths}
    return len(tops) == 1 and any(path.partition("/")[2] in _PROJECT for path in paths)


def _has_crate(look: Look) -> bool:
    """A Cargo.toml: anywhere in an archive, or where Python packages have theirs in a directory."""
    assert look.path
    if look.names is not None:
        places = ("Cargo.toml", "*/Cargo.toml", "*/*/Cargo.toml")
        return any(next(look.path.glob(place), None) for place in places)
    try:
        paths = _list_packed(look.path) if look.head.startswith(_GZIP) else _list_members(look)
    except InputError:
        return False
    return any(path.rpartition("/")[2] == "Cargo.toml" for path in paths)


def _list_packed(path: Path) -> frozenset[str]:
    """Paths of what tells of the build in a packed source distribution, below its top directory.

    Raises:
        InputError: it is damaged, or hostile.
    """
    from wheelfix.wheel.sdist import read_sdist

    return frozenset(read_sdist(path).files)


def _list_members(look: Look) -> frozenset[str]:
    """Paths of the members of a zip archive; empty for what is none, or a damaged or hostile one."""
    if not look.head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or not look.path:
        return frozenset()
    from wheelfix.wheel.archive import open_archive

    try:
        with open_archive(look.path) as archive:
            return frozenset(member.path for member in archive.members)
    except InputError:
        return frozenset()


def _is_lock(look: Look) -> bool:
    if _LOCKS.fullmatch(look.name):
        return True
    if look.name.endswith(_LISTS):
        return _HASH.search(_read_text(look)) is not None
    return _list_keys(look) != frozenset()


def _list_keys(look: Look) -> frozenset[str]:
    """What makes a table of another name a lock: keys that only one of the formats has."""
    if not look.name.endswith((".lock", ".toml")) or not look.path:
        return frozenset()
    from wheelfix.lockfile.read import parse_toml, read_text

    try:
        table = parse_toml(look.path.name, read_text(look.path))
        keys = set(table.values) & {"lock-version"}
        keys |= set(table.table("metadata").values) & {"lock-version"}
        if "requires-python" in table.values and "package" in table.values:
            keys.add("version")
    except InputError:
        return frozenset()
    return frozenset(keys)


def _is_list(look: Look) -> bool:
    """Requirements without hashes: by what a file is called, or because each of its lines is one."""
    if not look.name.endswith(_LISTS) or _HASH.search(text := _read_text(look)):
        return False
    if look.name.endswith(".in") or re.match(r"(.*[-_.])?(requirements|constraints)\b", look.name):
        return True
    joined = text.removeprefix("\ufeff").replace("\\\n", " ")
    lines = [re.sub(r"(?:^|\s)#.*$", "", line).strip() for line in joined.splitlines()]
    wanted = [line for line in lines if line]
    return bool(wanted) and all(line.startswith("-") or parse_wanted(line) for line in wanted)


def _read_text(look: Look) -> str:
    from wheelfix.lockfile.read import read_text

    try:
        return read_text(look.path) if look.path else ""
    except InputError:
        return ""


def _is_text(look: Look) -> bool:
    """What may be a message, whatever it is called, and whatever a terminal left in it."""
    binary = _starts(b"\x7fELF", b"MZ")(look) or _is_mach_o(look) or _is_archive(look)
    return bool(look.name) and not binary


def _is_shelf(look: Look) -> bool:
    """A directory of wheels; an unpacked wheel, or a site-packages, may have wheels in it by the way."""
    names = look.names or frozenset()
    if not look.path or any(name.endswith(".dist-info") for name in names):
        return False
    return any(name.endswith(".whl") for name in names) and bool(find_wheels(look.path))


def _is_environment(look: Look) -> bool:
    if look.names is None or not look.path:
        return False
    if not look.names.isdisjoint({"pyvenv.cfg", "conda-meta"}):
        return True
    if any(name.endswith(".dist-info") for name in look.names):
        return True
    try:
        root, site = find_site(look.path)
    except InputError:
        return True  # several site-packages, or one that leaves it: whoever reads it says so
    return root != site


def _is_project(look: Look) -> bool:
    return not (look.names or frozenset()).isdisjoint(_PROJECT)


def _is_tree(look: Look) -> bool:
    """Any other directory, for the ELF files in it; a project's own are those built in place."""
    if not look.names or not look.path or _is_shelf(look):
        return False
    if not _is_project(look):
        return True
    inside = {name for name in look.names if name in _ENVIRONMENTS or _LOCKS.fullmatch(name)}
    if inside:
        return False
    from wheelfix.elf.reader import ELF_MAGIC
    from wheelfix.wheel.tree import walk_tree

    top = os.path.realpath(look.path)
    return bool(walk_tree(top, root=top, magic=ELF_MAGIC).elf_files)


def _is_archive(look: Look) -> bool:
    magic = (
        b"PK\x03\x04",
        b"PK\x05\x06",
        _GZIP,
        b"BZh",
        b"\xfd7zXZ",
        b"\x28\xb5\x2f\xfd",
        b"7z\xbc\xaf",
    )
    return look.head.startswith(magic) or look.head[257:262] == b"ustar"


_FOREIGN = TargetKind.FOREIGN
_LINUX = "take the file for Linux: nothing else runs on Nix"
_UNPACKED = "unpack it, then run `wheelfix scan DIR` on the directory"
_LOCKED = "then run `wheelfix lock requirements.txt`"

_BUILT = "build a wheel of it (`pip wheel --no-deps {target}`), then run `wheelfix scan` on that"
# Without the slash, pip takes the name of a directory for a requirement.
_BUILT_HERE = _BUILT.replace("{target}", "{target}/")

KINDS: tuple[Sort, ...] = (
    Sort(
        kind=_FOREIGN,
        called="an address of a repository",
        tell=_is_repository,
        hint=_BUILT,
        hints={"sdist": "clone it, then run `wheelfix sdist DIR` on the directory"},
    ),
    Sort(
        kind=TargetKind.SDIST_URL,
        called="the address of a source distribution",
        tell=_is_sdist_url,
        hint=f"{_BUILT}; what it needs to build Rust, `wheelfix sdist {{target}}` tells",
    ),
    Sort(
        kind=TargetKind.URL,
        called="the address of a wheel",
        tell=lambda look: bool(_find_url(look)) and not _is_repository(look) and not _is_sdist_url(look),
        command="scan",
    ),
    Sort(
        kind=TargetKind.REQUIREMENT,
        called="a requirement",
        tell=lambda look: not look.path and not _find_url(look),
        command="scan",
        hints={"lock": "lock it first (`uv lock`), or run `wheelfix override {target}`"},
    ),
    # Files, by content
    Sort(
        kind=_FOREIGN,
        called="an empty file",
        tell=lambda look: bool(look.name) and not look.head,
        hint="fetch it again, or check the path",
    ),
    Sort(kind=TargetKind.ELF, called="an ELF file", tell=_starts(b"\x7fELF"), command="scan"),
    Sort(kind=_FOREIGN, called="a Mach-O file, for macOS", tell=_is_mach_o, hint=_LINUX),
    Sort(kind=_FOREIGN, called="a PE file, for Windows", tell=_starts(b"MZ"), hint=_LINUX),
    Sort(kind=_FOREIGN, called="a package of rpm", tell=_starts(b"\xed\xab\xee\xdb"), hint=_UNPACKED),
    Sort(
        kind=_FOREIGN,
        called="a package of Debian",
        tell=_starts(b"!<arch>\ndebian-binary"),
        hint="unpack it (`dpkg-deb -x {target} DIR`), then run `wheelfix scan DIR`",
    ),
    Sort(
        kind=_FOREIGN,
        called="a static library",
        tell=_starts(b"!<arch>\n"),
        hint="nothing loads it: name the wheel, or a shared library",
    ),
    Sort(
        kind=_FOREIGN,
        called="a package of conda",
        tell=_ends(".conda"),
        hint="create an environment with it, then run `wheelfix scan PREFIX`",
    ),
    Sort(
        kind=_FOREIGN,
        called="an egg",
        tell=_ends(".egg"),
        hint="make a wheel of it (`wheel convert {target}`), then run `wheelfix scan` on that",
    ),
    Sort(kind=TargetKind.WHEEL, called="a wheel", tell=_is_wheel, command="scan"),
    Sort(
        kind=TargetKind.SDIST,
        called="a source distribution",
        tell=_is_sdist,
        command="sdist",
        fits=_has_crate,
        hint=_BUILT,
    ),
    Sort(
        kind=_FOREIGN,
        called="an archive that is neither a wheel nor a source distribution",
        tell=_is_archive,
        hint=_UNPACKED,
    ),
    # Files, by name
    Sort(
        kind=_FOREIGN,
        called="a lock of pipenv",
        tell=_named("pipfile.lock", "pipfile"),
        hint=f"export it (`pipenv requirements --hash > requirements.txt`), {_LOCKED}",
    ),
    Sort(
        kind=_FOREIGN,
        called="a lock of pdm",
        tell=_named("pdm.lock"),
        hint=f"export it (`pdm export -o requirements.txt`), {_LOCKED}",
    ),
    Sort(
        kind=_FOREIGN,
        called="a lock of pixi",
        tell=_named("pixi.lock"),
        hint="install it, then run `wheelfix scan .pixi/envs/default`",
    ),
    Sort(
        kind=_FOREIGN,
        called="an environment of conda, not made yet",
        tell=_named("environment.yml", "environment.yaml", "conda-lock.yml"),
        hint="create it, then run `wheelfix scan PREFIX`",
    ),
    Sort(
        kind=_FOREIGN,
        called="a lock of cargo",
        tell=_named("cargo.lock", "cargo.toml"),
        hint="run `wheelfix sdist {place}`",
    ),
    Sort(
        kind=_FOREIGN,
        called="the metadata of a project",
        tell=_named("pyproject.toml", "setup.py", "setup.cfg", "pkg-info"),
        hint="lock the project (`uv lock`), then run `wheelfix lock uv.lock`",
        hints={"sdist": "run `wheelfix sdist {place}`"},
    ),
    Sort(
        kind=_FOREIGN,
        called="Nix code",
        tell=_ends(".nix"),
        hint="run `wheelfix override --check {target} TARGET`",
    ),
    Sort(kind=TargetKind.LOCK, called="a lock", tell=_is_lock, command="lock"),
    Sort(
        kind=TargetKind.REQUIREMENTS,
        called="a requirements file without hashes",
        tell=_is_list,
        command="scan",
        hints={
            "lock": "write hashes (`uv pip compile --generate-hashes {target} -o locked.txt`), "
            "or run `wheelfix override {target}`",
            "adapter": "run `wheelfix override {target}`",
        },
    ),
    Sort(
        kind=_FOREIGN,
        called="no lock that wheelfix reads",
        tell=_ends(*_TABLES),
        hint="give uv.lock, pylock.toml, poetry.lock or a requirements.txt with hashes",
    ),
    Sort(
        kind=_FOREIGN,
        called="a file of no kind that wheelfix knows",
        tell=lambda look: b"\0" in look.head,
        hint="name a wheel, a directory, a lock or a requirement",
    ),
    Sort(kind=TargetKind.TEXT, called="a text", tell=_is_text, command="explain"),
    # Directories
    Sort(
        kind=_FOREIGN,
        called="an empty directory",
        tell=lambda look: look.names is not None and not look.names,
        hint="check the path",
    ),
    Sort(
        kind=TargetKind.WHEELS,
        called="a directory of wheels",
        tell=_is_shelf,
        command="scan",
        hints={
            "patch": "patch them one by one",
            "adapter": "name one of them: an adapter is for one package",
        },
    ),
    Sort(kind=TargetKind.ENVIRONMENT, called="an environment", tell=_is_environment, command="scan"),
    Sort(
        kind=TargetKind.SDIST,
        called="a project's directory",
        tell=_is_project,
        command="sdist",
        fits=_has_crate,
        hint=_BUILT_HERE,
    ),
    Sort(kind=TargetKind.ENVIRONMENT, called="a directory", tell=_is_tree, command="scan"),
)
"""The first that fits is what a target is, unless a command can do it as another one that fits, too."""
