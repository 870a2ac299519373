"""The search for a metamer: variables, losses, optimisers, modes and controls."""
