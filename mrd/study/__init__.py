"""The study file and its sections, the runs of a study, and their directories."""
