"""Analysis of answers: psychometric curves, sensitivities, people against models."""
