"""Which predictions a study asks for, and where each is kept; read without renderer or network."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mrd.study.resolved_study import ResolvedStudy
from mrd.study.study import Study, loaded_target, resolved_model
from scenes.base.changes import as_read, changes
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.scene import Scene

SCHEMA_VERSION = 2
FOLDER, RECORD = "fisher", "fisher.json"
DERIVATIVE, PICTURE = "derivative.npz", "thresholds.png"
BESIDE = (DERIVATIVE, PICTURE)
FILES = (RECORD, *BESIDE)
HASH = "[0-9a-f]" * 8  # the end of a folder's name, for a glob


@dataclass(frozen=True)
class Planned:
    """A prediction that a study asks for.

    Parameters
    ----------
    target, model
        Their names in the study.
    scene
        The target, loaded.
    asked
        All that the prediction hangs on, as JSON: target, model and files by their hashes.
    folder
        ``runs/fisher/<target>-<model>-<hash of asked>``.
    """

    target: str
    model: str
    scene: Scene
    asked: dict[str, Any]
    folder: Path

    @property
    def is_done(self) -> bool:
        """Whether it is there, its record (which is written last) and the files beside it."""
        return all((self.folder / name).is_file() for name in FILES)

    def due(self) -> str | None:
        """Say why it is to be made; None where it is there whole.

        Returns
        -------
        str or None
            ``new``; what of it is gone or altered; or, where the study predicted the same target
            and model before, what it asks otherwise than then.

        Raises
        ------
        InputError
            Its record is damaged.
        """
        missing = [name for name in FILES if not (self.folder / name).is_file()]
        if len(missing) == len(FILES):
            return self.changed() or "new"
        if missing:
            return f"gone: {', '.join(missing)}"
        hashes = self.record()["files"]
        altered = [name for name in BESIDE if file_sha256(self.folder / name) != hashes.get(name)]
        return f"altered: {', '.join(altered)}" if altered else None

    def changed(self) -> str | None:
        """Name what the study says otherwise than an earlier prediction of the same names."""
        for other in sorted(self.folder.parent.glob(f"{self.target}-{self.model}-{HASH}")):
            earlier = replace(self, folder=other)
            if other != self.folder and earlier.is_done:
                with suppress(InputError):  # a damaged one that nobody asks for any more
                    return changes(earlier.record()["asked"], as_read(self.asked))
        return None

    def record(self) -> dict[str, Any]:
        """What `fisher.json` holds.

        Raises
        ------
        InputError
            It is missing or damaged.
        """
        path = self.folder / RECORD
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not {"asked", "parameters", "files"} <= set(record):
                raise ValueError("what every record has is missing")
            return dict(record)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{path}: cannot be read; remove {self.folder}, and mrd fisher makes it anew"
            ) from error

    def finding(self) -> dict[str, Any]:
        """The record for a stimulus set, with the SHA-256 of its file."""
        return self.record() | {"sha256": file_sha256(self.folder / RECORD)}


def planned(study: Study | ResolvedStudy) -> list[Planned]:
    """List the predictions of a study: every target seen by every model.

    Raises
    ------
    InputError
        A target or a file of a model does not exist or fit.
    """
    if isinstance(study, ResolvedStudy):
        targets, models, study = study.targets, study.models, study.study
    else:
        models = {
            name: resolved_model(config, study.folder, f"models.{name}")[1]
            for name, config in study.models.items()
        }
        targets = {name: loaded_target(name, study) for name in study.targets}
    return [
        _planned(study, target, model, scene, record)
        for target, scene in targets.items()
        for model, record in models.items()
    ]


def _planned(
    study: Study, target: str, model: str, scene: Scene, record: dict[str, Any]
) -> Planned:
    asked = {
        "schema_version": SCHEMA_VERSION,
        "target": scene.sha256,
        "model": record,
        "fisher": study.fisher.model_dump(mode="json"),
    }
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Planned(target, model, scene, asked, study.runs / FOLDER / f"{target}-{model}-{digest}")
