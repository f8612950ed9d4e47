"""Nix files that exist already: read by a real parser, understood without evaluating them."""
