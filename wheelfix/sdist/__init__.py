"""Plans and renders builds of source distributions: what they need, and the Nix code for it."""
