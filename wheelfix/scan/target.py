"""Decides once what kind of thing a target is.

Every kind of target is declared in :data:`KINDS`: its name in messages, how it is recognised, and the command
for it. :data:`TAKES` says which kinds a command accepts. A command that is given another kind names the
command that accepts it. A path on disk takes precedence over a name that would be fetched.

A kind is recognised by content where possible, else by name. Only regular files are opened, and only their
first bytes are read where these decide.
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
from wheelfix.model.lock_formats import LOCK_FORMATS
from wheelfix.wheel.environment import find_site, find_wheels
from wheelfix.wheel.input import find_kind, open_input, suggest_path
from wheelfix.wheel.metadata import parse_sdist_name, parse_wanted

_HEAD = 4 << 10
_GZIP = b"\x1f\x8b"
_LOCKS = re.compile("|".join(f"(?:{one.names})" for one in LOCK_FORMATS))
_LISTS = (".txt", ".in")
_YAML = (".yml", ".yaml")
_KEYED = (".lock", ".toml", *_YAML)
_TABLES = (*_KEYED, ".json")
_PROJECT = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO", "Cargo.toml"})
_ENVIRONMENTS = (".venv", "venv")
_NO_PATH = "check the path; a requirement is written NAME, NAME==VERSION or NAME[EXTRA]"
_HASH = re.compile(r"--hash[= ]\w+:")


class TargetKind(StrEnum):
    """The kinds of target between which commands distinguish."""

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
    CONDA = "conda"
    CONDA_URL = "conda-url"
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
        TargetKind.CONDA,
        TargetKind.CONDA_URL,
    }
)
TAKES: Mapping[str, frozenset[TargetKind]] = {
    "scan": _READ | {TargetKind.LOCK},
    "report": _READ | {TargetKind.LOCK},
    "override": _READ,
    "override --check": _READ | {TargetKind.LOCK},
    "adapter": frozenset({TargetKind.WHEEL, TargetKind.REQUIREMENT, TargetKind.URL}),
    "patch": frozenset({TargetKind.WHEEL, TargetKind.ENVIRONMENT}),
    "try": frozenset({TargetKind.ENVIRONMENT}),
    "sdist": frozenset({TargetKind.SDIST, TargetKind.REQUIREMENT, TargetKind.SDIST_URL}),
    "lock": frozenset({TargetKind.LOCK}),
    "explain": frozenset({TargetKind.TEXT}),
    "--with": frozenset(
        {TargetKind.WHEEL, TargetKind.WHEELS, TargetKind.ENVIRONMENT, TargetKind.CONDA, TargetKind.CONDA_URL}
    ),
}
"""The kinds of target that a command, or an option, accepts."""

_WRITING = frozenset({"adapter", "lock"})
_WRITABLE = _READ - {TargetKind.ELF}
"""Kinds that ``override`` accepts on behalf of other commands that write Nix code."""


class Target(Struct):
    """What a user named.

    Attributes:
        text: as the user wrote it.
        kind: what it is.
        path: for a target on disk; None for one that is fetched.
    """

    text: str
    kind: TargetKind
    path: Path | None = None


class TargetProperties(Struct):
    """The properties by which a kind is recognised.

    Attributes:
        text: as the user wrote it.
        path: on disk; None if there is nothing of that name.
        names: names of the entries of a directory; None for anything else.
        head: the first bytes of a file.
    """

    text: str
    path: Path | None = None
    names: frozenset[str] | None = None
    head: bytes = b""

    @property
    def name(self) -> str:
        """File name in lower case; empty if it is not a file."""
        return self.path.name.lower() if self.path and self.names is None else ""


class TargetRule(Struct):
    """One kind of target, or another kind of file that people name as one.

    Attributes:
        kind: its kind for commands.
        called: its name with an article, for messages.
        tell: recognises it.
        command: the command for it; empty if there is none.
        fits: whether that command accepts this one.
        hint: what to do instead, with ``{target}`` for the target and ``{place}`` for its directory, both
            quoted for a shell; used if there is no command for it.
        hints: hints for single commands, which take precedence.
    """

    kind: TargetKind
    called: str
    tell: Callable[[TargetProperties], bool]
    command: str = ""
    fits: Callable[[TargetProperties], bool] = lambda _: True
    hint: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)


def find_target(text: str, command: str) -> Target:
    """Decide what a target is, for a command that has to accept it.

    Args:
        text: a path, a requirement, or an address.
        command: a key of :data:`TAKES`.

    Raises:
        InputError: it does not exist, cannot be opened, or the command does not accept it: the hint is then
            the command that does.
    """
    look = look_at(text)
    # Accepted kinds first: `explain` must not search a long log for hashes before reading it.
    for sort in KINDS:
        if sort.kind in TAKES[command] and sort.tell(look):
            return Target(text=text, kind=sort.kind, path=look.path)
    best = next((sort for sort in KINDS if sort.tell(look)), None)
    is_path = not look.path and ("." in text or "/" in text)
    near = suggest_path(text, otherwise="") if is_path else ""
    # A file's name may be a requirement's, which a command for files does not mean.
    is_bare = is_path and best is not None and best.kind is TargetKind.REQUIREMENT and _is_bare(text)
    if best is None or near or (is_bare and TargetKind.REQUIREMENT not in TAKES[command]):
        raise InputError(text, "no such file or directory", near or _NO_PATH)
    taker = command if command.startswith("--") else f"wheelfix {command}"
    problem = f"is {best.called}, which `{taker}` does not take"
    raise InputError(text, problem, _find_hint(best, look, command))


def _is_bare(text: str) -> bool:
    """Whether a requirement is a name alone, without versions, extras or an address."""
    return not re.search(r"[=<>~!\[@;\s]", text)


def find_targets(
    texts: Iterable[str], command: str, *, on_error: Callable[[WheelfixError], object] | None = None
) -> Iterator[Target]:
    """Decide what targets are, one by one on request.

    Args:
        texts: as for :func:`find_target`.
        command: as for :func:`find_target`.
        on_error: called with a target's error, after which the target is skipped; None raises it.

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
    # Control characters, and bytes that are not text, are written as a shell's $'…' takes them.
    plain = {byte: chr(byte) for byte in range(0x20, 0x7F) if chr(byte) not in "'\\"}
    return "$'" + "".join(plain.get(byte, f"\\x{byte:02x}") for byte in os.fsencode(named)) + "'"


def look_at(text: str) -> TargetProperties:
    """Examine what a user named, without waiting for a pipe and without following a broken link.

    Raises:
        InputError: it exists and cannot be read, or is neither a file nor a directory.
    """
    path = Path(text)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a Path hides some errors
    except (OSError, ValueError) as error:
        if os.path.islink(path):  # noqa: PTH114 - a Path's own raises where a name is too long
            raise InputError(text, "is a link that leads nowhere", "check where it leads") from None
        if _is_fetched(text):
            return TargetProperties(text=text)
        raise InputError(text, describe(error), suggest_path(text, otherwise=_NO_PATH)) from None
    if stat.S_ISDIR(mode):
        try:
            return TargetProperties(text=text, path=path, names=frozenset(os.listdir(path)))  # noqa: PTH208
        except OSError as error:
            problem = f"cannot be read ({describe(error)})"
            raise InputError(text, problem, "check its permissions") from None
    if not stat.S_ISREG(mode):
        raise InputError(text, f"is {find_kind(mode)}, no file", "give a file or a directory")
    with open_input(path, hint="check its permissions") as file:
        try:
            return TargetProperties(text=text, path=path, head=file.read(_HEAD))
        except OSError as error:
            problem = f"cannot be read ({describe(error)})"
            raise InputError(text, problem, "check the disk") from None


def _find_hint(best: TargetRule, look: TargetProperties, command: str) -> str:
    """Return what to do instead: a complete command if there is one."""
    target = quote_target(look.text)
    inside = _find_inside(look, command)
    if command in best.hints or not (inside or (best.command and best.fits(look))):
        place = quote_target(os.path.dirname(look.text) or ".")  # noqa: PTH120 - of what was written
        return best.hints.get(command, best.hint).format(target=target, place=place)
    other = "override" if command in _WRITING and best.kind in _WRITABLE else best.command
    if inside is None:
        return f"run `wheelfix {other} {target}`"
    written, kind, path = inside
    overlay = f", or `wheelfix lock {path}` for the overlay" if _tells_overlay(kind, command) else ""
    return f"run `wheelfix {written} {path}`{overlay}"


def _tells_overlay(kind: TargetKind, command: str) -> bool:
    """Whether a lock is read by a command that writes no code of it."""
    return kind is TargetKind.LOCK and command in {"scan", "report"}


def _find_inside(look: TargetProperties, command: str) -> tuple[str, TargetKind, str] | None:
    """Find a lock or environment in a directory, if these make it one or the other.

    Returns:
        The command for it, its kind, and its path, quoted for a shell.
    """
    names = look.names or frozenset()
    written = f"{command} FILE" if command == "override --check" else command
    inside = [(TargetKind.ENVIRONMENT, name) for name in _ENVIRONMENTS if name in names]
    inside += [(TargetKind.LOCK, name) for name in sorted(names) if _LOCKS.fullmatch(name)]
    paths = [(kind, quote_target(os.path.join(look.text, name))) for kind, name in inside]  # noqa: PTH118
    for kind, path in paths:
        if kind in TAKES[command]:
            return written, kind, path
    locks = [path for kind, path in paths if kind is TargetKind.LOCK]
    return ("lock", TargetKind.LOCK, locks[0]) if locks and _is_project(look) else None


# How each kind is recognised


def _is_fetched(text: str) -> bool:
    from wheelfix.outside.requirements import is_url, looks_like_requirement

    return is_url(text) or _is_package_address(text) or looks_like_requirement(text)


def _is_package_address(text: str) -> bool:
    """Whether it is the address of a package of conda, by the name that the file will have."""
    from urllib.parse import unquote, urlsplit

    if not re.match(r"(?:https?|file)://", text, re.IGNORECASE):
        return False
    from wheelfix.wheel.conda_names import parse_conda_filename

    try:
        path = urlsplit(text).path
    except ValueError:
        return False  # not an address; the fetcher reports it
    return parse_conda_filename(unquote(path).rpartition("/")[2]) is not None


def _is_conda_url(look: TargetProperties) -> bool:
    return not look.path and _is_package_address(look.text)


def _find_url(look: TargetProperties) -> str | None:
    """Return the address that a target is, or that a requirement leads to."""
    if look.path:
        return None
    from wheelfix.outside.requirements import is_url

    if is_url(look.text):
        return look.text
    wanted = parse_wanted(look.text)
    return wanted.url if wanted else None


def _is_repository(look: TargetProperties) -> bool:
    return re.match(r"(git|hg|svn|bzr)\+", _find_url(look) or "", re.IGNORECASE) is not None


def _is_sdist_url(look: TargetProperties) -> bool:
    """Whether the file will be named like a source distribution when it is fetched."""
    from urllib.parse import unquote, urlsplit

    try:
        path = urlsplit(_find_url(look) or "").path
    except ValueError:
        return False  # not an address; the fetcher reports it
    return parse_sdist_name(unquote(path).rpartition("/")[2]) is not None


def _is_wheel_url(look: TargetProperties) -> bool:
    others = (_is_repository, _is_sdist_url, _is_conda_url)
    return bool(_find_url(look)) and not any(is_other(look) for is_other in others)


def _starts(*magic: bytes) -> Callable[[TargetProperties], bool]:
    return lambda look: look.head.startswith(magic)


def _ends(*suffixes: str) -> Callable[[TargetProperties], bool]:
    return lambda look: look.name.endswith(suffixes)


def _named(*names: str) -> Callable[[TargetProperties], bool]:
    """Make a test of file names; a lock of a format that is read is never one of them."""
    return lambda look: look.name in names and not _LOCKS.fullmatch(look.name)


def _is_mach_o(look: TargetProperties) -> bool:
    # A fat file has the number of its architectures where a Java class has its version, 45 or more.
    fat = look.head.startswith(b"\xca\xfe\xba\xbe") and int.from_bytes(look.head[4:8], "big") < 45
    thin = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
    return fat or look.head.startswith(thin)


def _is_wheel(look: TargetProperties) -> bool:
    if look.name.endswith(".whl"):
        return True
    return any(re.fullmatch(r"[^/]+\.dist-info/METADATA", path) for path in _list_members(look))


def _is_sdist(look: TargetProperties) -> bool:
    """Whether it has one top directory with a project in it: PyPI has old sdists in .zip format."""
    if look.head.startswith(_GZIP) and look.path:
        try:
            return not _PROJECT.isdisjoint(_list_packed(look.path))
        except InputError:
            # Hostile or damaged: the reader has the better message, if it is named like an sdist.
            return parse_sdist_name(look.path.name) is not None
    paths = _list_members(look)
    tops = {path.partition("/")[0] for path in paths}
    return len(tops) == 1 and any(path.partition("/")[2] in _PROJECT for path in paths)


def _has_crate(look: TargetProperties) -> bool:
    """Whether it has a Cargo.toml: anywhere in an archive, or in a usual place in a directory."""
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
    """List the build files of a packed source distribution, below its top directory.

    Raises:
        InputError: it is damaged or hostile.
    """
    from wheelfix.wheel.sdist import read_sdist

    return frozenset(read_sdist(path).files)


def _list_members(look: TargetProperties) -> frozenset[str]:
    """List the members of a zip archive; empty for any other file, or a damaged or hostile one."""
    if not look.head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or not look.path:
        return frozenset()
    from wheelfix.wheel.archive import open_archive

    try:
        with open_archive(look.path) as archive:
            return frozenset(member.path for member in archive.members)
    except InputError:
        return frozenset()


def _is_lock(look: TargetProperties) -> bool:
    if _LOCKS.fullmatch(look.name):
        return True
    if look.name.endswith(_LISTS):
        return _HASH.search(_read_text(look)) is not None
    return _has_format(look)


def _has_format(look: TargetProperties) -> bool:
    """Whether a table of another name has the keys of a lock."""
    if not look.name.endswith(_KEYED) or not look.path:
        return False
    from wheelfix.lockfile.read import find_lock_kind, find_yaml_kind, parse_document, read_text

    try:
        text = read_text(look.path)
        if look.name.endswith(_YAML):
            return find_yaml_kind(look.path.name, text) is not None
        document = parse_document(look.path.name, text)
    except InputError:
        return False
    kind = find_lock_kind(document)
    return any(one.kind is kind and document.keys() >= one.keys for one in LOCK_FORMATS)


def _is_list(look: TargetProperties) -> bool:
    """Whether it lists requirements without hashes, by its name or because each line is one."""
    if not look.name.endswith(_LISTS) or _HASH.search(text := _read_text(look)):
        return False
    if look.name.endswith(".in") or re.match(r"(.*[-_.])?(requirements|constraints)\b", look.name):
        return True
    joined = text.removeprefix("\ufeff").replace("\\\n", " ")
    lines = [re.sub(r"(?:^|\s)#.*$", "", line).strip() for line in joined.splitlines()]
    wanted = [line for line in lines if line]
    return bool(wanted) and all(line.startswith("-") or parse_wanted(line) for line in wanted)


def _read_text(look: TargetProperties) -> str:
    from wheelfix.lockfile.read import read_text

    try:
        return read_text(look.path) if look.path else ""
    except InputError:
        return ""


def _is_text(look: TargetProperties) -> bool:
    """Whether it may be a message: any text, terminal escapes included."""
    binary = _starts(b"\x7fELF", b"MZ")(look) or _is_mach_o(look) or _is_archive(look)
    return bool(look.name) and not binary


def _is_wheel_directory(look: TargetProperties) -> bool:
    """Whether it is a directory of wheels; unpacked wheels and site-packages may contain wheels too."""
    names = look.names or frozenset()
    if not look.path or any(name.endswith(".dist-info") for name in names):
        return False
    return any(name.endswith(".whl") for name in names) and bool(find_wheels(look.path))


def _is_conda(look: TargetProperties) -> bool:
    if look.name.endswith(".conda"):
        return True
    if look.head.startswith(b"BZh") and look.path:
        from wheelfix.wheel.conda import is_old_package

        return is_old_package(look.path)
    return any(re.fullmatch(r"pkg-[^/]+\.tar\.zst", path) for path in _list_members(look))


def _is_package_directory(look: TargetProperties) -> bool:
    """Whether it is a directory of packages of conda, as a channel and conda's cache have them."""
    if not look.path or not look.names or "conda-meta" in look.names:
        return False
    from wheelfix.wheel.conda_names import find_packages

    return bool(find_packages(look.path))


def _is_environment(look: TargetProperties) -> bool:
    if look.names is None or not look.path:
        return False
    if not look.names.isdisjoint({"pyvenv.cfg", "conda-meta"}):
        return True
    if any(name.endswith(".dist-info") for name in look.names):
        return True
    try:
        root, site = find_site(look.path)
    except InputError:
        return True  # several site-packages, or one that leaves it: its reader reports that
    return root != site


def _is_project(look: TargetProperties) -> bool:
    names = look.names or frozenset()
    return not names.isdisjoint(_PROJECT) or any(map(_LOCKS.fullmatch, names))


def _is_tree(look: TargetProperties) -> bool:
    """Any other directory, for its ELF files; in a project these are the ones built in place."""
    if not look.names or not look.path or _is_wheel_directory(look) or _is_package_directory(look):
        return False
    if not _is_project(look):
        return True
    inside = {name for name in look.names if name in _ENVIRONMENTS or _LOCKS.fullmatch(name)}
    if inside and not look.names.isdisjoint(_PROJECT):
        return False
    from wheelfix.elf.reader import ELF_MAGIC
    from wheelfix.wheel.tree import walk_tree

    top = os.path.realpath(look.path)
    return bool(walk_tree(top, root=top, magic=ELF_MAGIC).elf_files)


def _is_archive(look: TargetProperties) -> bool:
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

_BUILT = "build a wheel of it (`pip wheel --no-deps {target}`), then run `wheelfix scan` on that"
# Without the slash, pip takes a directory's name for a requirement.
_BUILT_HERE = _BUILT.replace("{target}", "{target}/")

_CONDA_HINTS = {
    "adapter": "run `wheelfix override --dialect shell {target}`",
    "lock": "lock the environment that has it (`pixi lock`), then run `wheelfix lock pixi.lock`",
    "patch": "create an environment with it, then run `wheelfix patch PREFIX`",
}

KINDS: tuple[TargetRule, ...] = (
    TargetRule(
        kind=_FOREIGN,
        called="an address of a repository",
        tell=_is_repository,
        hint=_BUILT,
        hints={"sdist": "clone it, then run `wheelfix sdist DIR` on the directory"},
    ),
    TargetRule(
        kind=TargetKind.SDIST_URL,
        called="the address of a source distribution",
        tell=_is_sdist_url,
        hint=f"{_BUILT}; what it needs to build Rust, `wheelfix sdist {{target}}` tells",
    ),
    TargetRule(
        kind=TargetKind.CONDA_URL,
        called="the address of a package of conda",
        tell=_is_conda_url,
        command="scan",
        hints=_CONDA_HINTS,
    ),
    TargetRule(
        kind=TargetKind.URL,
        called="the address of a wheel",
        tell=_is_wheel_url,
        command="scan",
    ),
    TargetRule(
        kind=TargetKind.REQUIREMENT,
        called="a requirement",
        tell=lambda look: not look.path and not _find_url(look) and not _is_conda_url(look),
        command="scan",
        hints={"lock": "lock it first (`uv lock`), or run `wheelfix override {target}`"},
    ),
    # Files, by content
    TargetRule(
        kind=_FOREIGN,
        called="an empty file",
        tell=lambda look: bool(look.name) and not look.head,
        hint="fetch it again, or check the path",
    ),
    TargetRule(kind=TargetKind.ELF, called="an ELF file", tell=_starts(b"\x7fELF"), command="scan"),
    TargetRule(kind=_FOREIGN, called="a Mach-O file, for macOS", tell=_is_mach_o, hint=_LINUX),
    TargetRule(kind=_FOREIGN, called="a PE file, for Windows", tell=_starts(b"MZ"), hint=_LINUX),
    TargetRule(kind=_FOREIGN, called="a package of rpm", tell=_starts(b"\xed\xab\xee\xdb"), hint=_UNPACKED),
    TargetRule(
        kind=_FOREIGN,
        called="a package of Debian",
        tell=_starts(b"!<arch>\ndebian-binary"),
        hint="unpack it (`dpkg-deb -x {target} DIR`), then run `wheelfix scan DIR`",
    ),
    TargetRule(
        kind=_FOREIGN,
        called="a static library",
        tell=_starts(b"!<arch>\n"),
        hint="nothing loads it: name the wheel, or a shared library",
    ),
    TargetRule(
        kind=TargetKind.CONDA,
        called="a package of conda",
        tell=_is_conda,
        command="scan",
        hints=_CONDA_HINTS,
    ),
    TargetRule(
        kind=_FOREIGN,
        called="an egg",
        tell=_ends(".egg"),
        hint="make a wheel of it (`wheel convert {target}`), then run `wheelfix scan` on that",
    ),
    TargetRule(kind=TargetKind.WHEEL, called="a wheel", tell=_is_wheel, command="scan"),
    TargetRule(
        kind=TargetKind.SDIST,
        called="a source distribution",
        tell=_is_sdist,
        command="sdist",
        fits=_has_crate,
        hint=_BUILT,
    ),
    TargetRule(
        kind=_FOREIGN,
        called="an archive that is neither a wheel nor a source distribution",
        tell=_is_archive,
        hint=_UNPACKED,
    ),
    # Files, by name
    TargetRule(
        kind=_FOREIGN,
        called="a project of pipenv, not locked yet",
        tell=_named("pipfile"),
        hint="lock it (`pipenv lock`), then run `wheelfix lock Pipfile.lock`",
    ),
    TargetRule(
        kind=_FOREIGN,
        called="an environment of conda, not solved yet",
        tell=_named("environment.yml", "environment.yaml"),
        hint="solve it (`wheelfix env DIR --from {target}`), or lock it (`conda-lock -f {target}`)",
    ),
    TargetRule(
        kind=_FOREIGN,
        called="a project of pixi, not solved yet",
        tell=_named("pixi.toml"),
        hint="solve it (`wheelfix env DIR --from {target}`), or lock it (`pixi lock`)",
    ),
    TargetRule(
        kind=_FOREIGN,
        called="a lock of cargo",
        tell=_named("cargo.lock", "cargo.toml"),
        hint="run `wheelfix sdist {place}`",
    ),
    TargetRule(
        kind=_FOREIGN,
        called="the metadata of a project",
        tell=_named("pyproject.toml", "setup.py", "setup.cfg", "pkg-info"),
        hint="lock the project (`uv lock`), then run `wheelfix lock uv.lock`",
        hints={"sdist": "run `wheelfix sdist {place}`"},
    ),
    TargetRule(
        kind=_FOREIGN,
        called="Nix code",
        tell=_ends(".nix"),
        hint="run `wheelfix override --check {target} TARGET`",
    ),
    TargetRule(kind=TargetKind.LOCK, called="a lock", tell=_is_lock, command="lock"),
    TargetRule(
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
    TargetRule(
        kind=_FOREIGN,
        called="no lock that wheelfix reads",
        tell=_ends(*_TABLES),
        hint="give uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, pixi.lock, conda-lock.yml or "
        "a requirements.txt with hashes",
    ),
    TargetRule(
        kind=_FOREIGN,
        called="a file of no kind that wheelfix knows",
        tell=lambda look: b"\0" in look.head,
        hint="name a wheel, a directory, a lock or a requirement",
    ),
    TargetRule(kind=TargetKind.TEXT, called="a text", tell=_is_text, command="explain"),
    # Directories
    TargetRule(
        kind=_FOREIGN,
        called="an empty directory",
        tell=lambda look: look.names is not None and not look.names,
        hint="check the path",
    ),
    TargetRule(
        kind=TargetKind.WHEELS,
        called="a directory of wheels",
        tell=_is_wheel_directory,
        command="scan",
        hints={
            "patch": "patch them one by one",
            "adapter": "name one of them: an adapter is for one package",
        },
    ),
    TargetRule(
        kind=TargetKind.CONDA,
        called="a directory of packages of conda",
        tell=_is_package_directory,
        command="scan",
        hints=_CONDA_HINTS,
    ),
    TargetRule(kind=TargetKind.ENVIRONMENT, called="an environment", tell=_is_environment, command="scan"),
    TargetRule(
        kind=TargetKind.SDIST,
        called="a project's directory",
        tell=_is_project,
        command="sdist",
        fits=_has_crate,
        hint=_BUILT_HERE,
    ),
    TargetRule(kind=TargetKind.ENVIRONMENT, called="a directory", tell=_is_tree, command="scan"),
)
"""The first kind that fits is chosen, unless a command accepts a later one that fits too."""
