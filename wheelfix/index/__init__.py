"""Who provides a soname: the nix-index database, its compact table, and tables of facts beside it."""
