"""Sessions on disk: records, participants and the data set around them."""
