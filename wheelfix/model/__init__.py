"""Models that several rooms share, and the loader of the package's tables."""
