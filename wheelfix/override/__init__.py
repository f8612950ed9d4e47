"""Code that adds inputs to packages, or puts other builds in their place."""
