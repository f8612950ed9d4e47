"""Shell code of packages, run in a directory of files, with a stand-in for what nixpkgs' stdenv defines."""

from __future__ import annotations

import subprocess
from pathlib import Path

SUBSTITUTE = r"""
substituteInPlace() {
  local file="$1" content
  shift
  if [ ! -f "$file" ]; then
    echo "substitute(): ERROR: file '$file' does not exist" >&2
    return 1
  fi
  if IFS='' read -r -d '' content < "$file"; then
    echo "consumeEntire(): ERROR: Input null bytes, won't process" >&2
    return 1
  fi
  while (( "$#" )); do
    [ "$1" = --replace-fail ] && [ "$#" -ge 3 ] || { echo "invalid command line argument: $1" >&2; return 1; }
    if ! [[ "$content" == *"$2"* ]]; then
      printf "substituteStream(): ERROR: pattern %q doesn't match anything in file '%s'\n" "$2" "$file" >&2
      return 1
    fi
    content="${content//"$2"/"$3"}"
    shift 3
  done
  printf '%s' "$content" > "$file"
}
"""
"""As ``pkgs/stdenv/generic/setup.sh`` does it, for one file and ``--replace-fail``."""


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
