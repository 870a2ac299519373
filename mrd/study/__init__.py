"""The study file, its sections, the runs it asks for, and their directories."""
