"""What wheelfix does, one short function per command. Start reading here.

Every flow goes one way: text, target, reading, scan, plan, and then code or changed files. A flow names the
steps. What is decided in a step is in the room of its feature, and no flow knows another.

=================================  =========================================================
:mod:`wheelfix.flows.scan`         what targets need, and who provides each
:mod:`wheelfix.flows.locate`       who provides some sonames, who has some files
:mod:`wheelfix.flows.explain`      from an error message to what to paste
:mod:`wheelfix.flows.patch`        run paths rewritten, and taken back
:mod:`wheelfix.flows.override`     Nix code that gives wheels the libraries they need
:mod:`wheelfix.flows.adapter`      nixpkgs' build of a package in place of its wheel
:mod:`wheelfix.flows.flake`        nixpkgs re-exported with a configuration
:mod:`wheelfix.flows.lint`         whether existing Nix code fits what wheels need
:mod:`wheelfix.flows.sdist`        source distributions that are built with cargo
:mod:`wheelfix.flows.lock`         one overlay for a whole lock
:mod:`wheelfix.flows.env`          a complete environment, resolved by uv
:mod:`wheelfix.flows.report`       all of it on one page
:mod:`wheelfix.flows.start`        what there is in a directory, and what to do next
:mod:`wheelfix.flows.index`        where these answers come from
=================================  =========================================================

What only one flow needs is imported there: asking for one soname should not wait for what reads wheels.
"""
