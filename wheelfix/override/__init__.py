"""Plans and renders Nix code that adds inputs to packages, or replaces them by other builds."""
