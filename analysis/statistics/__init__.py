"""Statistical models: psychometric functions, sensitivity, groups, agreement."""
