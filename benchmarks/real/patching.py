"""Runs nixpkgs' own auto-patchelf over a wheel, with the arguments that its hook gives it.

``auto-patchelf.py`` and the functions of ``auto-patchelf.sh`` are the real ones. Three things are not:
patchelf is not run, as nothing in the search depends on what it writes; the libraries of nixpkgs are
stand-ins that have the right names, since auto-patchelf goes by file name and header; and what it reads of a
file is kept, so that it can search many times. Paths of the machine are hidden from it, as in a build.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

from elftools.common.exceptions import ELFError

MAGIC = b"\x7fELF"
STORE = "/nix/store/"
HIDDEN = "/nowhere"
"""Put before absolute paths in ELF files: a build does not see the machine."""
HOOK = "pkgs/by-name/au/autoPatchelfHook/auto-patchelf.sh"
PROGRAM = "pkgs/by-name/au/auto-patchelf/source/auto-patchelf.py"
SETUP = "pkgs/stdenv/generic/setup.sh"
_SCRIPT = r"""
addEnvHooks() { :; }
nixErrorLog() { :; }
targetOffset=0
postFixupHooks=()
source <(sed -n '/^concatTo()/,/^}/p' "$setup")
source "$hook"
auto-patchelf() { printf '%s\0' "$@" > "$arguments"; }
while IFS= read -r input; do gatherLibraries "$input"; done < "$libraries"
source "$code"
autoPatchelf -- "$out"
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the header of an ELF file says of the machine."""

    ident: bytes
    number: int
    flags: int

    def make_stub(self) -> bytes:
        """A file that is nothing but the header of a shared object for this machine."""
        wide = self.ident[4] == 2
        order = "<" if self.ident[5] == 1 else ">"
        ident = MAGIC + self.ident[4:6] + b"\1" + bytes(9)
        words = "QQQ" if wide else "III"
        size, entry = (64, 56) if wide else (52, 32)
        return struct.pack(
            f"{order}16sHHI{words}IHHHHHH",
            *(ident, 3, self.number, 1, 0, 0, 0, self.flags, size, entry, 0, 0, 0, 0),
        )


def read_machine(head: bytes) -> Machine | None:
    """Read the machine from the first 64 bytes of a file; None if it is no ELF file."""
    if len(head) < 52 or not head.startswith(MAGIC) or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return None
    order = "<" if head[5] == 1 else ">"
    (number,) = struct.unpack_from(f"{order}H", head, 18)
    (flags,) = struct.unpack_from(f"{order}I", head, 48 if head[4] == 2 else 36)
    return Machine(head[:16], number, flags)


def place(member: str, site: str) -> str:
    """The path below ``$out`` at which an installer puts a member of a wheel."""
    first, _, rest = member.partition("/")
    if not first.endswith(".data"):
        return f"{site}/{member}"
    scheme, _, below = rest.partition("/")
    return {"data": below, "scripts": f"bin/{below}", "headers": f"include/{below}"}.get(
        scheme, f"{site}/{below}"
    )


def unpack(wheel: Path, out: Path, site: str) -> list[Machine]:
    """Unpack the ELF files of a wheel as an installer does; returns the machine of each."""
    machines = []
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                machine = read_machine(head := member.read(64))
                if machine is None:
                    continue
                path = out / place(info.filename, site)
                if ".." in PurePosixPath(info.filename).parts or not path.is_relative_to(out):
                    continue
                machines.append(machine)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    file.write(head)
                    shutil.copyfileobj(member, file, 1 << 20)
    return machines


class Store:
    """A directory that stands in for the store: packages with empty libraries of the right names.

    Args:
        directory: where.
        machine: of the libraries.
        find_files: gives the files of a store path, relative to it.
    """

    def __init__(self, directory: Path, machine: Machine, find_files: Callable[[str], Iterable[str]]) -> None:
        self.directory, self._find_files = directory, find_files
        directory.mkdir(parents=True, exist_ok=True)
        self._stub = directory / ".stub"
        self._stub.write_bytes(machine.make_stub())
        self._made: set[str] = set()

    def move(self, text: str) -> str:
        """Text of a derivation, with this directory in place of the store."""
        return text.replace(STORE, f"{self.directory}/")

    def make(self, path: str, files: Iterable[str] | None = None) -> Path:
        """Make the package of a store path; ``files`` are those of an index unless given."""
        made = Path(self.move(path))
        if path not in self._made:
            self._made.add(path)
            for name in self._find_files(path) if files is None else files:
                target = made / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    self._link(target)
        return made

    def _link(self, target: Path) -> None:
        try:
            os.link(self._stub, target)
        except OSError:  # a file has a limited number of names
            shutil.copyfile(self._stub, target)
            self._stub = target


@dataclass
class _Memory:
    """What auto-patchelf read of each file, by device and inode."""

    known: dict[tuple[int, int], Any] = field(default_factory=dict)


class AutoPatchelf:
    """nixpkgs' auto-patchelf, loaded once.

    Args:
        nixpkgs: a checkout.
    """

    def __init__(self, nixpkgs: Path) -> None:
        self._nixpkgs = nixpkgs
        self._module = _load(nixpkgs / PROGRAM)
        self._real_open = self._module.open_elf
        self._readers = {
            name: getattr(self._module, name)
            for name in (
                "is_static_executable",
                "is_dynamic_executable",
                "is_separate_debug_object",
                "get_dependencies",
                "get_dlopen_dependencies",
                "get_rpath",
                "get_arch",
                "get_osabi",
            )
        }
        self._memory = _Memory()
        self._module.open_elf = self._open  # type: ignore[attr-defined]
        for name in self._readers:
            setattr(self._module, name, _take(name))
        self._module.subprocess = SimpleNamespace(run=lambda *_, **__: None)  # type: ignore[attr-defined]

    def forget(self) -> None:
        """Forget files, as others will have their numbers."""
        self._memory = _Memory()

    def list_arguments(
        self, work: Path, out: Path, libraries: Sequence[str], variables: dict[str, Any], code: str
    ) -> list[str]:
        """Ask the hook for the arguments that it calls the program with.

        Args:
            work: a directory for files.
            out: the output.
            libraries: inputs whose ``lib`` is searched.
            variables: variables of the derivation that the hook looks at.
            code: what ``preFixup`` runs.
        """
        (work / "libraries").write_text("".join(f"{one}\n" for one in libraries))
        assigned = [f"declare -a {name}=({_quote(value)})\n" for name, value in variables.items() if value]
        (work / "code").write_text("".join(assigned) + code)
        environment = {"PATH": os.environ["PATH"], "out": str(out)}
        environment |= {name: str(work / name) for name in ("libraries", "code", "arguments")}
        environment |= {"hook": str(self._nixpkgs / HOOK), "setup": str(self._nixpkgs / SETUP)}
        (work / "arguments").unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", "-c", _SCRIPT], env=environment, capture_output=True, text=True, check=False
        )
        if not (work / "arguments").exists():
            raise RuntimeError(f"the hook said: {done.stderr}")
        return (work / "arguments").read_text().split("\0")[:-1]

    def run(self, interpreter: Path, libc: Path, arguments: Sequence[str]) -> Run:
        """Run the program."""
        module, events = self._module, _Events()
        module.interpreter_path = interpreter  # type: ignore[attr-defined]
        with module.open_elf(interpreter) as elf:
            module.interpreter_osabi, module.interpreter_arch = elf.osabi, elf.arch  # type: ignore[attr-defined]
        module.libc_lib = libc / "lib"  # type: ignore[attr-defined]
        module.cached_paths.clear()
        module.soname_cache.clear()
        module.Logger = lambda **_: events  # type: ignore[attr-defined]
        before = sys.argv
        sys.argv = ["auto-patchelf", *arguments]
        try:
            module.main()
        except SystemExit:
            pass
        finally:
            sys.argv = before
        return events.conclude()

    @contextmanager
    def _open(self, path: Path) -> Iterator[Any]:
        info = path.stat()
        key = (info.st_dev, info.st_ino)
        if key not in self._memory.known:
            try:
                with self._real_open(path) as elf:
                    known = {name.split("_", 1)[1]: read(elf) for name, read in self._readers.items()}
                    known["segments"] = elf.num_segments()
                    known["header"] = {"e_ident": {"EI_OSABI": known["osabi"]}}
                known["rpath"] = [_hide(entry) for entry in known["rpath"]]
                hidden = [[Path(_hide(str(one))) for one in several] for several in known["dependencies"]]
                known["dependencies"] = hidden
                known["num_segments"] = lambda count=known["segments"]: count
                self._memory.known[key] = SimpleNamespace(**known)
            except ELFError as error:
                self._memory.known[key] = error
        found = self._memory.known[key]
        if isinstance(found, ELFError):
            raise found
        yield found


@dataclass(frozen=True, slots=True)
class Run:
    """What auto-patchelf found.

    Attributes:
        missing: names that it could not satisfy, with a file that wants each; none if it succeeds.
        used: directories that it found libraries in.
        ignored: patterns that let it pass over a missing library.
        wanted: how many libraries it looked for.
    """

    missing: dict[str, str]
    used: frozenset[str]
    ignored: frozenset[str]
    wanted: int


class _Events:
    """Stands in for the program's logger."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def debug(self, _: str) -> None:
        """Drop what is for people."""

    def log(self, event: Any) -> None:
        self.events.append(event)

    def conclude(self) -> Run:
        kinds: dict[str, list[Any]] = {}
        for event in self.events:
            kinds.setdefault(type(event).__name__, []).append(event)
        ignored = kinds.get("IgnoredDependency", [])
        passed = {(event.file, str(event.name)) for event in ignored}
        found = [event for event in kinds.get("Dependency", []) if event.found]
        lost = [event for event in kinds.get("Dependency", []) if not event.found]
        missing = {str(e.name): str(e.file) for e in lost if (e.file, str(e.name)) not in passed}
        return Run(
            missing=missing,
            used=frozenset(str(event.location) for event in found),
            ignored=frozenset(event.pattern for event in ignored),
            wanted=len(found) + len(lost),
        )


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("auto_patchelf", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["auto_patchelf"] = module
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def _take(name: str) -> Callable[[Any], Any]:
    key = name.split("_", 1)[1]
    return lambda elf: getattr(elf, key)


def _hide(text: str) -> str:
    return f"{HIDDEN}{text}" if text.startswith("/") else text


def _quote(value: Any) -> str:
    """A value as elements of an array of bash; a string is split at blanks, as setup.sh does."""
    if value is True:
        return "1"
    words = value.split() if isinstance(value, str) else value
    return " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)
