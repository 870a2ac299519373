"""The variables of a search, one module per attribute."""
