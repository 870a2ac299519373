"""Searches for metamers of 3D scenes, and the command line of the suite."""
