"""Messages about programs that do not start, as their loader is not there.

The kernel says "no such file" (ENOENT) of a program that is there if the loader that it asks for is not, and
others repeat that. Who says it of a file that may be any file has to name a path that is a program's:
:func:`wheelfix.explain.programs.parse_program`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from wheelfix.explain.model import (
    Interpreter,
    ProgramState,
    Situation,
    Symptom,
    SymptomKind,
    Trouble,
)
from wheelfix.explain.paths import find_prefix
from wheelfix.explain.programs import Origin, Program, is_python, parse_program
from wheelfix.explain.troubles.common import FROM_NIX, Explain
from wheelfix.explain.troubles.settings import write_browsers, write_shell
from wheelfix.explain.wording import Around, Wording, word

# Searched for only where no path goes on: once for each path, not for each of its directories.
_PATH = (
    r"(?<![^\s:;,'\"`‘’“”()\[\]{}<>|])"
    r"(?P<by>(?:~|\.{0,2}|[\w.+-]+)/[^\s:;,'\"`‘’“”()\[\]{}<>|]{1,4096}+)"
)
_QUOTED = r"[`'\"‘“](?P<by>[^`'\"‘’“”\n]{1,4096}+)[`'\"’”]"
_CAUSE = "No such file or directory (os error 2)"
_NEAR = 4
_CONTAINER = "container"
_OTHERWISE = frozenset({ProgramState.NO_INTERPRETER, ProgramState.DANGLING, ProgramState.ABSENT})
"""States in which no loader is missing."""


def _tell(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Tell of a message whose path is a program's."""
    if parse_program(match["by"]):
        yield Symptom(kind=SymptomKind.NO_LOADER, wanted_by=match["by"], unsure=True)


def _tell_contained(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Tell of a program that the runtime of a container cannot start: settings of the host change nothing."""
    if parse_program(match["by"]):
        yield Symptom(kind=SymptomKind.NO_LOADER, wanted_by=match["by"], unsure=True, names=(_CONTAINER,))


def _tell_foreign(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Tell of a program for another machine; Python says the same of a script without a first line."""
    if parse_program(match["by"]):
        yield Symptom(kind=SymptomKind.FOREIGN_PROGRAM, wanted_by=match["by"])


def _tell_caused(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell of a message by a program in Rust, whose cause is in one of the next lines."""
    if any(_CAUSE in line for line in (match.string, *around.after()[:_NEAR])):
        yield Symptom(kind=SymptomKind.NO_LOADER, wanted_by=match["by"], unsure=True)


def _word(phrase: str, expression: str) -> Wording:
    return word(SymptomKind.NO_LOADER, phrase, expression, _tell)


WORDINGS = (
    # nixpkgs: nixos/modules/config/stub-ld.nix.
    word(
        SymptomKind.NO_LOADER,
        "Could not start dynamically",
        r"Could not start dynamically linked executable: (?P<by>\S[^\n]*)",
    ),
    word(
        SymptomKind.NO_LOADER,
        "cannot run dynamically",
        r"cannot run dynamically linked executables intended for",
    ),
    # nix-ld: src/nix-ld.c before 2.0, src/main.rs and src/support.rs after it.
    word(
        SymptomKind.NO_LOADER,
        "unpatched binary",
        r"cannot execute (?P<by>[^\n]{1,512}?): You are trying to run an unpatched binary",
    ),
    word(SymptomKind.NO_LOADER, "[nix-ld] FATAL", r"\[nix-ld\] FATAL: "),
    word(SymptomKind.NO_LOADER, "ould not find nix-ld", r"[Cc]ould not find nix-ld"),
    # bash 5.2 and newer, where execve says ENOENT for a file that is there.
    word(
        SymptomKind.NO_LOADER,
        "required file not found",
        r"(?:^|: )(?P<by>[^:\n]+): cannot execute: required file not found",
    ),
    # bash before 5.2; ksh and busybox.
    _word(
        "sh: ", rf"(?:^|[\s/.\"'-])(?:ba|k|a)?sh: (?:[^\s:]+ \d+: |\d+: )?{_PATH}: No such file or directory"
    ),
    _word(": line ", rf": line \d+: (?:exec: )?{_PATH}: No such file or directory"),
    # dash (exec.c), and busybox' sh.
    _word("not found", rf"(?:^|[\s/\"'-])(?:da|a)?sh: (?:\d+: )?(?:exec: )?{_PATH}: not found"),
    # zsh: Src/exec.c.
    _word("no such file or dir", rf"zsh(?::\d+)?: no such file or directory: {_PATH}"),
    # fish: src/exec.rs, src/postfork.rs.
    _word("Unknown command", rf"fish: Unknown command:? {_PATH}"),
    word(
        SymptomKind.NO_LOADER,
        "Failed to execute process",
        rf"Failed to execute process {_QUOTED}: The file exists and is executable\. Check the interpreter",
    ),
    word(
        SymptomKind.NO_LOADER,
        "exists and is executable",
        rf"The file {_QUOTED} exists and is executable\. Check the interpreter",
    ),
    _word("ailed to execute process", rf"Failed to execute process {_QUOTED}"),
    # GNU coreutils and make, sudo, util-linux: a program, the quoted or bare path, strerror.
    _word(
        "o such file or dir",
        rf"(?:env|nice|nohup|timeout|stdbuf|xargs|setsid|time"
        r"|make(?:\[\d+\])?|entr|exec(?=[^\n]*: N)|nix(?: run)?)"
        r": "
        rf"(?:failed to run command |cannot run command |unable to execute )?"
        rf"[‘'`\"]?{_PATH}[’'\"]?: (?:[Nn]o such file or directory)",
    ),
    _word(
        "o such file or dir",
        rf"(?:cannot (?:run|execute|spawn)|[Uu]nable to (?:run|spawn|start)(?: process)?"
        r"|[Ff]ailed to (?:run|start|spawn|launch)(?: command| process)?|rror "
        r"(?:running|executing|starting)):? "
        rf"['`\"]?{_PATH}['`\"]?[:,]? \(?No such file or directory",
    ),
    _word(": No such file or dir", rf"^\s*{_PATH}: No such file or directory\s*$"),
    _word("xecutable `", r"[Ee]xecutable `(?P<by>[^`\n]+)` not found"),
    # selenium: webdriver/common/service.py; a shell's code for a program that cannot start.
    _word("unexpectedly exited", rf"Service {_PATH} unexpectedly exited\. Status code was: 127"),
    _word("unable to execute ", rf"sudo: unable to execute {_PATH}: No such file or directory"),
    # Python: OSError's strerror and file name; pre-commit and others print it without the class.
    _word(
        "[Errno 2] ",
        r"\[Errno 2\] No such file or directory: (?:(?:Posix)?Path\()?[\"'](?P<by>[^\"'\n]{1,4096}+)[\"']",
    ),
    # Node: lib/internal/errors.js.
    _word("ENOENT", rf"spawn {_PATH} ENOENT"),
    # Rust: std::io::Error; uv's uv-run says it in two lines, cargo too.
    word(
        SymptomKind.NO_LOADER,
        "ailed to spawn",
        r"[Ff]ailed to spawn(?: command)?: ?[`'\"](?P<by>[^`'\"\s]+)",
        _tell_caused,
    ),
    word(
        SymptomKind.NO_LOADER,
        "Python interpreter",
        r"[Ff]ailed to (?:query|inspect|find|run) Python interpreter"
        r"[^`'\"/\n]{0,80}[`'\"]?(?P<by>/[^\s`'\"]+)",
        _tell_caused,
    ),
    word(
        SymptomKind.NO_LOADER,
        "ould not execute process",
        rf"[Cc]ould not execute process [`'\"]{_PATH}",
        _tell_caused,
    ),
    _word("(os error 2)", rf"{_PATH}[`'\"]?: No such file or directory \(os error 2\)"),
    # Java: java.lang.ProcessBuilder.
    _word("Cannot run program", rf"Cannot run program \"{_PATH}\"[^\n]{{0,200}}error=2,"),
    # systemd: src/core/exec-invoke.c.
    _word("Failed to execute ", rf"Failed to execute {_PATH}: No such file or directory"),
    _word("Failed at step EXEC", rf"Failed at step EXEC spawning {_PATH}: No such file or directory"),
    _word("Unable to locate executable", rf"Unable to locate executable '{_PATH}'"),
    # Docker's and Podman's runtimes, and the init of images.
    word(
        SymptomKind.NO_LOADER,
        ": no such file or dir",
        rf"\bexec:? [\"']?{_PATH}[\"']?: no such file or directory",
        _tell_contained,
    ),
    # Exec format error: bash, zsh, Python.
    word(
        SymptomKind.FOREIGN_PROGRAM,
        "annot execute binary file",
        rf"(?:^|: ){_PATH}: cannot execute binary file",
    ),
    word(SymptomKind.FOREIGN_PROGRAM, "exec format error", rf"zsh: exec format error: {_PATH}"),
    word(
        SymptomKind.FOREIGN_PROGRAM,
        "Exec format error",
        r"\[Errno 8\] Exec format error: '(?P<by>[^'\n]{1,1024})'",
        _tell_foreign,
    ),
)


def _explain_loader(symptom: Symptom, situation: Situation) -> Trouble:
    path, seen = symptom.wanted_by or "", situation.seen
    program = parse_program(path) if path else None
    state = seen.programs.get(path)
    if state is ProgramState.RUNS and symptom.unsure:
        return Trouble(
            kind=SymptomKind.NO_LOADER,
            what=f"{path} is there now, and so is the loader that it asks for: the message is of another "
            "machine, or older than the program, or of a shell with another PATH.",
            now=(f"Run it again: {shlex.quote(path)} --version",),
            answered=False,
        )
    if _CONTAINER in symptom.names and program and state is None:
        return _explain_contained(path, program)
    what = _say_state(path, program, state, unsure=symptom.unsure)
    now: list[str] = []
    paste: list[tuple[str, str]] = []
    prefix = find_prefix(path)
    if prefix:
        now += _lead_to_lock(prefix, state, situation)
    elif state is ProgramState.ABSENT and symptom.unsure:
        now.append("Make the environment: uv sync, or pip install -r requirements.txt")
    elif program and program.root:
        now.append(f"wheelfix patch {shlex.quote(program.root)}")
    elif path and "/" not in path and symptom.unsure:
        now.append("wheelfix patch .venv")
    if situation.interpreter is Interpreter.UV or (program and program.origin is Origin.PYTHON):
        python = f"{FROM_NIX.format(attr='python3')}/bin/python3"
        now.append(f'UV_PYTHON_DOWNLOADS=never UV_PYTHON="{python}" uv sync')
    if program:
        more, paste = _advise(program, state, situation)
        now += more
    here = not symptom.unsure or seen.nixos or not seen.ran
    missing_loader = here and state not in _OTHERWISE
    return Trouble(
        kind=SymptomKind.NO_LOADER, what=what, now=tuple(now), paste=tuple(paste), nix_ld=missing_loader
    )


def _explain_contained(path: str, program: Program) -> Trouble:
    """Explain that a program in a container does not start: of scripts, the Python is most often missing."""
    quoted = shlex.quote(path)
    root = program.root if program.origin is Origin.ENVIRONMENT else None
    again = f"rm -r {shlex.quote(root)}, then uv sync --no-editable, in the image" if root else ""
    if program.compiled:
        return Trouble(
            kind=SymptomKind.NO_LOADER,
            what=f"If {path} is there, it asks for a loader that the image does not have: the image has "
            "no glibc "
            "(Alpine, distroless, one that Nix built), or it is of another architecture.",
            now=(
                f"See which loader: nix-shell -p patchelf --run 'patchelf --print-interpreter {quoted}'",
                "Take an image with glibc (debian:stable-slim), or the wheel for musllinux in one of Alpine.",
                *((f"wheelfix patch {shlex.quote(root)}",) if root else ()),
            ),
        )
    return Trouble(
        kind=SymptomKind.NO_LOADER,
        what=f"{path} is a script, most likely: the Python that its first line names is not in the image. "
        "It was "
        "made at another path, or its Python was left behind (~/.local/share/uv/python).",
        now=(
            f"See the first line: head -n 1 {quoted}",
            *((f"Make the environment anew at the path where it runs: {again}.",) if again else ()),
            "Or copy its Python along: UV_PYTHON_INSTALL_DIR=/python uv sync keeps it at a place of its own.",
            *(
                (f"Or, if its Python was not built for the image: wheelfix patch {shlex.quote(root)}",)
                if root
                else ()
            ),
        ),
    )


def _say_state(path: str, program: Program | None, state: ProgramState | None, *, unsure: bool) -> str:
    name = program.name if program else path
    if state is ProgramState.NO_INTERPRETER:
        return f"{path} is a script, and the program that its first line names is not there."
    if state is ProgramState.DANGLING:
        return f"{path} is a link to a file that is not there any more."
    if state is ProgramState.ABSENT and unsure:
        return f"There is no {path}: the environment has no such program, or is elsewhere."
    if state is ProgramState.NO_LOADER:
        return (
            f"{path} is there, and was not built by Nix: the loader that it asks for is not on this machine."
        )
    if unsure and "/" not in path:
        return (
            f"{path} was found and did not start, or was not found at all. If bin/ of the environment has "
            "it, it was not built by Nix: it asks for a loader in /lib64, and NixOS has none there."
        )
    built = "was not built by Nix: it asks for a loader in /lib64, and NixOS has none there"
    if not unsure:
        return f"{path or 'A program'} {built}."
    if program and is_python(name) and program.origin is Origin.ENVIRONMENT:
        return (
            f"If {path} is there, it is a link to a Python that is gone (collected as garbage, or removed), "
            f"or to one that {built}."
        )
    if program and not program.compiled:
        return (
            f"If {path} is there, it {built}. Or it is a script, and the Python that its first line names is "
            "gone."
        )
    return f"If {path} is there, it {built}."


def _advise(
    program: Program, state: ProgramState | None, situation: Situation
) -> tuple[list[str], list[tuple[str, str]]]:
    """Advise beside `wheelfix patch`: what to run, and what to paste."""
    now: list[str] = []
    if program.origin is Origin.PLAYWRIGHT:
        return now, [write_browsers(situation)]
    if program.origin is Origin.BROWSER:
        title = "A browser and its driver of nixpkgs: name them to the package, by their paths."
        return now, [write_shell(situation, title, packages=("chromium", "chromedriver"))]
    attr = program.attr
    if program.origin is Origin.RUST:
        attr = "rustup" if ".rustup/" in program.path else None
    script = (state in _OTHERWISE or not program.compiled) and not find_prefix(program.path)
    if program.origin is Origin.ENVIRONMENT and script and program.root:
        root = shlex.quote(program.root)
        now.append(f"If its Python is gone, make the environment anew: rm -r {root}, then uv sync.")
    if "/pre-commit/" in program.path:
        name = shlex.quote(program.name)
        now.append(f"Or take {name} from the shell: `language: system` in .pre-commit-config.yaml.")
    if attr is None:
        return now, []
    title = f"nixpkgs' own {program.name}; call it by its name, without the path of the environment."
    return now, [write_shell(situation, title, packages=(attr,))]


def _lead_to_lock(prefix: str, state: ProgramState | None, situation: Situation) -> list[str]:
    """Advise for a prefix of conda, whose own files no patch changes: nix-ld or a build, by its lock."""
    project, pixi, inside = prefix.rpartition("/.pixi/envs/")
    root = shlex.quote(prefix)
    if state in _OTHERWISE:
        maker = "pixi install" if pixi else "create it again from its environment.yml"
        return [f"Make the environment anew: rm -r {root}, then {maker}."]
    lock = "pixi.lock" if pixi else "conda-lock.yml"
    first = [] if pixi or lock in situation.files else ["Lock the environment: conda-lock -f environment.yml"]
    if pixi and lock not in situation.files:
        lock = f"{project}/{lock}"
    group = f" --group {shlex.quote(inside)}" if pixi and inside != "default" else ""
    command = f"wheelfix lock {shlex.quote(lock)}{group}"
    return [
        *first,
        f"{command} --dialect nixos -o nix-ld.nix  # nix-ld, with all that is wanted from outside",
        f"{command} -o environment.nix  # or the environment, made by Nix",
    ]


def _explain_foreign(symptom: Symptom, _situation: Situation) -> Trouble:
    path = symptom.wanted_by or "A program"
    program = parse_program(path)
    root = program.root if program else None
    again = f" Remove {shlex.quote(root)}, and install it again here." if root else ""
    return Trouble(
        kind=SymptomKind.FOREIGN_PROGRAM,
        what=f"{path} is for another kind of machine, or no program at all: cut short, or a text.",
        now=(f"See what it is: file {shlex.quote(path)}.{again}",),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.NO_LOADER: _explain_loader,
    SymptomKind.FOREIGN_PROGRAM: _explain_foreign,
}
