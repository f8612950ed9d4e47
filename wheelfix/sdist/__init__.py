"""Source distributions: what they need to build, and the Nix code that builds them."""
