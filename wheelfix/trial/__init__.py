"""Imports the modules of an environment where there is nothing else, and tells what fails."""
