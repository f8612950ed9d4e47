"""Access to everything outside the program: the network, other programs, their caches and configuration."""
