"""Output of a figure."""

from __future__ import annotations

import json


def figure(name: str, value: float, **details: object) -> None:
    """Print one JSON line: the figure's name and value, and details."""
    print(json.dumps({"name": name, "value": round(value, 4), **details}), flush=True)
