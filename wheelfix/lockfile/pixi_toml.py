"""Reads pixi's manifest: ``pixi.toml``, or ``[tool.pixi]`` of a pyproject.toml.

What it means is on the page "Manifest" of pixi's reference. What is not read here is told, or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from packaging.requirements import Requirement

from wheelfix.errors import InputError, suggest
from wheelfix.lockfile.environment_yml import check_requirement, read_channels
from wheelfix.model.base import Misfit, decode_toml
from wheelfix.model.conda_project import CondaProject, PipSources, VirtualPackage
from wheelfix.model.scan import Finding, Level
from wheelfix.wheel.metadata import normalize_name

DEFAULT = "default"
"""The environment, and the feature, that every manifest has."""
_HINT = "correct it: pixi's reference lists its keys"
_SHOWN = 60
_FEATURE = {
    *("dependencies", "host-dependencies", "build-dependencies", "constraints", "pypi-dependencies"),
    *("platforms", "channels", "channel-priority", "solve-strategy", "target", "activation", "tasks"),
    *("pypi-options", "system-requirements", "dev"),
}
_MANIFEST = _FEATURE - {"platforms", "channels", "channel-priority", "solve-strategy"} | {
    *("workspace", "project", "package", "feature", "environments", "exclude-newer", "pypi-exclude-newer"),
    *("$schema", "schema"),
}
_WORKSPACE = {
    *("name", "version", "description", "authors", "channels", "channel-priority", "solve-strategy"),
    *("platforms", "license", "license-file", "readme", "homepage", "repository", "documentation"),
    *("conda-pypi-map", "pypi-options", "s3-options", "preview", "target", "build-variants-files"),
    *("build-variants", "requires-pixi", "exclude-newer", "dependencies"),
}
_IGNORED = {
    "exclude-newer": "has exclude-newer, which has no effect: newer packages are taken as well",
    "pypi-exclude-newer": "has pypi-exclude-newer, which has no effect: newer packages are taken as well",
    "s3-options": "has s3-options, which have no effect: rattler's own configuration counts",
    "conda-pypi-map": "has conda-pypi-map, which has no effect: names are told by the packages themselves",
    "dev": "has dev, source packages whose dependencies are left out",
    "package": "describes a package that pixi builds ([package]): it is left out",
    "tasks": "has tasks: they are pixi's, and no part of an environment",
}
"""Tables that change nothing here, and what is told of each."""
_SPEC = {
    "build": "build",
    "build-number": "build_number",
    "channel": "channel",
    "file-name": "fn",
    "license": "license",
    "md5": "md5",
    "sha256": "sha256",
    "subdir": "subdir",
    "url": "url",
    "version": "version",
}
"""Keys of a dependency, and of a match specification."""
_SOURCES = ("path", "git")
_UNREAD = ("extras", "flags", "when", "track-features", "license-family")
"""Keys of a dependency that newer channels know."""
_VIRTUAL = {
    "archspec": "__archspec",
    "cuda": "__cuda",
    "glibc": "__glibc",
    "libc": "__glibc",
    "linux": "__linux",
}
_FOREIGN = frozenset({"macos", "osx", "windows"})
_TOLD_OPTIONS = frozenset({"index-url", "extra-index-urls", "find-links"})


_TOKENS = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[^"\'#{}\[\]\n,]+|.''',
    re.DOTALL,
)
"""Strings, comments, and all else, of TOML."""


def decode_manifest(text: str) -> dict[str, Any]:
    """Decode TOML, also of version 1.1, in which pixi's users break the lines of their tables.

    Raises:
        Misfit: it is neither.
    """
    try:
        return decode_toml(text)
    except Misfit:
        joined = _join_tables(text.removeprefix("\ufeff").replace("\r\n", "\n"))
        if joined is None:
            raise
        try:
            return decode_toml(joined)
        except Misfit:
            pass  # the first message has the lines of the file
        raise


def _join_tables(text: str) -> str | None:
    """Put each table in braces on one line, without its last comma; None if there is none."""
    made, open_, changed = list[str](), list[str](), False
    for word in _TOKENS.findall(text):
        if word in {"{", "["}:
            open_.append(word)
        elif word in {"}", "]"} and open_:
            if open_.pop() == "{":
                last = next((n for n in range(len(made) - 1, -1, -1) if made[n].strip()), -1)
                if last >= 0 and made[last] == ",":
                    made[last], changed = "", True
        elif "{" in open_ and (word == "\n" or word.startswith("#")):
            changed = True
            made.append(" ")
            continue
        made.append(word)
    return "".join(made) if changed else None


def has_manifest(text: str) -> bool:
    """Whether a TOML file is a manifest of pixi, or has one; what is no TOML has none."""
    try:
        return find_manifest(decode_manifest(text)) is not None
    except Misfit:
        return False


def find_manifest(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return pixi's part of a pyproject.toml, or of a pixi.toml; None if there is none."""
    pixi = _mapping(_mapping(document.get("tool")).get("pixi"))
    manifest = pixi or document
    workspace = _mapping(manifest.get("workspace", manifest.get("project")))
    # The name alone may be that of a Python project.
    return manifest if "channels" in workspace or "platforms" in workspace else None


def parse_manifest(
    file: str,
    text: str,
    subdir: str,
    environment: str = DEFAULT,
    channels: Sequence[str] = (),
    *,
    locked: bool = False,
) -> CondaProject:
    """Read one environment of pixi's manifest, for one platform.

    Args:
        file: its name, for messages.
        text: its contents.
        subdir: the platform, as conda names it.
        environment: its name.
        channels: to take instead of its own.
        locked: whether nothing is solved, so that what wheelfix cannot solve is left out without a word.

    Raises:
        InputError: it is not TOML, a value has another form than pixi takes, it has no such environment, or
            is for other platforms.
    """
    try:
        document = decode_manifest(text)
        manifest = find_manifest(document)
        if manifest is None:
            raise Misfit("", "is no manifest of pixi: it has no [workspace]")
        project = document if manifest is not document else {}
        return _Reader(file, manifest, project, subdir, locked).read(environment, channels)
    except Misfit as misfit:
        raise misfit.tell(file, _HINT) from None
    except RecursionError:
        raise InputError(file, "is nested too deep", _HINT) from None


class _Reader:
    """A manifest that is read for one platform, and what is told of it."""

    def __init__(
        self,
        file: str,
        manifest: Mapping[str, Any],
        document: Mapping[str, Any],
        subdir: str,
        locked: bool,
    ) -> None:
        self._locked = locked
        self._file, self._manifest, self._subdir = file, manifest, subdir
        self._project = _table(document, "project")
        self._groups = _table(document, "dependency-groups")
        key = "workspace" if "workspace" in manifest else "project"
        self._workspace = _table(manifest, key)
        _check_keys(self._workspace, _WORKSPACE, key)
        _check_keys(manifest, _MANIFEST, "")
        self._platform = subdir
        self._told: list[Finding] = []

    def read(self, environment: str, channels: Sequence[str]) -> CondaProject:
        """Read one environment."""
        features, group = self._find_features(environment)
        declared = self._choose_platform(environment, features)
        self._tell_ignored(features)
        together = [
            one
            for name in self._list_environments()
            if group and name != environment
            for one in [self._find_features(name)]
            if one[1] == group
        ]
        specs = self._list_specs(features)
        conda = {_name_spec(spec) for spec in specs}
        beside = [others for others, _ in together]
        return CondaProject(
            file=self._file,
            name=_text(self._workspace, "name", "workspace") or str(self._project.get("name", "")),
            channels=read_channels(self._file, channels or self._list_channels(features), self._told),
            strict=self._is_strict(features),
            specs=specs,
            constraints=tuple(s for one in features for s in self._each_spec(one, "constraints")),
            beside=tuple(dict.fromkeys(s for others in beside for s in self._list_specs(others))),
            requirements=self._list_requirements(features, conda),
            requirements_beside=tuple(
                dict.fromkeys(r for others in beside for r in self._list_requirements(others, conda))
            ),
            declared=self._list_declared(features, declared),
            variables=self._list_variables(features),
            pip=self._find_sources(features),
            findings=tuple(dict.fromkeys(self._told)),
        )

    def _tell(self, message: str) -> None:
        self._told.append(Finding(level=Level.WARNING, subject=self._file, message=message))

    def _list_environments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((DEFAULT, *_table(self._manifest, "environments"))))

    def _find_features(self, environment: str) -> tuple[list[Mapping[str, Any]], str]:
        """Return the tables of an environment's features, strongest first, and its solve group."""
        known = self._list_environments()
        if environment not in known:
            hint = suggest(environment, known, otherwise=f"it has {', '.join(known)}")
            raise InputError(self._file, f"has no environment {environment[:_SHOWN]!r}", hint)
        place = f"environments.{environment}"
        value = _table(self._manifest, "environments").get(environment, [])
        table: Mapping[str, Any] = {"features": value} if isinstance(value, list) else value
        if not isinstance(table, dict):
            raise Misfit(place, "is neither a list nor a table")
        _check_keys(table, {"features", "solve-group", "no-default-feature", *_FEATURE}, place)
        features = [self._find_feature(name, place) for name in _texts(table, "features", place)]
        own = {key: below for key, below in table.items() if key in _FEATURE}
        found = [*([own] if own else []), *features]
        if table.get("no-default-feature") is not True:
            found.append(self._make_default())
        return found, _text(table, "solve-group", place)

    def _find_feature(self, name: str, place: str) -> Mapping[str, Any]:
        table = _table(self._manifest, "feature")
        extra = self._read_group(name, frozenset())
        if name not in table and extra is None:
            hint = suggest(name, table, otherwise="write its table, or leave it out")
            raise InputError(f"{self._file}: {place}", f"{name[:_SHOWN]!r} is no feature", hint)
        found = _table(table, name, "feature")
        _check_keys(found, _FEATURE, f"feature.{name}")
        return {**found, "project": extra or []}

    def _make_default(self) -> Mapping[str, Any]:
        found = {key: below for key, below in self._manifest.items() if key in _FEATURE}
        for key in ("channel-priority", "pypi-options"):
            if key not in found and key in self._workspace:
                found[key] = self._workspace[key]
        if self._project:
            found["project"] = _texts(self._project, "dependencies", "project")
            python = _text(self._project, "requires-python", "project")
            dependencies = _table(found, "dependencies")
            if python and "python" not in dependencies:
                found["dependencies"] = {"python": python.replace(" ", ""), **dependencies}
        return found

    def _read_group(self, name: str, seen: frozenset[str]) -> list[str] | None:
        """Return the requirements of an extra or a dependency group, which pixi takes as a feature."""
        extras = _table(self._project, "optional-dependencies", "project")
        if name in seen or (name not in extras and name not in self._groups):
            return None
        found: list[str] = []
        for one in [*_items(extras, name), *_items(self._groups, name)]:
            if isinstance(one, dict):
                found += self._read_group(str(one.get("include-group", "")), seen | {name}) or []
                continue
            own = re.match(r"\s*([\w.-]+)\s*\[([^\]]*)\]", str(one))
            if own and normalize_name(own[1]) == normalize_name(str(self._project.get("name", "-"))):
                for extra in own[2].split(","):
                    found += self._read_group(extra.strip(), seen | {name}) or []
            else:
                found.append(str(one))
        return found

    def _choose_platform(
        self, environment: str, features: Sequence[Mapping[str, Any]]
    ) -> tuple[VirtualPackage, ...]:
        """Choose the manifest's entry for the platform; it may say what machines have."""
        pinned = [_texts(one, "platforms", "feature") for one in features if "platforms" in one]
        entries = _items(self._workspace, "platforms")
        for number, entry in enumerate(entries):
            place = f"workspace.platforms[{number}]"
            table = {"platform": entry} if isinstance(entry, str) else entry
            if not isinstance(table, dict):
                raise Misfit(place, "is neither text nor a table")
            subdir = _text(table, "platform", place) or _text(table, "name", place)
            name = _text(table, "name", place) or subdir
            if subdir == self._subdir and all(name in names or subdir in names for names in pinned):
                self._platform = name
                declared = {k: v for k, v in table.items() if k not in {"platform", "name"}}
                return tuple(_each_virtual(declared, place))
        if not entries:  # pixi takes the platform it runs on
            return ()
        shown = ", ".join(
            entry if isinstance(entry, str) else str(_mapping(entry).get("platform", "?"))
            for entry in entries
        )
        problem = f"has no platform {self._subdir} in environment {environment}, but {shown or 'none'}"
        raise InputError(self._file, problem, "name another system with --platform, or add the platform")

    def _each_table(self, feature: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
        """Yield a table of a feature and those of its targets that are meant, weakest first."""
        yield _table(feature, key)
        targets = _table(feature, "target")
        order = ["unix", "linux", self._subdir]
        globs = [name for name in targets if "*" in name and fnmatchcase(self._platform, name)]
        for name in dict.fromkeys((*order, *globs, self._platform)):
            yield _table(_table(targets, name, "target"), key, f"target.{name}")

    def _merge(self, feature: Mapping[str, Any], key: str) -> dict[str, Any]:
        return {name: value for table in self._each_table(feature, key) for name, value in table.items()}

    def _list_specs(self, features: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        keys = ("dependencies", "host-dependencies", "build-dependencies")
        return tuple(
            dict.fromkeys(spec for one in features for key in keys for spec in self._each_spec(one, key))
        )

    def _each_spec(self, feature: Mapping[str, Any], key: str) -> Iterator[str]:
        pool = _table(self._workspace, "dependencies", "workspace")
        for name, value in self._merge(feature, key).items():
            place = f"{key}.{name}"
            if isinstance(value, dict) and value.get("workspace") is True:
                shared = pool.get(name)
                if shared is None:
                    raise Misfit(place, "is not in [workspace.dependencies]")
                own = {k: v for k, v in value.items() if k != "workspace"}
                value = {**(shared if isinstance(shared, dict) else {"version": shared}), **own}
            if not self._locked or _mapping(value).keys().isdisjoint((*_SOURCES, *_UNREAD)):
                yield _make_spec(place, name, value)

    def _list_requirements(
        self, features: Sequence[Mapping[str, Any]], conda: Iterable[str]
    ) -> tuple[str, ...]:
        """List the PyPI part; what is asked of conda itself takes precedence, as in pixi."""
        taken, found = {normalize_name(name) for name in conda}, []
        for one in features:
            found += [check_requirement(f"{self._file}: project", text) for text in one.get("project", ())]
            for name, value in self._merge(one, "pypi-dependencies").items():
                found += self._make_requirement(name, value)
        return tuple(
            dict.fromkeys(text for text in found if normalize_name(Requirement(text).name) not in taken)
        )

    def _make_requirement(self, name: str, value: Any) -> list[str]:
        place = f"pypi-dependencies.{name}"
        table = {"version": value} if isinstance(value, str) else value
        if not isinstance(table, dict):
            raise Misfit(place, "is neither text nor a table")
        known = {"version", "extras", "url", "env-markers", "index", "path", "editable", "git", *_GIT}
        _check_keys(table, known, place)
        if self._locked and not table.keys().isdisjoint(_SOURCES):
            return []
        if "path" in table:
            self._tell(f"has {name[:_SHOWN]} as a directory, which the environment leaves out")
            return []
        if "git" in table:
            problem = f"{name[:_SHOWN]} comes from a repository, not a file"
            raise InputError(
                f"{self._file}: {place}", problem, "build a wheel of it, and name that, or leave it out"
            )
        extras = ",".join(_texts(table, "extras", place))
        version, url = _text(table, "version", place), _text(table, "url", place)
        marker = _text(table, "env-markers", place)
        text = f"{name}{f'[{extras}]' if extras else ''}"
        text += f" @ {url}" if url else f" {version}" if version not in {"", "*"} else ""
        text += f" ; {marker}" if marker else ""
        return [check_requirement(f"{self._file}: {place}", text)]

    def _list_channels(self, features: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """List channels as pixi ranks them: by priority, then in the order of features."""
        ranked: dict[str, int] = {}
        for one in features:
            place = "feature.channels" if "channels" in one else "workspace.channels"
            for number, entry in enumerate(_items(one if "channels" in one else self._workspace, "channels")):
                table = {"channel": entry} if isinstance(entry, str) else entry
                if not isinstance(table, dict):
                    raise Misfit(f"{place}[{number}]", "is neither text nor a table")
                _check_keys(table, {"channel", "priority", "exclude-newer"}, f"{place}[{number}]")
                if "exclude-newer" in table:
                    self._tell(_IGNORED["exclude-newer"])
                priority = table.get("priority", 0)
                if not isinstance(priority, int):
                    raise Misfit(f"{place}[{number}].priority", "is not a whole number")
                ranked.setdefault(_text(table, "channel", f"{place}[{number}]"), priority)
        return tuple(sorted(ranked, key=lambda name: -ranked[name]))

    def _is_strict(self, features: Sequence[Mapping[str, Any]]) -> bool:
        said = {_text(one, "channel-priority", "feature") for one in features} - {""}
        if len(said) > 1:
            raise Misfit("channel-priority", "differs among the features of the environment")
        strategies = {_text(one, "solve-strategy", "feature") for one in (*features, self._workspace)}
        for strategy in sorted(strategies - {"", "highest"}):
            self._tell(
                f"has the solve-strategy {strategy[:_SHOWN]!r}, which has no effect: the newest are taken"
            )
        return "disabled" not in said

    def _list_declared(
        self, features: Sequence[Mapping[str, Any]], declared: Iterable[VirtualPackage]
    ) -> tuple[VirtualPackage, ...]:
        """List virtual packages; of several versions the highest, as all features hold together."""
        found = {one.name: one for one in declared}
        for feature in features:
            for one in _each_virtual(_table(feature, "system-requirements"), "system-requirements"):
                known = found.get(one.name)
                if known is None or _rank(known.version) < _rank(one.version):
                    found[one.name] = one
        return tuple(found[name] for name in sorted(found))

    def _list_variables(self, features: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for one in reversed(features):
            activation = self._merge(one, "activation")
            _check_keys(activation, {"scripts", "env"}, "activation")
            if _items(activation, "scripts"):
                self._tell("has activation scripts of its own, which are not run: source them in the shell")
            for name, value in _table(activation, "env", "activation").items():
                if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                    raise Misfit(f"activation.env.{name[:_SHOWN]}", "is no variable with a text")
                if "$" in value:
                    self._tell(f"sets {name} from other variables, which is not done")
                    continue
                found[name] = value
        return tuple(sorted(found.items()))

    def _find_sources(self, features: Sequence[Mapping[str, Any]]) -> PipSources:
        index, extra, links = "", list[str](), list[str]()
        for one in features:
            options = _table(one, "pypi-options")
            index = index or _text(options, "index-url", "pypi-options")
            extra += _texts(options, "extra-index-urls", "pypi-options")
            for entry in _items(options, "find-links"):
                links += [value for value in _mapping(entry).values() if isinstance(value, str)]
            for key in sorted(options.keys() - _TOLD_OPTIONS):
                self._tell(f"has the option {key[:_SHOWN]!r} for PyPI, which has no effect")
            for name, value in self._merge(one, "pypi-dependencies").items():
                if wanted := _mapping(value).get("index"):
                    self._tell(
                        f"takes {name[:_SHOWN]} from an index of its own, which is asked for all packages"
                    )
                    extra.append(str(wanted))
        return PipSources(
            index=index, extra=tuple(dict.fromkeys(extra)), find_links=tuple(dict.fromkeys(links))
        )

    def _tell_ignored(self, features: Sequence[Mapping[str, Any]]) -> None:
        for key, message in _IGNORED.items():
            if any(one.get(key) for one in (self._manifest, self._workspace, *features)):
                level = Level.NOTE if key == "tasks" else Level.WARNING
                self._told.append(Finding(level=level, subject=self._file, message=message))


_GIT = ("branch", "tag", "rev", "lfs", "subdirectory")


def _make_spec(place: str, name: str, value: Any) -> str:
    """Write a dependency as a match specification."""
    if isinstance(value, str):
        return name if value.strip() in {"*", ""} else f"{name} {value.strip()}"
    if not isinstance(value, dict):
        raise Misfit(place, "is neither text nor a table")
    if source := next((key for key in _SOURCES if key in value), None):
        raise Misfit(place, f"is built by pixi ({source}): only packages of channels are taken")
    if unread := next((key for key in _UNREAD if key in value), None):
        raise Misfit(f"{place}.{unread}", "is not followed")
    _check_keys(value, _SPEC, place)
    parts = []
    for key, below in value.items():
        text = str(below) if isinstance(below, int) and not isinstance(below, bool) else below
        if not isinstance(text, str) or re.search(r'["\\\x00-\x1f]', text):
            raise Misfit(f"{place}.{key}", "is no plain text")
        if (key, text) != ("version", "*"):
            parts.append(f'{_SPEC[key]}="{text}"')
    return f"{name}[{', '.join(parts)}]" if parts else name


def _name_spec(spec: str) -> str:
    return re.split(r"[\s\[]", spec, maxsplit=1)[0].lower()


def _each_virtual(table: Mapping[str, Any], place: str) -> Iterator[VirtualPackage]:
    for key, value in table.items():
        name = key if key.startswith("__") else _VIRTUAL.get(key, "")
        if key in _FOREIGN:
            continue
        if not name:
            raise Misfit(f"{place}.{key[:_SHOWN]}", "is no property of a machine that pixi knows")
        if isinstance(value, dict) and key == "cuda":
            yield VirtualPackage(name=name, version=_text(value, "driver", f"{place}.cuda"))
            if arch := _text(value, "arch", f"{place}.cuda"):
                yield VirtualPackage(name="__cuda_arch", version=arch)
            continue
        version = _text(value, "version", place) if isinstance(value, dict) else value
        if not isinstance(version, str) or not re.fullmatch(r"[A-Za-z0-9_.]+(?:=[A-Za-z0-9_.]+)?", version):
            raise Misfit(f"{place}.{key[:_SHOWN]}", "is no version")
        version, _, build = version.partition("=")
        if name == "__archspec":
            version, build = "1", build or version
        yield VirtualPackage(name=name, version=version, build=build or "0")


def _rank(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))


def _check_keys(table: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    """Refuse keys that nobody reads: a slip of typing there would lose what it means."""
    for key in table:
        if key not in known:
            where = f"{place}.{key[:_SHOWN]}" if place else key[:_SHOWN]
            raise Misfit(where, "is not known")


def _table(table: Mapping[str, Any], key: str, place: str = "") -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise Misfit(f"{place}.{key}" if place else key, "is not a table")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(table: Mapping[str, Any], key: str) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise Misfit(key, "is not a list")
    return value


def _text(table: Mapping[str, Any], key: str, place: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise Misfit(f"{place}.{key}", "is not text")
    return value


def _texts(table: Mapping[str, Any], key: str, place: str) -> list[str]:
    values = _items(table, key)
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise Misfit(f"{place}.{key}[{number}]", "is not text")
    return values
