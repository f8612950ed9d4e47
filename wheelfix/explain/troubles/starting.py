"""Messages about programs that do not start, as their loader is not there."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.explain.model import Interpreter, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import FROM_NIX, Explain
from wheelfix.explain.wording import word

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
        r"cannot execute (?P<by>[^\n]+?): You are trying to run an unpatched binary",
    ),
    word(SymptomKind.NO_LOADER, "[nix-ld] FATAL", r"\[nix-ld\] FATAL: "),
    word(SymptomKind.NO_LOADER, "ould not find nix-ld", r"[Cc]ould not find nix-ld"),
    # bash 5.2 and newer, where execve says ENOENT for a file that is there.
    word(
        SymptomKind.NO_LOADER,
        "required file not found",
        r"(?:^|: )(?P<by>[^:\n]+): cannot execute: required file not found",
    ),
)


def _explain_loader(symptom: Symptom, situation: Situation) -> Trouble:
    program = symptom.wanted_by or "A program"
    now = ["Turn nix-ld on as above, once for the whole system."]
    if situation.interpreter is Interpreter.UV or "/uv/python/" in program:
        python = f"{FROM_NIX.format(attr='python3')}/bin/python3"
        now.insert(0, f'UV_PYTHON_DOWNLOADS=never UV_PYTHON="{python}" uv sync')
    return Trouble(
        kind=SymptomKind.NO_LOADER,
        what=f"{program} was not built by Nix: it asks for a loader in /lib64, and NixOS has none there.",
        now=tuple(now),
        nix_ld=True,
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.NO_LOADER: _explain_loader,
}
