"""Messages about programs that packages run, and that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wheelfix.explain.asked import Asked, find_asked
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.troubles.settings import write_shell
from wheelfix.explain.wording import Around, word

_STARTS = re.compile(r"\b(?:subprocess\.py|_execute_child|posix_spawn|os\.exec\w*|asyncio/|pexpect|sh\.py)")


def _read_started(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """A name without a directory is a program's if the traceback shows that one is started."""
    if any(_STARTS.search(line) for line in around.before()):
        yield Symptom(kind=SymptomKind.NO_PROGRAM, names=(match["names"],))


WORDINGS = (
    # Python: FileNotFoundError of subprocess.
    word(
        SymptomKind.NO_PROGRAM,
        "No such file or directory: ",
        r"\[Errno 2\] No such file or directory: [b]?'(?P<names>[A-Za-z][\w.+-]{0,60})'",
        _read_started,
    ),
    # bash, zsh, fish and dash.
    word(
        SymptomKind.NO_PROGRAM,
        "command not found",
        r"(?:^|: )(?P<names>[A-Za-z][\w.+-]{0,60}): command not found\s*$",
    ),
    word(
        SymptomKind.NO_PROGRAM,
        "command not found: ",
        r"command not found: (?P<names>[A-Za-z][\w.+-]{0,60})\s*$",
    ),
    word(
        SymptomKind.NO_PROGRAM,
        ": not found",
        r"sh: (?:\d+: )?(?P<names>[A-Za-z][\w.+-]{0,60}): not found\s*$",
    ),
)


def _explain_absent(symptom: Symptom, situation: Situation) -> Trouble | None:
    asked = [Asked(SymptomKind.PROGRAM, name) for name in symptom.names]
    found = {
        one.name: answer.native
        for one, answer in find_asked(asked, situation.index, situation.names_of).items()
    }
    attrs = tuple(dict.fromkeys(one.attr for inputs in found.values() for one in inputs[:1]))
    if not attrs:
        return None
    names = " or ".join(found)
    who = f"{symptom.distribution} runs" if symptom.distribution else "This runs"
    title = f"Programs for {symptom.distribution or 'what runs them'}."
    return Trouble(
        kind=symptom.kind,
        what=f"{who} the program {names}, and it is not on PATH: {' or '.join(attrs)} has it.",
        paste=(write_shell(situation, title, packages=attrs[:1]),),
        now=(f"nix-shell -p {attrs[0]} --run COMMAND",),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {SymptomKind.NO_PROGRAM: _explain_absent}
