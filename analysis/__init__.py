"""What it means: psychometric curves, sensitivities, people against models."""
