"""The files of an environment: what is written, what stays, and what is in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wheelfix.env.resolve import apply_files
from wheelfix.errors import ApplyError

FILES = {"default.nix": "new"}
ONCE = {"local.nix": "template"}


def test_files_of_the_user_stay_whatever_they_are(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.nix").write_text("mine")
    (tmp_path / "local.nix").symlink_to("elsewhere.nix")
    assert apply_files(tmp_path, FILES, once=ONCE) == ("default.nix",)
    assert (tmp_path / "local.nix").read_text() == "mine"
    (tmp_path / "local.nix").unlink()
    (tmp_path / "local.nix").mkdir()  # Nix imports its default.nix
    assert apply_files(tmp_path, FILES, once=ONCE) == ()


def test_a_link_of_the_user_to_nothing_is_kept_and_told(tmp_path: Path) -> None:
    (tmp_path / "local.nix").symlink_to("elsewhere.nix")
    with pytest.raises(ApplyError, match=r"local\.nix: leads nowhere, and Nix imports it"):
        apply_files(tmp_path, FILES, once=ONCE)
    assert [path.name for path in tmp_path.iterdir()] == ["local.nix"]
    assert (tmp_path / "local.nix").readlink() == Path("elsewhere.nix")


@pytest.mark.parametrize("name", ["default.nix", "local.nix"])
def test_a_pipe_is_neither_waited_for_nor_replaced(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ApplyError, match=rf"{name}: is a named pipe"):
        apply_files(tmp_path, FILES, once=ONCE)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_directory_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "default.nix").mkdir()
    with pytest.raises(ApplyError, match=r"default\.nix: is a directory, no file"):
        apply_files(tmp_path, FILES, once=ONCE)
