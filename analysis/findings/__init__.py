"""Results of a whole study: all tables, thresholds, reaches and pixel metamers."""
