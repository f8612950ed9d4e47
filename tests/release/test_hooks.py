"""Files that other programs read: the hook for pre-commit, the workflow for GitHub."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

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
        [PROGRAMS / "nox", "--list", "-f", ROOT / "noxfile.py"], capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in listed.splitlines() if line.startswith(("* tests-", "- tests-"))} == {
        f"tests-{version}" for version in classified
    }
