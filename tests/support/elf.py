"""Real ELF files, linked by gcc at test time."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def build_elf(
    directory: Path,
    name: str,
    *,
    soname: str | None = None,
    needed: Sequence[str] = (),
    rpath: Sequence[str] = (),
    runpath: Sequence[str] = (),
    executable: bool = False,
    flags: Sequence[str] = (),
    code: str = "",
) -> bytes:
    """Link a shared library (or a program) and return its bytes.

    Args:
        directory: where to work.
        name: file name of the result.
        needed: sonames for DT_NEEDED; an empty library of each is linked against.
        rpath: entries of DT_RPATH; excludes ``runpath``.
        runpath: entries of DT_RUNPATH.
        flags: further arguments for gcc.
        code: C source in place of a function ``answer`` that returns 42, or of a ``main``.
    """
    work = directory / f"{name}.build"
    work.mkdir(parents=True, exist_ok=True)
    source = work / "source.c"
    plain = "int main(void) { return 0; }\n" if executable else "int answer(void) { return 42; }\n"
    source.write_text(code or plain)
    stubs = [_build_stub(work, wanted) for wanted in needed]
    arguments = ["gcc", "-o", str(work / name), str(source), "-Wl,--no-as-needed", *map(str, stubs)]
    if not executable:
        arguments += ["-shared", "-fPIC"]
    if soname:
        arguments.append(f"-Wl,-soname,{soname}")
    if rpath:
        arguments += ["-Wl,--disable-new-dtags", f"-Wl,-rpath,{':'.join(rpath)}"]
    if runpath:
        arguments += ["-Wl,--enable-new-dtags", f"-Wl,-rpath,{':'.join(runpath)}"]
    subprocess.run([*arguments, *flags], check=True, capture_output=True)
    return (work / name).read_bytes()


def _build_stub(work: Path, soname: str) -> Path:
    stubs = work / "stubs"
    stubs.mkdir(exist_ok=True)
    stub = stubs / soname
    if not stub.exists():
        source = stubs / "stub.c"
        source.write_text("")
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{soname}", "-o", str(stub), str(source)],
            check=True,
            capture_output=True,
        )
    return stub
