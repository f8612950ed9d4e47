"""Files that other programs read: the hook for pre-commit, the workflow for GitHub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
CHECK = [str(PROGRAMS / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]


def test_pre_commit_takes_the_hooks() -> None:
    command = [str(PROGRAMS / "pre-commit"), "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_github_takes_the_workflow() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows
    result = subprocess.run([*CHECK, *map(str, workflows)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_documented_workflow_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text()
    text = page.partition("## GitHub Actions")[2].partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "wheels.yml").write_text(text)
    result = subprocess.run(
        [*CHECK, str(tmp_path / "wheels.yml")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_documented_hooks_exist() -> None:
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text()
    text = page.partition("## pre-commit")[2].partition("```yaml\n")[2].partition("```")[0]
    used = {hook["id"] for repo in yaml.safe_load(text)["repos"] for hook in repo["hooks"]}
    assert used == {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def test_pythons_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    classified = {c.rpartition(" ")[2] for c in project["classifiers"] if "Python :: 3." in c}
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert set(workflow["jobs"]["test"]["strategy"]["matrix"]["python"]) == classified
    listed = subprocess.run(
        [PROGRAMS / "nox", "-s", "tests", "--list", "--json", "-f", ROOT / "noxfile.py"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {one["python"] for one in json.loads(listed) if one["name"] == "tests"} == classified


@pytest.mark.network
def test_hook_passes_what_is_up_to_date_and_fails_what_is_stale(tmp_path: Path) -> None:
    """As a user's project runs it, installed by pre-commit from this checkout's last commit."""
    (tmp_path / "uv.lock").write_text(
        'version = 1\nrevision = 3\nrequires-python = ">=3.12"\n\n'
        '[[package]]\nname = "demo"\nversion = "0.1.0"\nsource = { virtual = "." }\n'
    )
    env = {
        **os.environ,
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)

    hook = ("pre-commit", "try-repo", str(ROOT), "wheelfix-lock-check", "--files", "uv.lock")
    assert run("git", "init", "-q").returncode == 0
    written = run("wheelfix", "lock", "uv.lock", "--output", "wheels.nix")
    assert written.returncode == 0, written.stderr
    fresh = run(*hook)
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    (tmp_path / "wheels.nix").write_text("{ }\n")
    stale = run(*hook)
    assert stale.returncode == 1
    assert "wheels.nix: is stale" in stale.stdout
