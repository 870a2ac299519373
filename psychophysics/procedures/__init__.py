"""How the levels of a condition are chosen, trial by trial."""
