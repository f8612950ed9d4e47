"""Plans and renders one overlay for a whole lock."""
