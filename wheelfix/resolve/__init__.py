"""Models in, conclusions out: no files, no processes, no network."""
