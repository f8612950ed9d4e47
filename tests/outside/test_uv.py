"""What is said where uv cannot resolve: it tells by its exit code whether requirements have no solution."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.envs import PYTHON
from tests.support.lockserver import serve
from wheelfix.errors import InputError
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.uv import run_uv_lock


def fail(directory: Path, *, build: bool = False) -> str:
    with pytest.raises(InputError, match="uv cannot resolve it: ") as caught:
        run_uv_lock(directory, python=PYTHON, sources=PackageSources(), build=build)
    return caught.value.hint


def test_the_hint_is_for_what_uv_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "x"\nversion = "1"\nrequires-python = "=={PYTHON}.*"\n'
        'dependencies = ["none-has-this"]\n'
    )
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    with serve() as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{server.url}/simple")
        assert "--build" in fail(tmp_path)
        assert fail(tmp_path, build=True) == "change the requirement, or check the index"
    assert fail(tmp_path).startswith("check the network and the package index")
