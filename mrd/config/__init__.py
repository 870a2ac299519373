"""The parts of a study file that belong to `mrd`: models, searches and series.

Only structure is checked here, without reading a file and without loading a network: whether a
layer, a weights file or a mesh exists is found out by the commands that use them.
"""
