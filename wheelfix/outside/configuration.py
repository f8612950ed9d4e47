"""Reads which package indexes to ask, from the configuration of pip and uv.

Strongest first: what the command names; pip's variables (``PIP_INDEX_URL``) and files (``pip.conf``); uv's
variables (``UV_DEFAULT_INDEX``, ``UV_INDEX``), ``[tool.uv]`` of the project, ``uv.toml``; else the library's
default. pip takes the best file of all its indexes, uv the first index that has the project; the tool whose
configuration is used decides which. Documented at pip's "Configuration" and uv's "Package indexes" pages.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from wheelfix.errors import InputError, describe, strip_login
from wheelfix.model.base import Misfit, Struct, convert, decode_toml, replace

T = TypeVar("T")

_MAX = 1 << 20
_HINT = "correct it: the package indexes are looked up in it"
_NAMED = re.compile(r"^[\w.-]+=(?=\w+://)")


class _UvIndex(Struct):
    """One ``[[index]]`` of uv."""

    url: str
    name: str | None = None
    default: bool = False
    explicit: bool = False


class _Uv(Struct, rename="kebab"):
    """``uv.toml``, or ``[tool.uv]``: the settings for where distributions come from."""

    index: tuple[_UvIndex, ...] = ()
    index_url: str | None = None
    extra_index_url: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    allow_insecure_host: tuple[str, ...] = ()
    no_index: bool = False


class _Tool(Struct):
    """``[tool]``."""

    uv: _Uv | None = None


class _Project(Struct):
    """A pyproject.toml."""

    tool: _Tool = _Tool()


class PackageSources(Struct):
    """Where distributions are fetched from.

    Attributes:
        index: URL of the package index; None takes the default one.
        extra: URLs of further indexes, in order.
        no_index: whether no index is asked, not even the default one.
        first_match: whether the first index that has a project is used, extra ones first, as in uv; else the
            best file of all of them, as in pip.
        find_links: further directories, files, and URLs of pages that list files.
        trusted_hosts: hosts that are accepted without https, or without a verifiable certificate.
        certificates: file or directory of certificates, or None for the usual ones.
        client_certificate: file with the client's certificate, or None.
        proxy: URL, or None for the environment's.
    """

    index: str | None = None
    extra: tuple[str, ...] = ()
    no_index: bool = False
    first_match: bool = False
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    certificates: str | None = None
    client_certificate: str | None = None
    proxy: str | None = None


def find_package_sources(
    index: str | None = None,
    find_links: Sequence[Path | str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    machine: Path = Path("/etc"),
) -> PackageSources:
    """Find out where distributions are fetched from.

    Args:
        index: URL that the user names; configured ones are then ignored.
        find_links: further directories or URLs that the user names.
        environment: variables; None takes those of this process.
        directory: of the project, whose uv configuration is read; None takes the working directory.
        machine: directory of the machine's own configuration.

    Raises:
        InputError: a configuration file cannot be read, or an index is not a URL.
    """
    variables = os.environ if environment is None else environment
    pip = _read_pip(variables, machine)
    sources = _take_pip(pip)
    if sources.index is None and not sources.no_index and not index:
        sources = _take_uv(sources, variables, directory or Path.cwd(), machine)
    if index:
        sources = replace(sources, index=_check_url("--index-url", index), extra=(), no_index=False)
    named = tuple(_place(str(link), "--find-links") for link in find_links)
    return replace(sources, find_links=tuple(dict.fromkeys((*named, *sources.find_links))))


def mark_sources(hashes: frozenset[str], sources: PackageSources) -> str:
    """Return a key that distinguishes choices made with other digests or from other sources."""
    where = (
        strip_login(sources.index or ""),
        *map(strip_login, sources.extra),
        *sources.find_links,
        str(sources.no_index),
        str(sources.first_match),
        *sorted(hashes),
    )
    return hashlib.sha256("\0".join(where).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _take_pip(settings: Mapping[str, str]) -> PackageSources:
    no_index = _is_true(settings.get("no-index", ""))
    index = settings.get("index-url") or settings.get("pypi-url")
    return PackageSources(
        index=_check_url("index-url", index) if index and not no_index else None,
        extra=()
        if no_index
        else tuple(_check_url("extra-index-url", u) for u in _split(settings, "extra-index-url")),
        no_index=no_index,
        find_links=tuple(_place(link, "find-links") for link in _split(settings, "find-links")),
        trusted_hosts=_split(settings, "trusted-host"),
        certificates=settings.get("cert") or None,
        client_certificate=settings.get("client-cert") or None,
        proxy=settings.get("proxy") or None,
    )


def _split(settings: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(settings.get(key, "").split()))


def _read_pip(variables: Mapping[str, str], machine: Path) -> dict[str, str]:
    """Read pip's settings for ``pip download``: from its files, the weakest first, and its variables."""
    found: dict[str, str] = {}
    for path in _list_pip_files(variables, machine):
        text = _read(path)
        if text is None:
            continue
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except configparser.Error as error:
            problem = f"is no configuration of pip ({str(error).splitlines()[0]})"
            raise InputError(str(path), problem, "correct it, or name another in PIP_CONFIG_FILE") from None
        for section in ("global", "download"):
            if parser.has_section(section):
                found |= {_normalize(key): value for key, value in parser.items(section)}
    for name, value in variables.items():
        if name.startswith("PIP_") and name not in {"PIP_CONFIG_FILE", "PIP_VERSION", "PIP_HELP"} and value:
            found[_normalize(name.removeprefix("PIP_"))] = value
    return found


def _normalize(key: str) -> str:
    return key.lower().replace("_", "-").removeprefix("--")


def _list_pip_files(variables: Mapping[str, str], machine: Path) -> Iterator[Path]:
    """Yield pip's configuration files, the weakest first; one named by a variable replaces the user's."""
    named = variables.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for directory in reversed(_list_shared(variables, machine)):
        yield directory / "pip" / "pip.conf"
    yield machine / "pip.conf"
    if not (named and Path(named).exists()) and (home := _find_home(variables)):
        yield home / ".pip" / "pip.conf"
        yield _find_config(variables, home) / "pip" / "pip.conf"
    yield Path(variables.get("VIRTUAL_ENV") or sys.prefix, "pip.conf")
    if named:
        yield Path(named)


def _list_shared(variables: Mapping[str, str], machine: Path) -> list[Path]:
    """List directories of configuration for all users, the strongest first."""
    named = variables.get("XDG_CONFIG_DIRS") or str(machine / "xdg")
    return [Path(directory) for directory in named.split(os.pathsep) if directory]


def _find_home(variables: Mapping[str, str]) -> Path | None:
    if home := variables.get("HOME"):
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        return None


def _find_config(variables: Mapping[str, str], home: Path) -> Path:
    return Path(variables.get("XDG_CONFIG_HOME") or home / ".config")


def _take_uv(
    sources: PackageSources, variables: Mapping[str, str], directory: Path, machine: Path
) -> PackageSources:
    """Apply uv's configuration, if pip's names no index."""
    tables = (
        []
        if _is_true(variables.get("UV_NO_CONFIG", ""))
        else list(_read_uv_tables(variables, directory, machine))
    )
    default, extra = _take_uv_variables(variables)
    links = [*re.split(r"[,\s]+", variables.get("UV_FIND_LINKS", "").strip())]
    hosts = variables.get("UV_INSECURE_HOST", "").split()
    no_index = _is_true(variables.get("UV_NO_INDEX", ""))
    for table, base in tables:
        for entry in table.index:
            url = _find_uv_url(entry, variables, base)
            if entry.default:
                default = default or url
            elif not entry.explicit:
                extra.append(url)
        default = default or table.index_url
        extra += table.extra_index_url
        links += [_resolve(link, base) for link in table.find_links]
        hosts += table.allow_insecure_host
        no_index = no_index or table.no_index
    if default is None and not extra and not no_index and not any(links):
        return sources
    return replace(
        sources,
        index=_check_url("uv's default index", default) if default and not no_index else None,
        extra=()
        if no_index
        else tuple(dict.fromkeys((*(_check_url("uv's index", u) for u in extra), *sources.extra))),
        no_index=no_index,
        first_match=variables.get("UV_INDEX_STRATEGY", "first-index") != "unsafe-best-match",
        find_links=tuple(
            dict.fromkeys((*sources.find_links, *(_place(x, "find-links") for x in links if x)))
        ),
        trusted_hosts=tuple(dict.fromkeys((*sources.trusted_hosts, *hosts))),
    )


def _take_uv_variables(variables: Mapping[str, str]) -> tuple[str | None, list[str]]:
    default = variables.get("UV_DEFAULT_INDEX") or variables.get("UV_INDEX_URL") or None
    named = f"{variables.get('UV_INDEX', '')} {variables.get('UV_EXTRA_INDEX_URL', '')}".split()
    return (
        _log_in(default, variables) if default else None,
        [_log_in(value, variables) for value in named],
    )


def _log_in(value: str, variables: Mapping[str, str]) -> str:
    """Add to a URL, or ``name=URL``, the password that variables have for the name."""
    match = _NAMED.match(value)
    url = value[match.end() :] if match else value
    return _add_password(url, match[0][:-1], variables) if match else url


def _add_password(url: str, name: str, variables: Mapping[str, str]) -> str:
    key = re.sub(r"[^A-Z0-9]", "_", name.upper())
    user = variables.get(f"UV_INDEX_{key}_USERNAME")
    password = variables.get(f"UV_INDEX_{key}_PASSWORD")
    if user is None and password is None:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # reported where it is used
    login = f"{quote(user or '', safe='')}:{quote(password or '', safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


def _find_uv_url(entry: _UvIndex, variables: Mapping[str, str], base: Path) -> str:
    url = _resolve(entry.url, base)
    return url if entry.name is None else _add_password(url, entry.name, variables)


def _read_uv_tables(
    variables: Mapping[str, str], directory: Path, machine: Path
) -> Iterator[tuple[_Uv, Path]]:
    """Yield uv's configuration, the strongest first, each with the directory that its paths start in."""
    if named := variables.get("UV_CONFIG_FILE"):
        yield _read_toml(Path(named), _Uv), Path(named).parent
        return
    for above in (directory.resolve(), *directory.resolve().parents):
        # uv.toml of a directory hides [tool.uv] of the pyproject.toml beside it; the nearest directory is
        # used.
        if (path := above / "uv.toml").is_file():
            yield _read_toml(path, _Uv), above
            break
        if (path := above / "pyproject.toml").is_file():
            table = _read_toml(path, _Project).tool.uv
            if table is not None:
                yield table, above
                break
    if home := _find_home(variables):
        path = _find_config(variables, home) / "uv" / "uv.toml"
        yield _read_toml(path, _Uv), path.parent
    for shared in [*_list_shared(variables, machine), machine]:
        if (path := shared / "uv" / "uv.toml").is_file():
            yield _read_toml(path, _Uv), path.parent
            break


def _read_toml(path: Path, kind: type[T]) -> T:
    try:
        return convert(decode_toml(_read(path) or ""), kind)
    except Misfit as misfit:
        raise misfit.tell(str(path), _HINT) from None


def _read(path: Path) -> str | None:
    """Return the text of a configuration file; None if there is none."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            data = file.read(_MAX + 1) or b""
        if len(data) > _MAX:
            raise InputError(str(path), f"is larger than {_MAX >> 20} MB", "this is no configuration file")
        return data.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise InputError(str(path), "is no text in UTF-8", _HINT) from None
    except OSError as error:
        problem = f"cannot be read ({describe(error)})"
        raise InputError(
            str(path), problem, "package indexes are looked up in it: make it readable"
        ) from None


def _check_url(setting: str, value: str) -> str:
    """Return an index's URL; a directory is allowed too.

    Raises:
        InputError: it is neither; the message leaves out a password.
    """
    try:
        parts = urlsplit(value)
        sound = parts.scheme == "file" and parts.netloc in {"", "localhost"}
        sound = sound or (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
        )
    except ValueError:
        sound = False
    if sound:
        return value
    if "://" not in value and Path(value).is_dir():
        return Path(value).resolve().as_uri()
    raise InputError(setting, "is no URL of a package index", "write it as https://HOST/PATH")


def _place(link: str, setting: str) -> str:
    """Return a URL unchanged, and a path as an absolute one."""
    if re.match(r"(?:https?|file)://", link):
        return link
    if "://" in link:
        raise InputError(setting, "names neither a directory nor a web page", "give a directory of files")
    try:
        return str(Path(link).expanduser().absolute())
    except RuntimeError:
        raise InputError(setting, f"{link!r} is in the home of nobody", "give a directory of files") from None


def _resolve(link: str, base: Path) -> str:
    return link if "://" in link else str(base / link)


def _is_true(value: str) -> bool:
    return value.strip().lower() in {"1", "true", "yes", "on", "y", "t"}
