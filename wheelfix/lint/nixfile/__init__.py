"""Nix files: what they say about packages, without evaluating them."""
