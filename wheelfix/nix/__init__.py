"""Nix code: an expression tree, its one layout, and what is written with it. Models in, text out."""
