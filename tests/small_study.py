"""A small valid study file, for tests that need one with a few sections of their own."""

import json
from pathlib import Path
from typing import Any

SMALL: dict[str, Any] = {
    "name": "small",
    "targets": {"ball": {"shape": {"kind": "sphere"}}},
    "models": {"net": {"network": "pixels"}},
    "searches": {"material": {"attributes": ["material"]}},
}


def write_study(folder: Path, **sections: Any) -> Path:
    """Write a study.yaml into a folder, and return the folder.

    The sections replace or extend those of `SMALL`, for example ``series={"levels": 2}``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}: {json.dumps(section)}\n" for name, section in (SMALL | sections).items()]
    (folder / "study.yaml").write_text("".join(lines), encoding="utf-8")
    return folder
