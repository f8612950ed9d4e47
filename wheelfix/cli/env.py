"""``wheelfix env``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.options import (
    FILE,
    basic_options,
    check_platform,
    gpu_option,
    index_options,
    json_option,
    print_json,
    python_option,
    tell_findings,
    wish_options,
)
from wheelfix.cli.output import make_options, supply_options

_EPILOG = """\b
Examples:
  wheelfix env tools -r requirements.txt
  wheelfix env tools
  wheelfix env lab --from ../project/pyproject.toml --python 3.13 --provider torch=nixpkgs
  wheelfix env lab -r requirements.txt --build --r data.table
  wheelfix env lab --from environment.yml
  wheelfix env lab --from pixi.toml --group test
"""


@click.command(epilog=_EPILOG)
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("-r", "--requirements", type=FILE, metavar="FILE", help="A requirements.txt to resolve.")
@click.option(
    "--from",
    "project",
    type=FILE,
    metavar="FILE",
    help="A pyproject.toml, environment.yml or pixi.toml whose dependencies count.",
)
@click.option(
    "--group", "environment", default="", metavar="NAME", help="Environment of pixi.toml. [default: default]"
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME|URL|DIR",
    help="Channel of conda, instead of those that the file names; the strongest first; repeatable.",
)
@supply_options
@click.option(
    "--nixpkgs",
    default="github:NixOS/nixpkgs/nixos-unstable",
    show_default=True,
    metavar="URL",
    help="Flake to take nixpkgs from.",
)
@click.option(
    "--build",
    is_flag=True,
    help="Let uv build source distributions that do not state what they require: this runs their code.",
)
@click.option(
    "--r",
    "r_packages",
    multiple=True,
    metavar="PACKAGE",
    help="An R package that rpy2 finds, by R's own name (data.table); repeatable.",
)
@wish_options
@python_option("Python version.", first="the last run")
@click.option(
    "--platform", callback=check_platform, default="x86_64-linux", show_default=True, help="Nix system."
)
@gpu_option
@index_options
@json_option
@basic_options
def env(
    directory: Path,
    *,
    requirements: Path | None,
    project: Path | None,
    environment: str,
    channels: tuple[str, ...],
    providers: tuple[str, ...],
    find_links: tuple[str, ...],
    keep: tuple[str, ...],
    strip: tuple[str, ...],
    nixpkgs: str,
    build: bool,
    r_packages: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Write a complete, portable definition of a Python environment into DIR.

    uv resolves; wheelfix writes pyproject.toml, uv.lock, overrides.nix, default.nix, flake.nix (environment,
    dev shell, container image) and shell.nix. Run again it brings them up to date; overrides-local.nix and
    image-local.nix are yours and stay. Without -r and --from, DIR's own pyproject.toml counts. No code of a
    distribution runs, unless --build allows it.

    An environment of conda, of environment.yml or pixi's manifest, is solved by rattler (wheelfix[conda]):
    conda-lock.yml and conda.nix take the places of uv.lock and overrides.nix. A pixi.lock beside the manifest
    is taken as it is.
    """
    from wheelfix.cli.progress import show_progress
    from wheelfix.env.model import EnvOptions
    from wheelfix.flows.env import write_env
    from wheelfix.lock.model import LockOptions
    from wheelfix.model.base import replace
    from wheelfix.override.strip import make_wishes

    if requirements and project:
        raise click.UsageError("-r and --from name two sources: give one")
    if build and not quiet:
        click.echo("wheelfix: note: --build: code of source distributions may run on this machine", err=True)
    scan = make_options(quiet=quiet, find_links=find_links, **options)
    with show_progress("downloading wheels", enabled=not quiet) as progress:
        lock = LockOptions(
            scan=replace(scan, progress=progress),
            wishes=make_wishes(keep, strip),
            providers=providers,
            channels=channels,
            find_links=tuple(Path(link) for link in find_links if "://" not in link),
            r_packages=r_packages,
        )
        written = write_env(
            directory,
            EnvOptions(
                lock=lock,
                requirements=requirements,
                project=project,
                environment=environment,
                channels=tuple(map(_name_channel, channels)),
                nixpkgs=nixpkgs,
                build=build,
                quiet=quiet,
            ),
        )
    plan = written.plan
    tell_findings(plan.told, quiet=quiet)
    if as_json:
        from wheelfix.report.json import document_env

        print_json(
            document_env(plan, written.files, written.changed, directory=str(directory), nixpkgs=nixpkgs)
        )
    elif not quiet:
        click.echo("\n".join(str(directory / name) for name in written.changed) or "all is as it was")
        if written.changed:
            click.echo(_say_next(directory), err=True)
    sys.exit(0 if plan.answered else 1)


def _say_next(directory: Path) -> str:
    """Say how the files are used; a slash tells a flake from a name of Nix' registry."""
    from wheelfix.report.escape import printable

    path = str(directory) if directory.is_absolute() else f"./{directory}"
    flake, image = shlex.quote(path), shlex.quote(f"{path}#image")
    return printable(
        f"next: `nix develop {flake}`, or without flakes `nix-shell {flake}`; `nix build {flake}`; "
        f"for the image `nix build {image}`. In a git repository, `git add` the files first"
    )


def _name_channel(text: str) -> str:
    """Write the address of a directory: its path is relative to here, not to the file that names channels."""
    return Path(text).absolute().as_uri() if text.startswith((".", "/")) else text
