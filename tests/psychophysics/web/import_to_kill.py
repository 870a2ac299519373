"""An import that is killed between its two renames: ``import_to_kill.py STUDY FILE``."""

import os
import signal
import sys
from pathlib import Path

from mrd.cli.main import run

REPLACE = Path.replace


def replaced(path: Path, target: Path) -> Path:
    """Rename; the program is killed once a session's sidecar is renamed."""
    REPLACE(path, target)
    if str(target).endswith("_beh.json") and ".import" not in target.parts:
        os.kill(os.getpid(), signal.SIGKILL)
    return target


Path.replace = replaced  # type: ignore[method-assign,assignment]
run(["experiment", "import-web", *sys.argv[1:]])
