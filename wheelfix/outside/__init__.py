"""What lies outside: the network, other programs, and their configuration."""
