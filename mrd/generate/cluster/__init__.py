"""Run a study on a Slurm cluster."""
