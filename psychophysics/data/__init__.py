"""Data of sessions: records, participants, and the BIDS data set."""
