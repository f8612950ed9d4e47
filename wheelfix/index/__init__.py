"""Who provides a soname: the nix-index database, its compact table, and the tables beside it."""
