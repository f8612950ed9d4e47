"""What wheelfix does, one short function per command. Start reading here.

Read, model, resolve, render or apply: every flow goes that way once, from left to right.

=================================  =========================================================
:mod:`wheelfix.flows.scan`         what targets need, and who provides each
:mod:`wheelfix.flows.locate`       who provides some sonames, who has some files
:mod:`wheelfix.flows.explain`      from an error message to what to paste
:mod:`wheelfix.flows.patch`        run paths rewritten, and taken back
:mod:`wheelfix.flows.nix`          adapters, overrides and flakes
:mod:`wheelfix.flows.lint`         whether existing Nix overrides fit what wheels need
:mod:`wheelfix.flows.sdist`        source distributions that are built with cargo
:mod:`wheelfix.flows.lock`         one overlay for a whole lock
:mod:`wheelfix.flows.env`          a complete environment, resolved by uv
:mod:`wheelfix.flows.report`       all of it on one page
:mod:`wheelfix.flows.index`        where these answers come from
=================================  =========================================================

What only one flow needs is imported there: asking for one soname should not wait for what reads wheels.
"""
