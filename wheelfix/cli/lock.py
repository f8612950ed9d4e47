"""``wheelfix lock``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.options import (
    TARGET,
    basic_options,
    check_platform,
    gpu_option,
    index_options,
    nixpkgs_option,
    print_json,
    python_option,
    tell_findings,
    wish_options,
)
from wheelfix.cli.output import (
    make_options,
    output_option,
    supply_options,
    write_text,
)
from wheelfix.model.override import Cuda, Dialect, Form
from wheelfix.wheel.input import open_input

_EPILOG = """\b
Examples:
  wheelfix lock uv.lock -o overrides.nix
  wheelfix lock uv.lock -o overrides.nix --check
  wheelfix lock uv.lock --provider torch=nixpkgs --provider 'numpy=sdist' --extra '*'
  wheelfix lock poetry.lock --dialect poetry2nix --group main
  wheelfix lock uv.lock --dialect devenv -o libraries.nix
  wheelfix lock requirements.txt --find-links wheels/ --dialect nixpkgs
  wheelfix lock uv.lock --dialect nixpkgs --as overlay -o overlay.nix
  wheelfix lock pylock.toml --json | jq .findings
  wheelfix lock Pipfile.lock --group develop
  wheelfix lock pixi.lock --group cuda --dialect nixos -o nix-ld.nix
  wheelfix lock pixi.lock -o environment.nix
"""


@click.command(epilog=_EPILOG)
@click.argument("lockfile", type=TARGET)
@click.option(
    "--dialect",
    type=click.Choice([d.value for d in Dialect]),
    help="The tool to write for. [default: uv2nix; for pixi.lock and conda-lock.yml: conda]",
)
@click.option(
    "--cuda",
    type=click.Choice([Cuda.WHEELS.value, Cuda.NIXPKGS.value]),
    help="Where CUDA libraries come from. [default: wheels; for the dialect nixpkgs: nixpkgs]",
)
@click.option(
    "--as",
    "form",
    type=click.Choice([form.value for form in Form]),
    help="Form of the code for the dialect nixpkgs. [default: file]",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME|URL|DIR",
    help="Channel for packages from conda, the strongest first; repeatable. [default: [tool.wheelfix.conda] "
    "channels in pyproject.toml, else conda-forge]",
)
@click.option("--tests", is_flag=True, help="Recipes of nixpkgs that the overlay changes run their tests.")
@gpu_option
@click.option("--extra", "extras", multiple=True, metavar="GLOB", help="Extra of the project; repeatable.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GLOB",
    help="Dependency group, instead of the lock's default ones; repeatable. Of pixi: the environment.",
)
@supply_options
@wish_options
@python_option("Python version of the package set.")
@click.option(
    "--platform",
    callback=check_platform,
    default="x86_64-linux",
    show_default=True,
    help="Nix system of the package set.",
)
@index_options
@nixpkgs_option
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON; code only with -o.")
@click.option("--check", is_flag=True, help="Write nothing: exit code 1 if the file named with -o is stale.")
@output_option
@basic_options
def lock(
    lockfile: str,
    *,
    dialect: str | None,
    cuda: str | None,
    form: str | None,
    channels: tuple[str, ...],
    tests: bool,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    providers: tuple[str, ...],
    find_links: tuple[str, ...],
    keep: tuple[str, ...],
    strip: tuple[str, ...],
    as_json: bool,
    check: bool,
    output: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Write one overlay, or one list of libraries, for all packages of a lock.

    LOCKFILE is uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, or a requirements.txt with hashes;
    with wheelfix[conda] also pixi.lock or conda-lock.yml, of which one platform and one environment is taken.
    Each package's wheel for the target is read, once: what was found is kept by the wheel's hash. The overlay
    has what is needed and nothing else; what it leaves open is in its head and on stderr.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.flows.lock import write_lock
    from wheelfix.lock.model import LockOptions
    from wheelfix.lockfile.select import Asked
    from wheelfix.model.base import replace
    from wheelfix.override.dialects import TRAITS
    from wheelfix.override.strip import make_wishes

    if check and output is None:
        raise click.UsageError("--check compares with a file: name it with -o FILE")
    tool = Dialect(dialect or Dialect.UV2NIX)
    if form and tool is not Dialect.NIXPKGS:
        raise click.UsageError(f"--as {form} is for --dialect nixpkgs, not for --dialect {tool}")
    if tests and form in {None, Form.FILE}:
        raise click.UsageError("--tests is for recipes of nixpkgs: name --as overlay or python-overrides")
    scan = make_options(quiet=quiet, find_links=find_links, lock=Path(lockfile), **options)
    with show_progress("downloading wheels", enabled=not quiet) as progress:
        plan, text = write_lock(
            lockfile,
            LockOptions(
                scan=replace(scan, progress=progress),
                dialect=tool,
                by_lock=dialect is None,
                form=Form(form or Form.FILE),
                channels=channels,
                tests=tests,
                cuda=Cuda(cuda) if cuda else TRAITS[tool].cuda,
                wishes=make_wishes(keep, strip),
                asked=Asked(extras=extras, groups=groups or None),
                providers=providers,
                find_links=tuple(Path(link) for link in find_links if "://" not in link),
            ),
        )
    tell_findings(plan.told, quiet=quiet)
    if not quiet:
        conda = f", {len(plan.conda)} of conda" if plan.conda else ""
        kinds = "files" if plan.conda else "wheels"
        click.echo(f"{len(plan.choices)} packages{conda}, {len(plan.read)} {kinds} read", err=True)
    if as_json:
        from wheelfix.report.json import document_lock

        print_json(document_lock(plan))
    if check and output:
        sys.exit(max(_check(text, output), 0 if plan.answered else 1))
    if output or not as_json:
        write_text(text, output)
    sys.exit(0 if plan.answered else 1)


def _check(text: str, output: Path) -> int:
    if output.exists():
        with open_input(output, hint="name the file to compare with") as file:
            if file.read() == text.encode("utf-8", "backslashreplace"):
                return 0
    problem = "is stale" if output.exists() else "is not there"
    click.echo(f"wheelfix: {output}: {problem}\nhint: run the same command without --check", err=True)
    return 1
