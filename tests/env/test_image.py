"""The image of an environment: what it starts, and what the user changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.nixeval import evaluate
from wheelfix.env.image import find_program, render_image_local

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "jupyter.md").read_text()


@pytest.mark.parametrize(
    ("required", "name", "port"),
    [
        ({"jupyterlab", "numpy"}, "jupyter-lab", 8888),
        ({"jupyter", "notebook"}, "jupyter-lab", 8888),
        ({"notebook"}, "jupyter-notebook", 8888),
        ({"jupyter-client", "ipykernel"}, "python", None),
        (set(), "python", None),
    ],
)
def test_the_program_is_jupyter_where_jupyter_is_required(
    required: set[str], name: str, port: int | None
) -> None:
    program = find_program(required)
    assert (program.name, program.port) == (name, port)
    assert ("--ip=0.0.0.0" in program.arguments) == (port is not None)


def test_the_file_of_the_user_hands_on_what_it_gets(tmp_path: Path) -> None:
    text = render_image_local()
    path = tmp_path / "image-local.nix"
    path.write_text(text)
    scope = f"import {path} {{ pkgs = {{ }}; lib = {{ }}; environment = {{ }}; }}"
    given = '{ tag = "1"; config = { Cmd = [ ]; WorkingDir = "/mnt"; }; }'
    assert evaluate(f"({scope}) {given}") == {"tag": "1", "config": {"Cmd": [], "WorkingDir": "/mnt"}}
    path.write_text(text.replace("# config", "config"))
    assert evaluate(f"(({scope}) {given}).config") == {
        "Cmd": ["python", "/mnt/main.py"],
        "WorkingDir": "/mnt",
    }


def test_the_changes_of_the_page_are_changes(tmp_path: Path) -> None:
    server, kernel = re.findall(r"```nix\n(# image-local\.nix\n.*?)```", PAGE, re.DOTALL)

    def ask(code: str) -> Any:
        (tmp_path / "image-local.nix").write_text(code)
        create = "jupyter-kernel.create = one: one.definitions.clojure"
        pkgs = f'{{ git = "git"; clojupyter.definition = "c"; {create}; }}'
        config = '{ Env = [ "A=b" ]; WorkingDir = "/mnt"; }'
        given = f'{{ name = "lab"; contents = [ "bash" ]; config = {config}; }}'
        scope = f"{{ pkgs = {pkgs}; lib = {{ }}; environment = {{ }}; }}"
        return evaluate(f"import {tmp_path}/image-local.nix {scope} {given}")

    assert ask(server) == {
        "name": "jupyterlab",
        "tag": "1.0",
        "contents": ["bash"],
        "config": {
            "Cmd": ["jupyter", "lab", "--notebook-dir=/mnt", "--allow-root", "--ip=0.0.0.0"],
            "Env": ["A=b"],
            "WorkingDir": "/mnt",
        },
    }
    assert ask(kernel) == {
        "name": "lab",
        "contents": ["bash", "git"],
        "config": {"Env": ["A=b", "JUPYTER_PATH=c"], "WorkingDir": "/mnt"},
    }
