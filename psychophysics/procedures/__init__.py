"""Procedures, which choose the levels of a condition trial by trial."""
