"""Experiments: trials, procedures, observers, sessions, and the window that shows them."""
