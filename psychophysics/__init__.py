"""Experiments with people and other observers: trials, procedures, sessions, window, web page."""
