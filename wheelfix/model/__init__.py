"""Models that rooms share, and the loader of the package's tables. Nothing else is read here."""
