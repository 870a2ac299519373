"""Carry out searches and render images: one run, all runs of a study, worker processes."""
