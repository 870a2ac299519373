"""Shared by all packages: errors, atomic files, frozen records and digests."""
