"""List the predictions of a study and their folders; needs neither renderer nor network."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mrd.study.cache_key import CacheKey
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
    """A prediction of a study: the threshold of a model for the parameters of a target."""

    target: str  # names in the study
    model: str
    scene: Scene  # the target, loaded
    inputs: dict[str, Any]  # all inputs of the prediction, as JSON, with hashes of target and files
    folder: Path  # ``runs/fisher/<target>-<model>-<hash of inputs>``

    @property
    def is_done(self) -> bool:
        """Whether the record, which is written last, and the files beside it exist."""
        return all((self.folder / name).is_file() for name in FILES)

    def due(self) -> str | None:
        """Return why the prediction has to be made, or None if it is complete.

        The reason is "new", the missing or altered files, or the inputs that differ from an
        earlier prediction of the same target and model. Raises InputError for a damaged record.
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
        """List the inputs that differ from an earlier prediction of the same target and model.

        Return None if there is no earlier one.
        """
        for other in sorted(self.folder.parent.glob(f"{self.target}-{self.model}-{HASH}")):
            earlier = replace(self, folder=other)
            if other != self.folder and earlier.is_done:
                with suppress(InputError):  # a damaged record that is no longer needed
                    return changes(earlier.record()["asked"], as_read(self.inputs))
        return None

    def record(self) -> dict[str, Any]:
        """Return the content of `fisher.json`; raise InputError if it is missing or damaged."""
        path = self.folder / RECORD
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not {"asked", "parameters", "files"} <= set(record):
                raise ValueError("keys that every record has are missing")
            return dict(record)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{path}: cannot be read; remove {self.folder}, and run mrd fisher to make it again"
            ) from error

    def finding(self) -> dict[str, Any]:
        """Return the record for a stimulus set, with the SHA-256 of its file."""
        return self.record() | {"sha256": file_sha256(self.folder / RECORD)}


def planned(study: Study | ResolvedStudy) -> list[Planned]:
    """List the predictions of a study: every target with every model.

    Raises InputError if a target or a file of a model does not exist or is not valid.
    """
    if isinstance(study, ResolvedStudy):
        targets, models, study = study.targets, study.models, study.study
    else:
        models = {
            name: resolved_model(config, study.folder, f"models.{name}")[1]
            for name, config in study.models.items()
        }
        targets = {name: loaded_target(name, study) for name in study.targets}
    plan = []
    for target, scene in targets.items():
        for model, record in models.items():
            fisher = study.fisher.model_dump(mode="json")
            inputs = {"target": scene.sha256, "model": record, "fisher": fisher}
            key = CacheKey(inputs, SCHEMA_VERSION, "schema_version", compact=True)
            folder = study.runs / FOLDER / f"{target}-{model}-{key.digest[:8]}"
            plan.append(Planned(target, model, scene, key.content, folder))
    return plan
