"""Which of sixty-three distributions that need nothing get code all the same.

    python -m benchmarks.nothing [NAME ...]

They are of those that are downloaded most: pure Python, or compiled and carrying all they load, but for what
uv2nix adds by itself. Many of them load libraries of other systems, of their own, or of the C library.
(Not among them: matplotlib, which opens libX11 and libwayland-client, and pillow, which opens libfribidi.)
One line for each that gets more than nothing, and a count; the exit code is 1 if there is one.
"""

from __future__ import annotations

import json
import subprocess
import sys

NAMES = [
    "aiohttp", "anyio", "argon2-cffi-bindings", "attrs", "bcrypt", "black", "boto3", "certifi", "cffi",
    "charset-normalizer", "click", "colorama", "coverage", "cryptography", "cython", "distlib", "fastapi",
    "filelock", "flask", "frozenlist", "gevent", "greenlet", "grpcio", "h5py", "httptools", "idna",
    "jinja2", "keyring", "kiwisolver", "lxml", "markupsafe", "msgpack", "multidict", "mypy", "numpy",
    "orjson", "packaging", "pandas", "pip", "platformdirs", "portalocker", "prompt-toolkit", "protobuf",
    "psutil", "pydantic-core", "pymongo", "pynacl", "pytest", "pyyaml", "regex", "requests", "rich",
    "ruff", "scikit-learn", "scipy", "setuptools", "shapely", "sqlalchemy", "threadpoolctl", "tqdm",
    "uvloop", "websockets", "wheel",
]  # fmt: skip
KINDS = ("inputs", "run_path_inputs", "substitutions", "ignored", "searches", "driver")


def find_code(name: str) -> list[str]:
    """What the override of a distribution has beside the inputs that uv2nix adds by itself."""
    command = [sys.executable, "-m", "wheelfix", "override", "--json", "--quiet", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        return [f"not read: {done.stderr.strip()}"]
    (package,) = json.loads(done.stdout)["packages"]
    found = [
        f"{kind}: {one.get('attr') or one.get('soname') or one.get('file') if isinstance(one, dict) else one}"
        for kind in KINDS
        for one in package[kind]
        if not (isinstance(one, dict) and one.get("baseline"))
    ]
    if shim := package["shim"]:
        found += [f"shim: {library['name']} ({library['reason']})" for library in shim["libraries"]]
    return found


def main() -> int:
    """Print what is too much."""
    names = sys.argv[1:] or NAMES
    wrong = 0
    for name in names:
        for line in (found := find_code(name)):
            print(f"{name}: {line}")
        wrong += bool(found)
    print(f"{wrong} of {len(names)} get code")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
