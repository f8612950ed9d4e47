"""Runs the commands of wheelfix, one short function per command. Start reading here.

Every flow has the same order: text, target, reading, scan, plan, and then code or changed files. A flow calls
the steps; the decisions of a step are in the room of its feature. No flow imports another.

=================================  =========================================================
:mod:`wheelfix.flows.scan`         finds what targets need, and the provider of each
:mod:`wheelfix.flows.locate`       finds providers of sonames, and packages with files
:mod:`wheelfix.flows.explain`      explains an error message, and writes what to paste
:mod:`wheelfix.flows.patch`        rewrites run paths, and restores them
:mod:`wheelfix.flows.trial`        imports all modules of an environment
:mod:`wheelfix.flows.override`     writes Nix code that gives wheels their libraries
:mod:`wheelfix.flows.adapter`      replaces a wheel by nixpkgs' build of the package
:mod:`wheelfix.flows.flake`        re-exports nixpkgs with a configuration
:mod:`wheelfix.flows.lint`         checks existing Nix code against what wheels need
:mod:`wheelfix.flows.sdist`        writes code to build source distributions with cargo
:mod:`wheelfix.flows.lock`         writes one overlay for a whole lock
:mod:`wheelfix.flows.env`          writes a complete environment, resolved by uv
:mod:`wheelfix.flows.report`       writes a page with all results for a target
:mod:`wheelfix.flows.start`        finds the next commands for a directory
:mod:`wheelfix.flows.index`        builds and updates the index
=================================  =========================================================

Modules that only one flow needs are imported in it, so that a lookup of one soname starts fast.
"""
