"""Run the console sessions of pages, and write what they print where it differs from what is shown.

    python scripts/fill_docs.py docs/tutorial.md...

Output that matches what is shown, ``…`` included, stays as it is. Read the difference before you keep it: the
tests compare pages with the program, and cannot tell which of the two is wrong.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.docs.test_blocks import (  # noqa: E402 - the checkout's own tests, wherever this is run
    FENCE,
    matches,
    prepare,
    read_blocks,
    run_command,
    run_setup,
    split_commands,
)


def main() -> None:
    for name in sys.argv[1:]:
        fill_page(Path(name).resolve())


def fill_page(page: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        directory = Path(work) / "project"
        directory.mkdir()
        sessions = [block.text for block in read_blocks(page) if block.run and block.language == "console"]
        environment = prepare(directory, "".join(sessions))

        def fill(match: re.Match[str]) -> str:
            if match["word"] != "run" or match["language"] != "console":
                return match[0]
            run_setup(match["setup"] or "", directory, environment)
            text = "".join(
                fill_output(command, shown, run_command(command, directory, environment))
                for command, shown in split_commands(match["text"])
            )
            head = match[0][: match.start("text") - match.start()]
            return f"{head}{text}```"

        page.write_text(FENCE.sub(fill, page.read_text()))


def fill_output(command: str, shown: str, output: str) -> str:
    kept = shown if matches(shown, output) else "\n".join(line.rstrip() for line in output.splitlines())
    kept = kept.strip("\n")
    return "$ " + command.replace("\n", "\n> ") + "\n" + (f"{kept}\n" if kept else "")


if __name__ == "__main__":
    main()
