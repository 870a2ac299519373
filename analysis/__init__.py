"""Analysis of answers: psychometric functions, sensitivity, people compared with models."""
