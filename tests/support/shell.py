"""Shell code of packages, run in a directory of files, with a stand-in for what nixpkgs' stdenv defines."""

from __future__ import annotations

import subprocess
from pathlib import Path

SUBSTITUTE = r"""
substituteInPlace() {
  local text
  [ "$#" = 4 ] && [ "$2" = --replace-fail ] || { echo "cannot be called so: $*" >&2; return 1; }
  text=$(cat "$1" && echo .) || return 1
  text=${text%.}
  case "$text" in
    *"$3"*) ;;
    *) echo "nothing to replace in $1: $3" >&2; return 1 ;;
  esac
  printf %s "${text//"$3"/"$4"}" > "$1"
}
"""
"""What nixpkgs' ``substituteInPlace`` does with one file and ``--replace-fail``."""


def run_shell(code: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as a phase of a build is run: it stops at the first command that fails.

    Args:
        code: the code.
        directory: to run it in.
        environment: variables; there are no others but PATH.
    """
    return subprocess.run(
        ["bash", "-c", f"set -eu -o pipefail\n{SUBSTITUTE}\n{code}"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
