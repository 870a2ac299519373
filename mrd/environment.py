"""The former name of `mrd.provenance`, until `mrd.reference` asks for the new one."""

from mrd.provenance import versions

__all__ = ["versions"]
