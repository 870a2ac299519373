"""Models of a study after their files were found and hashed."""

from pathlib import Path
from typing import Any

from mrd.study import own_network
from mrd.study.model_section import ModelConfig
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, about


def resolved_model(
    model: ModelConfig, folder: Path, place: str
) -> tuple[ModelConfig, dict[str, Any]]:
    """Return the model with absolute paths, and its record, which holds hashes of its files.

    Relative paths start from `folder`; `place` names the model in messages, as ``models.net``.
    """
    with about(f"{place}.weights"):
        model, weights = _with_weights(model, folder)
    with about(place):
        model, network = _with_network(model, folder)
    return model, model.model_dump(mode="json") | {"weights": weights} | network


def seen_by(record: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a model's record that determines the activations of any of its layers."""
    return {name: value for name, value in record.items() if name not in ("layers", "guides")}


def _with_weights(model: ModelConfig, folder: Path) -> tuple[ModelConfig, str]:
    if model.weights in ("default", "none"):
        return model, model.weights
    try:
        path = (folder / Path(model.weights).expanduser()).absolute()
    except RuntimeError as error:  # ~nobody
        raise InputError(f"{model.weights}: {error}; give the whole path") from error
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; use default, none, or the path of a file"
        ) from error
    return model.model_copy(update={"weights": str(path)}), f"sha256:{digest}"


def _with_network(model: ModelConfig, folder: Path) -> tuple[ModelConfig, dict[str, str]]:
    if not own_network.is_factory(model.network):
        return model, {}
    network = own_network.located(model.network, folder)
    record = {"network": own_network.shown(network)}
    if code := own_network.code_of(network):
        record["code"] = f"sha256:{file_sha256(code)}"
    return model.model_copy(update={"network": network}), record
