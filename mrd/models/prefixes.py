"""Prefixes of network names, one for each library."""

LPIPS = "lpips/"
PLENOPTIC = "plenoptic/"
TIMM = "timm/"
TORCHVISION = "torchvision/"
"""What stands before a library's own names; torchvision's may be written without it."""
