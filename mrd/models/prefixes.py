"""Prefixes of network names, one for each library."""

LPIPS = "lpips/"
PLENOPTIC = "plenoptic/"
TIMM = "timm/"
TORCHVISION = "torchvision/"
"""torchvision's prefix is optional."""
