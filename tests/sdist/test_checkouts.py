"""Hashes of checkouts against those of the real Nix."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.sdist import lock as write_lock
from wheelfix.model.sdist import CargoLock
from wheelfix.sdist.checkouts import find_hashes, hash_tree
from wheelfix.sdist.manifests import parse_lock

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def ask_nix(path: Path) -> str:
    command = ["nix-hash", "--type", "sha256", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def fill(directory: Path) -> None:
    (directory / "sub").mkdir(parents=True)
    (directory / "empty").mkdir()
    (directory / "sub" / "eight").write_bytes(b"12345678")
    (directory / "none").write_bytes(b"")
    (directory / "run").write_text("#!")
    (directory / "run").chmod(0o755)
    (directory / "Öl.rs").write_text("ö")
    (directory / os.fsdecode(b"raw-\xff")).write_text("x")
    (directory / "link").symlink_to("sub/eight")
    (directory / "Upper").write_bytes(bytes(3_000_001))


def locked(*commits: str) -> CargoLock:
    text = write_lock("*demo 1.0.0")
    for commit in commits:
        text += f'[[package]]\nname = "g"\nversion = "1"\nsource = "git+https://x/g?rev=1#{commit}"\n'
    return parse_lock("Cargo.lock", text.encode())


def check_out(home: Path, *, commit: str = COMMIT, short: int = 7, whole: bool = True) -> Path:
    checkout = home / "git" / "checkouts" / "g-5f3a" / commit[:short]
    fill(checkout)
    (checkout / ".git").mkdir()
    (checkout / ".git" / "HEAD").write_text(commit + "\n")
    (checkout / "sub" / ".git").write_text("gitdir: elsewhere")
    if whole:
        (checkout / ".cargo-ok").touch()
    return checkout


def test_hash_is_that_of_nix(tmp_path: Path) -> None:
    fill(tmp_path / "tree")
    assert hash_tree(tmp_path / "tree").hex() == ask_nix(tmp_path / "tree")
    assert hash_tree(tmp_path / "tree" / "run").hex() == ask_nix(tmp_path / "tree" / "run")


@pytest.mark.parametrize("short", [7, 9])
def test_checkout_is_hashed_without_what_is_not_of_it(tmp_path: Path, short: int) -> None:
    check_out(tmp_path / "home", short=short)
    fill(tmp_path / "tree")
    found = find_hashes(locked(COMMIT, "f" * 40), tmp_path / "home")
    assert {commit: digest.hex() for commit, digest in found.items()} == {COMMIT: ask_nix(tmp_path / "tree")}


def git(directory: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always"]
    command = ["git", "-C", str(directory), *settings, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_checkout_of_the_real_cargo_is_that_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin, project, clone = tmp_path / "origin", tmp_path / "project", tmp_path / "clone"
    (origin / "src").mkdir(parents=True)
    (origin / "Cargo.toml").write_text('[package]\nname = "g"\nversion = "1.0.0"\n')
    (origin / "src" / "lib.rs").write_text("// g")
    (origin / "run.sh").write_text("#!")
    (origin / "run.sh").chmod(0o755)
    (origin / "link").symlink_to("src")
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "x")
    (project / "src").mkdir(parents=True)
    (project / "src" / "lib.rs").touch()
    (project / "Cargo.toml").write_text(
        f'[package]\nname = "demo"\nversion = "1.0.0"\n[dependencies]\ng = {{ git = "file://{origin}" }}\n'
    )
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    subprocess.run(["cargo", "generate-lockfile", "--quiet"], cwd=project, check=True)
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    commit = git(clone, "rev-parse", "HEAD")
    shutil.rmtree(clone / ".git")
    lock = parse_lock("Cargo.lock", (project / "Cargo.lock").read_bytes())
    assert {c: digest.hex() for c, digest in find_hashes(lock).items()} == {commit: ask_nix(clone)}


def test_checkout_that_is_not_whole_or_not_that_commit_does_not_count(tmp_path: Path) -> None:
    check_out(tmp_path / "a", whole=False)
    other = check_out(tmp_path / "b")
    (other / ".git" / "HEAD").write_text("f" * 40)
    assert find_hashes(locked(COMMIT), tmp_path / "a") == {}
    assert find_hashes(locked(COMMIT), tmp_path / "b") == {}
    assert find_hashes(locked(COMMIT), tmp_path / "absent") == {}


def test_special_file_makes_no_hash(tmp_path: Path) -> None:
    os.mkfifo(check_out(tmp_path) / "pipe")
    assert find_hashes(locked(COMMIT), tmp_path) == {}


def test_cargo_home_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_out(tmp_path)
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    assert set(find_hashes(locked(COMMIT))) == {COMMIT}
