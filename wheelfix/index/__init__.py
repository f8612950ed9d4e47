"""The index: the nix-index database, the soname table built from it, and tables of further knowledge."""
