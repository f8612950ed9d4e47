"""Writes Nix code for an environment of conda: one prefix, made by a program of our own (``data/link.py``).

The program is not micromamba: a build with it has no home, no cache and no time in it, runs no scripts of
packages, gives the same bytes each time, and puts right in the same step what a Nix store wants otherwise.

Wheels of the same lock are packages of a small set, to which the overlay is applied that any other set for
wheels gets: what they find beside them is in a prefix of the packages of conda alone. They are copied into
the environment, with its own path in the place of that prefix'.
"""

from __future__ import annotations

import posixpath
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from urllib.parse import unquote, urlsplit

from wheelfix.errors import InputError, strip_login, strip_token
from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.lock.residue import tell_directories
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.conda import STORED_PREFIX, CondaPackage
from wheelfix.model.index import Attribute, Provider, find_permissions
from wheelfix.model.lock import Choice, ChoiceKind, Lock, SourceKind
from wheelfix.model.override import Cuda, Dialect, Input
from wheelfix.model.scan import Finding, Level, OpeningForm, WheelScan
from wheelfix.model.tables import read_data
from wheelfix.nix.parts import comment_all, describe_permissions, take
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    FALSE,
    TRUE,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Formal,
    Formals,
    Inherit,
    Lambda,
    Let,
    List,
    Path,
    Script,
    SearchPath,
    Select,
    Str,
    Var,
    bind,
    call,
    merge,
    select,
    strings,
    text,
)
from wheelfix.override.install import add_shim
from wheelfix.override.overlay import write_packages as write_overrides
from wheelfix.scan.layout import SITE, find_install_path
from wheelfix.wheel.tree import escape_path

LINK = Var("link")
"""The variable of :func:`bind_link`."""
FETCH = Var("fetch")
"""The variable of :func:`bind_fetch`."""
SET = Var("set")
_PREFIX = Var("prefix")
_ENVIRONMENT = Var("environment")
_DRIVER = "addDriverRunpath.driverLink"
_GIVE = "give the file with --find-links DIR"
_TOOLS = ("python3", "zstd", "patchelf")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9+._?=-]")
"""What no name in a Nix store has."""


@cache
def read_link() -> str:
    """Read the program that links packages."""
    return read_data(__name__, "link.py").decode()


def bind_link() -> Binding:
    """Write the program as a file of the store, which :func:`write_prefix` and :func:`write_view` use."""
    code = Script(tuple((line,) if line else () for line in read_link().splitlines()))
    return bind("link", call("pkgs.writeText", text("link.py"), code))


def bind_fetch() -> Binding:
    """Write the function that fetches a package of :func:`write_packages`."""
    package = Var("package")
    arguments = Attrs(
        (
            bind("url", select(package, "url")),
            bind("hash", select(package, "hash")),
            bind("name", Select(package, ("stored",), select(package, "file"))),
        )
    )
    archive = Attrs((bind("archive", call("pkgs.fetchurl", arguments)),))
    return bind("fetch", Lambda("package", Binary("//", package, archive)))


def write_packages(packages: Sequence[CondaPackage]) -> Expr:
    """Write a list of packages, each with its archive.

    Raises:
        InputError: one has no hash, or no place.
    """
    return List(tuple(_write_package(one) for one in sorted(packages, key=lambda one: one.name)))


def write_prefix(
    packages: Expr,
    system: str,
    runpaths: Mapping[str, RunPath] | None = None,
    *,
    more: Expr | None = None,
) -> Expr:
    """Write a prefix of packages, for which :func:`bind_link` and :func:`bind_fetch` have to be in scope.

    Args:
        packages: from :func:`write_packages`.
        system: the Nix system that they are for.
        runpaths: what is appended to the run paths of files, by path relative to the prefix.
        more: a set of further settings of the program.
    """
    platform = select("pkgs", "stdenv", "buildPlatform", "canExecute")
    given = [
        bind("mode", text("prefix")),
        bind("machine", text(system.partition("-")[0])),
        bind("packages", packages),
        bind("interpreter", select("pkgs", "stdenv", "cc", "bintools", "dynamicLinker")),
        Binding(("programs", "bash"), select("pkgs", "runtimeShell")),
        bind("compile", call(platform, select("pkgs", "stdenv", "hostPlatform"))),
    ]
    if runpaths:
        files = tuple(bind(path, List(_write_runpath(one))) for path, one in sorted(runpaths.items()))
        given.append(bind("runpaths", Attrs(files)))
    settings = Attrs(tuple(given))
    return write_run(STORED_PREFIX, Binary("//", settings, more) if more else settings)


def write_view(prefix: Expr, name: str, site_packages: Expr, *, label: str = "") -> Expr:
    """Write one package of a prefix as Python packages of Nix have it: what is in its site-packages, alone.

    Run paths of its files lead into the prefix, where everything else stays.

    Args:
        prefix: from :func:`write_prefix`, or a variable for it.
        name: of the package, as conda has it.
        site_packages: where the files go, such as ``lib/python3.12/site-packages``.
        label: of the derivation; the name of the package if empty.
    """
    given = [
        bind("mode", text("view")),
        bind("prefix", Str((prefix,))),
        bind("name", text(name)),
        bind("site_packages", site_packages),
    ]
    return write_run(clean_name(label or name), Attrs(tuple(given)))


def write_run(name: str, given: Expr) -> Expr:
    """Write a build that runs the program with a set of settings; nothing strips or moves what it leaves."""
    tools = List(tuple(select("pkgs", "buildPackages", tool) for tool in _TOOLS))
    settings = (
        bind("nativeBuildInputs", tools),
        bind("given", call("builtins.toJSON", given)),
        bind("passAsFile", strings(("given",))),
    )
    return call("pkgs.runCommand", text(name), Attrs(settings), Str(("python3 -I ", LINK, ' "$givenPath"')))


def clean_name(name: str) -> str:
    """Return a name that a path of a Nix store may have.

    Example:
        >>> clean_name("tzdata-1!2024a-0.conda"), clean_name(".x")
        ('tzdata-1_2024a-0.conda', '_x')
    """
    return re.sub(r"\A\.", "_", _FORBIDDEN.sub("_", name))[:200] or "_"


def write_hash(package: CondaPackage) -> str:
    """Return the hash of a package as Nix writes it: SHA-256, or MD5 where the lock has no other.

    Raises:
        InputError: it has none.
    """
    for kind, digits in (("sha256", package.sha256), ("md5", package.md5)):
        if digits:
            return f"{kind}-{b64encode(bytes.fromhex(digits)).decode()}"
    raise InputError(
        escape_path(package.filename),
        "has no hash in the lock, without which Nix fetches nothing",
        "lock it again with a tool that writes sha256",
    )


def _write_package(package: CondaPackage) -> Expr:
    stored = clean_name(package.filename)
    bindings = [
        bind("name", text(package.name)),
        bind("version", text(package.version)),
        bind("build", text(package.build)),
        bind("subdir", text(package.subdir)),
        bind("file", text(package.filename)),
    ]
    if package.site_packages:
        bindings.append(bind("site_packages", text(package.site_packages)))
    if package.depends:
        bindings.append(bind("depends", strings(package.depends)))
    local = _find_local(package)
    if local is not None:
        sum_ = [bind("sha256", text(package.sha256))] if package.sha256 else []
        arguments = (bind("path", local), bind("name", text(stored)), bind("recursive", FALSE), *sum_)
        return Attrs((*bindings, bind("archive", call("builtins.path", Attrs(arguments)))))
    bindings += [bind("url", text(strip_token(package.url))), bind("hash", text(write_hash(package)))]
    if stored != package.filename:
        bindings.append(bind("stored", text(stored)))
    return call(FETCH, Attrs(tuple(bindings)))


def _find_local(package: CondaPackage) -> Expr | None:
    """Write the path of a file that is beside the lock, or anywhere on the machine."""
    if package.path is None and not urlsplit(package.url).scheme:
        raise InputError(escape_path(package.filename), "has no place in the lock", "lock it again")
    return _find_place(package.url, package.path)


def _find_place(url: str, path: str | None) -> Expr | None:
    """Write the path of a file by its path relative to the lock, or its address; None for one elsewhere."""
    if path is not None and path.startswith("/"):
        return Binary("+", Path("/."), text(path))
    if path is not None:
        return Binary("+", Path("./."), text(f"/{path.removeprefix('./')}"))
    parts = urlsplit(url)
    return Binary("+", Path("/."), text(unquote(parts.path))) if parts.scheme == "file" else None


class PythonPlace(Struct):
    """The Python of a prefix.

    Attributes:
        version: major and minor.
        site: its site-packages, relative to the prefix.
    """

    version: str
    site: str


def find_python(packages: Iterable[CondaPackage]) -> PythonPlace | None:
    """Return the Python among packages of conda, or None.

    Example:
        >>> package = CondaPackage(name="python", version="3.12.4", build="0", subdir="linux-64",
        ...                        platform="linux-64", filename="python-3.12.4-0.conda")
        >>> find_python([package]).site
        'lib/python3.12/site-packages'
    """
    for package in packages:
        found = re.match(r"\d+\.\d+", package.version)
        if package.name == "python" and found:
            site = package.site_packages or f"lib/python{found[0]}/site-packages"
            return PythonPlace(version=found[0], site=site)
    return None


class RunPath(Struct):
    """What is appended to the run path of one file.

    Attributes:
        inputs: attributes of nixpkgs, sorted.
        driver: libraries of the GPU driver, sorted.
    """

    inputs: tuple[Input, ...] = ()
    driver: tuple[str, ...] = ()


def plan_runpaths(scans: Iterable[WheelScan], python: PythonPlace | None) -> Mapping[str, RunPath]:
    """Find what files need from outside of the prefix, by their paths relative to it.

    Args:
        scans: of packages of conda.
        python: the Python of the prefix.
    """
    found: dict[str, dict[tuple[str, str], set[str]]] = {}
    driver: dict[str, set[str]] = {}
    attributes: dict[str, Attribute] = {}

    def add(kind: NeedClass | None, name: str, files: Iterable[str], providers: tuple[Provider, ...]) -> None:
        for path in (find_place(file, python) for file in files):
            if kind is NeedClass.DRIVER:
                driver.setdefault(path, set()).add(name)
            elif kind is NeedClass.PROVIDED and providers:
                place = (providers[0].attr, posixpath.dirname(providers[0].path).strip("/"))
                found.setdefault(path, {}).setdefault(place, set()).add(name)

    for scan in scans:
        attributes.update(scan.attributes)
        for need in scan.used:
            if need.machine == scan.machine:
                add(need.need_class, need.soname, need.wanted_by, need.providers)
        for one in scan.openings:
            if one.form is OpeningForm.RUN_PATH and one.call is None and one.answered:
                add(one.need_class, one.answered, (one.file,), one.providers)
    return {
        path: RunPath(
            inputs=tuple(
                Input(
                    attr=attr,
                    reason=", ".join(sorted(names)),
                    directory=directory,
                    permissions=find_permissions(attr, attributes),
                )
                for (attr, directory), names in sorted(found.get(path, {}).items())
            ),
            driver=tuple(sorted(driver.get(path, ()))),
        )
        for path in sorted({*found, *driver})
    }


class Link(Struct):
    """A library from outside of the prefix that is linked into its ``lib``, for who opens it by name.

    Attributes:
        input: the attribute of nixpkgs that has it; None for one of the GPU driver.
        file: name of the library there.
        reason: who opens it.
    """

    input: Input | None
    file: str
    reason: str


def plan_links(scans: Iterable[WheelScan]) -> Mapping[str, Link]:
    """Find the libraries that Python sources of packages open by name, and no package has.

    conda's Python looks for them where the libraries of packages are: ``find_library`` in ``lib`` of the
    prefix alone, under the name without a version, and the loader by the run path of ``bin/python``.

    Args:
        scans: of packages of conda.

    Returns:
        By the name that a link has in ``lib``, sorted.
    """
    found: dict[str, Link] = {}
    for scan in scans:
        for one in scan.openings:
            if one.call is None or not one.answered or one.held or "/" in one.answered:
                continue
            if one.need_class is NeedClass.PROVIDED and one.providers:
                attr, path = one.providers[0].attr, one.providers[0].path
                directory, _, file = path.strip("/").rpartition("/")
                permissions = find_permissions(attr, scan.attributes)
                given = Input(attr=attr, reason=scan.name, directory=directory, permissions=permissions)
            elif one.need_class is NeedClass.DRIVER:
                given, file = None, one.answered
            else:
                continue
            unversioned = re.sub(r"(?<=\.so)\..*", "", one.answered)
            for name in (one.answered, file, unversioned):
                found.setdefault(name, Link(input=given, file=file, reason=f"{scan.name} opens it"))
    return dict(sorted(found.items()))


def find_place(path: str, python: PythonPlace | None) -> str:
    """Return where a file of a reading is in the prefix.

    Example:
        >>> python = PythonPlace(version="3.12", site="lib/python3.12/site-packages")
        >>> find_place("../../libz.so.1", python), find_place("../lib-dynload/x.so", python)
        ('lib/libz.so.1', 'lib/python3.12/lib-dynload/x.so')
    """
    installed = find_install_path(path)
    if python is None:
        return installed
    for old, new in ((SITE, python.site), (posixpath.dirname(SITE), posixpath.dirname(python.site))):
        if installed.startswith(f"{old}/"):
            return f"{new}{installed.removeprefix(old)}"
    return installed


def settle_dialect(lock: Lock, options: LockOptions) -> LockOptions:
    """Take the dialect that goes with a lock, unless the user names one.

    Raises:
        InputError: the lock has no packages of conda, and the dialect is for them; or for nixpkgs' CUDA.
    """
    if options.by_lock and lock.conda:
        options = replace(options, dialect=Dialect.CONDA)
    if options.dialect is not Dialect.CONDA:
        return options
    cuda = options.cuda
    if not lock.conda:
        hint = "write for uv2nix, or name a pixi.lock or conda-lock.yml"
        raise InputError(lock.name, "has no packages of conda, which --dialect conda links", hint)
    if cuda is not Cuda.WHEELS:
        problem = "is not for --dialect conda, whose CUDA is that of the lock"
        raise InputError(f"--cuda {cuda}", problem, "leave it out")
    return options


def tell_limits(choices: Iterable[Choice], packages: Iterable[CondaPackage]) -> tuple[Finding, ...]:
    """Report packages that the code leaves out, and addresses that it does not write as they are."""
    found: list[Finding] = []
    for choice in choices:
        package = choice.package
        if choice.kind is ChoiceKind.SDIST and package.source is SourceKind.LOCAL:
            found += tell_directories([package])
        elif choice.kind is ChoiceKind.SDIST:
            message = (
                "has no wheel, and --dialect conda builds no sources: build one with pip wheel and name it "
                "with --find-links, or take the package from a channel"
            )
            found.append(Finding(level=Level.ERROR, subject=package.label, message=message))
    for one in packages:
        if strip_token(one.url) != one.url:
            message = (
                "has a password or token in its address, which the code leaves out, as everybody can read a "
                f"Nix store: fetch {escape_path(one.filename)}, and run nix-store --add-fixed sha256 on it"
            )
            found.append(Finding(level=Level.WARNING, subject=one.label, message=message))
    return tuple(found)


def render_prefix(plan: LockPlan, residue: Sequence[str]) -> str:
    """Write an environment of a lock of conda: a function of nixpkgs, which gives a set of attributes.

    Args:
        plan: of the lock.
        residue: paragraphs for the head of the file.

    Raises:
        InputError: a file has no hash or no place in the lock, or there are wheels and no Python.
    """
    # What pixi builds itself has no file: that it is left out is told.
    plan = replace(plan, conda=tuple(one for one in plan.conda if one.filename))
    python = find_python(plan.conda)
    wheels = [choice for choice in plan.choices if choice.kind is ChoiceKind.WHEEL]
    if wheels and python is None:
        problem = "has packages from PyPI, and no Python of conda that runs them"
        raise InputError(plan.lock, problem, "add python to its dependencies, and lock it again")
    runpaths = plan_runpaths(plan.conda_scans, python)
    links = plan_links(plan.conda_scans)
    settings = write_links(links)
    bindings = [bind_link(), bind_fetch(), bind("packages", write_packages(plan.conda))]
    names = ["environment", "packages", "shell"]
    if wheels and python:
        more = Binary("//", settings, Var("more")) if settings else Var("more")
        linked = write_prefix(Var("packages"), plan.system, runpaths, more=more)
        bindings.append(bind("linkPrefix", Lambda("more", linked)))
        alone = call("linkPrefix", Attrs())
        bindings.append(bind("prefix", alone, "The packages of conda alone: what wheels find beside them"))
        bindings += _write_wheels(plan, wheels, python)
        trees = List(tuple(Str((select(SET, choice.package.name),)) for choice in wheels))
        whole: Expr = call("linkPrefix", Attrs((bind("trees", trees), bind("moved", Str((_PREFIX,))))))
        names += ["overlay", "prefix", "set"]
    else:
        whole = write_prefix(Var("packages"), plan.system, runpaths, more=settings)
    bindings += [bind("environment", whole), bind("shell", _write_shell())]
    body = Let(tuple(bindings), Attrs((Inherit(tuple(sorted(names))),)))
    nixpkgs = call("import", SearchPath("nixpkgs"), Attrs())
    arguments = Formals((Formal("pkgs", nixpkgs), Formal("lib", select("pkgs", "lib"))), ellipsis=True)
    inputs = [one for found in runpaths.values() for one in found.inputs]
    inputs += [one.input for one in links.values() if one.input]
    opened = [(one.attr, one.permissions) for one in inputs]
    title = f"An environment of conda packages, for Python {plan.python} on {plan.system}"
    use = (
        "The attribute environment is the prefix, with bin/python: nix-build FILE -A environment, or "
        "(pkgs.callPackage ./FILE { }).environment. The attribute shell is for nix-shell, and activates it."
    )
    head = [
        f"{title}. Written by wheelfix for {plan.lock}.",
        use,
        *describe_permissions(plan.overrides, more=opened),
        *residue,
    ]
    return render(comment_all(head, Lambda(arguments, body)))


def _write_runpath(one: RunPath) -> tuple[Expr, ...]:
    """Write the directories that are appended to the run path of a file."""
    places: list[Expr] = [
        Commented(i.reason, Str((call("lib.getLib", take(i.attr)), f"/{i.directory}"))) for i in one.inputs
    ]
    if one.driver:
        link = Str((take(_DRIVER), "/lib"))
        places.append(Commented(f"{', '.join(one.driver)}: of the GPU driver", link))
    return tuple(places)


def write_links(links: Mapping[str, Link]) -> Expr | None:
    """Write the setting of the program that names links in ``lib``; None without any."""
    if not links:
        return None
    places: list[Binding | Inherit] = []
    for name, one in links.items():
        path = (take(_DRIVER), f"/lib/{one.file}")
        if one.input:
            path = (call("lib.getLib", take(one.input.attr)), f"/{one.input.directory}/{one.file}")
        places.append(bind(name, Str(path), one.reason))
    return Attrs((bind("libraries", Attrs(tuple(places))),))


def _write_shell() -> Expr:
    """Write a shell in which the environment is activated, as far as its packages have scripts for that."""
    lines = (
        ("export CONDA_PREFIX=", _ENVIRONMENT, " CONDA_DEFAULT_ENV=", _ENVIRONMENT, " CONDA_SHLVL=1"),
        ('for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do',),
        ('  if [ -e "$script" ]; then . "$script"; fi',),
        ("done",),
    )
    settings = (bind("packages", List((_ENVIRONMENT,))), bind("shellHook", Script(lines)))
    return call("pkgs.mkShell", Attrs(settings))


def _write_wheels(plan: LockPlan, wheels: Sequence[Choice], python: PythonPlace) -> list[Binding]:
    """Write the set of wheels: each as it is, and the overlay with what each needs."""
    scans = {scan.name: scan for scan in plan.scans}
    names = {choice.package.name for choice in wheels}
    interpreter = Str((_PREFIX, f"/bin/python{python.version}"))
    facts = (
        bind("interpreter", interpreter),
        Binding(("pythonOnBuildForHost", "interpreter"), interpreter),
        bind("pythonVersion", text(python.version)),
        bind("sitePackages", text(python.site)),
    )
    bindings = [bind("python", Binary("//", _PREFIX, Attrs(facts)))]
    others = sorted({package.name for package in plan.conda} - names - {"python"})
    beside = tuple(bind(name, _PREFIX) for name in others)
    own = tuple(_write_wheel(choice, scans.get(choice.package.name)) for choice in wheels)
    sets: list[Expr] = [Attrs(tuple(bindings)), Attrs(own)]
    if beside:
        sets.insert(
            1, Commented("Libraries beside wheels, by the packages of conda that have them", Attrs(beside))
        )
    packages, _ = write_overrides(plan.overrides, Dialect.PYPROJECT_NIX)
    overlay = add_shim(plan.overrides, Lambda("final", Lambda("prev", merge(packages))))
    base = Lambda("final", merge(sets))
    return [
        bind("wheel", _write_builder(python), "A wheel as it is; the overlay adds what it needs"),
        bind("overlay", overlay),
        bind("set", call("lib.fix", call("lib.extends", Var("overlay"), base))),
    ]


def _write_builder(python: PythonPlace) -> Expr:
    given = Attrs(
        (
            bind("mode", text("wheel")),
            bind("prefix", Str((_PREFIX,))),
            bind("python", text(python.version)),
            bind("site_packages", text(python.site)),
            bind("wheel", Str((select("package", "src"),))),
            bind("file", select("package", "file")),
        )
    )
    lines = (("runHook preInstall",), ("python3 -I ", LINK, ' "$givenPath"'), ("runHook postInstall",))
    off = [bind(name, TRUE) for name in ("dontUnpack", "dontConfigure", "dontBuild", "dontStrip")]
    settings: tuple[Binding | Inherit, ...] = (
        Inherit(("pname", "version", "src"), Var("package")),
        bind("nativeBuildInputs", List((select("pkgs", "buildPackages", "python3"),))),
        bind("given", call("builtins.toJSON", given)),
        bind("passAsFile", strings(("given",))),
        *off,
        bind("installPhase", Script(lines)),
    )
    return Lambda("package", call("pkgs.stdenv.mkDerivation", Attrs(settings)))


def _write_wheel(choice: Choice, scan: WheelScan | None) -> Binding:
    package, file = choice.package, choice.file
    if file is None or file.sha256 is None:
        name = escape_path(file.filename) if file else package.label
        raise InputError(name, "has no hash in the lock, without which Nix fetches nothing", _GIVE)
    stored = clean_name(file.filename)
    hashed = text(f"sha256-{b64encode(bytes.fromhex(file.sha256)).decode()}")
    local = _find_place(file.url or "", file.path)
    if local is not None:
        arguments = (bind("path", local), bind("name", text(stored)), bind("recursive", FALSE))
        source = call("builtins.path", Attrs((*arguments, bind("sha256", text(file.sha256)))))
    elif file.url:
        source = call(
            "pkgs.fetchurl",
            Attrs(
                (bind("url", text(strip_login(file.url))), bind("hash", hashed), bind("name", text(stored)))
            ),
        )
    else:
        raise InputError(escape_path(file.filename), "has no place in the lock", "lock it again")
    settings = (
        bind("pname", text(package.name)),
        bind("version", text(package.version or (scan.version if scan else "0"))),
        bind("file", text(file.filename)),
        bind("src", source),
    )
    return bind(package.name, call("wheel", Attrs(settings)))
