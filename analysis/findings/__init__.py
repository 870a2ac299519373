"""Results of a whole study: metamers, thresholds, reaches and artefacts."""
