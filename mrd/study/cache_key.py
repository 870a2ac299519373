"""Names of cached files: each is named by a hash of everything that its content depends on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mrd.study.storage import plain


@dataclass(frozen=True)
class CacheKey:
    """The inputs of a cached result, and their hash.

    `version` is the version of the code or file format that makes the result; it is hashed under
    the name `version_name`. With `compact`, the JSON is hashed without blanks. Each kind of file
    has its own `version_name` and `compact`; with others, existing files would not be found.
    """

    inputs: Mapping[str, Any]
    version: int
    version_name: str = "version"
    compact: bool = False

    @cached_property
    def content(self) -> dict[str, Any]:
        """Inputs and version as JSON types, which are hashed."""
        return {self.version_name: self.version, **plain(self.inputs)}

    @cached_property
    def text(self) -> str:
        """The JSON that is hashed: keys are sorted, objects unknown to JSON written by `str`."""
        separators = (",", ":") if self.compact else None
        return json.dumps(self.content, sort_keys=True, separators=separators, default=str)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the JSON, 64 hexadecimal digits; file names hold the first 8 or 16."""
        return hashlib.sha256(self.text.encode()).hexdigest()
