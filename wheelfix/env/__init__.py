"""Plans and writes complete environment definitions."""
