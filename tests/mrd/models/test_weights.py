"""Weights from files: loaded completely or refused, and no code in a file is run."""

import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mrd.models import registry
from mrd.models.weights import check_numbers, load_weights, read_weights, tensors_sha256, untrained
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError


def small():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def other(seed):
    """Return a network with other weights than `small`."""
    network = small()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.rand(weight.shape, generator=generator))
    return network


def same(network, other):
    mine, theirs = network.state_dict(), other.state_dict()
    return all(torch.equal(mine[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("form", ["safetensors", "pth", "wrapped", "parallel"])
def test_weights_are_loaded_from_a_file(form, other, tmp_path):
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    state = other.state_dict()
    if form == "safetensors":
        save_file(state, path)
    elif form == "wrapped":
        torch.save({"epoch": 3, "arch": "small", "state_dict": state}, path)
    elif form == "parallel":
        torch.save({f"module.{key}": value for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    network = small()
    assert not same(network, other)
    assert same(load_weights(network, path, "small"), other)


def test_an_older_file_may_lack_the_batch_counter(other, tmp_path):
    state = other.state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "w.pth")
    assert same(load_weights(small(), tmp_path / "w.pth", "small"), other)


def test_weights_of_another_network_are_refused_without_changes(tmp_path):
    wrong = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Identity(), nn.Linear(2, 2))
    torch.save(wrong.state_dict(), tmp_path / "w.pth")
    network = small()
    before = tensors_sha256(network)
    with pytest.raises(
        InputError,
        match=r"w\.pth does not fit small: 4 of 7 tensors are missing \(first 1\.weight\), "
        r"2 are unknown \(first 2\.weight\), 2 have another shape \(first 0\.weight: "
        r"\(4, 3, 3, 3\), needed \(2, 3, 3, 3\)\)",
    ):
        load_weights(network, tmp_path / "w.pth", "small")
    assert tensors_sha256(network) == before


class Trap:
    """Content of a hostile file: a call that runs when the file is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_code_in_a_file_is_not_run(protocol, tmp_path):
    path, sprung = tmp_path / "w.pth", tmp_path / "sprung"
    if protocol == "torch":
        torch.save({"weight": Trap(sprung)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Trap(sprung)}))
    with pytest.raises(InputError, match=r"w\.pth cannot be read as weights"):
        read_weights(path)
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("part", [1, 40, 300])
def test_a_broken_file_is_named(name, part, other, tmp_path):
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(other.state_dict(), path)
    else:
        save_file(other.state_dict(), path)
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(InputError, match=r"cannot be read as weights .*save them as"):
        read_weights(path)


@pytest.mark.parametrize("form", ["safetensors", "pth", "legacy"])
def test_altered_bytes_are_read_or_refused_but_never_a_crash(form, other, tmp_path, rng, count):
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(other.state_dict(), path)
    else:
        zipped = form == "pth"
        torch.save(other.state_dict(), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    refused = 0
    for _ in range(count(60, 2000)):
        damaged = bytearray(whole)
        for place in rng.integers(min(len(whole), 600), size=4):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_weights(path)
        except InputError:
            refused += 1
    assert refused > 10


# ---- Files as labs have them --------------------------------------------------------------------


def changed(key, change):
    """Return a function that writes a file with one changed tensor."""

    def write(state, path):
        state[key] = change(state[key].clone())
        torch.save(state, path)

    return write


def with_number(place, number):
    def change(tensor):
        tensor[place] = number
        return tensor

    return change


def text(content):
    return lambda _, path: path.write_text(content)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 97781949\n"
PAGE = "\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>"


def renamed(before):
    return lambda state, path: torch.save({f"{before}{k}": v for k, v in state.items()}, path)


def wrapped(*keys, **more):
    return lambda state, path: torch.save(dict.fromkeys(keys, state) | more, path)


def other_classes(state, path):
    state["2.weight"], state["2.bias"] = torch.ones(7, 2), torch.ones(7)
    torch.save(state, path)


def torchscript(_, path):
    with zipfile.ZipFile(path, "w") as archive:  # the files that torch.jit.save writes
        for name in ("data.pkl", "code/__torch__.py", "constants.pkl", "version"):
            archive.writestr(f"w/{name}", b"")


def arrays(_, path):
    with path.open("wb") as file:
        np.savez(file, a=np.ones(3))


def cut_header(state, path):
    save_file(state, path)
    path.write_bytes(b"\xff\xff\xff\xff\x00\x00\x00\x00" + path.read_bytes()[8:])


REFUSED = {
    "NaN": (
        changed("0.weight", with_number((1, 2, 0, 1), torch.nan)),
        r"the tensor '0\.weight' holds NaN at \[1, 2, 0, 1\] \(1 of 54 are not finite\); "
        r"use weights of a successful training",
    ),
    "infinity": (
        changed("0.bias", with_number(1, -torch.inf)),
        r"'0\.bias' holds an infinite number at \[1\] \(1 of 2 ",
    ),
    "too large for float32": (
        changed("0.bias", lambda each: torch.full_like(each, 1e300, dtype=torch.float64)),
        r"'0\.bias' holds an infinite number at \[0\] \(2 of 2 ",
    ),
    "infinite variance": (
        changed("1.running_var", with_number(0, torch.inf)),
        r"'1\.running_var' holds an infinite number",
    ),
    "negative variance": (
        changed("1.running_var", with_number(0, -0.25)),
        r"'1\.running_var' holds a negative variance, -0\.25;",
    ),
    "NaN in bfloat16": (
        changed("2.weight", lambda each: (each / 0 * 0).bfloat16()),
        r"'2\.weight' holds NaN",
    ),
    "all 0": (
        lambda state, path: torch.save({k: v * 0 for k, v in state.items()}, path),
        r"every weight is 0, so all images have equal activations",
    ),
    "whole numbers": (
        changed("2.weight", lambda each: (100 * each).to(torch.int8)),
        r"'2\.weight' holds torch\.int8 numbers, needed torch\.float32; save .* before they",
    ),
    "complex": (
        changed("2.weight", lambda each: each + 0j),
        r"'2\.weight' is complex; save it",
    ),
    "sparse": (
        changed("2.weight", lambda each: each.to_sparse()),
        r"'2\.weight' is sparse; save it as",
    ),
    "a tensor is missing": (
        lambda state, path: torch.save({k: v for k, v in state.items() if k != "2.bias"}, path),
        r"does not fit net: 1 of 9 tensors are missing \(first 2\.bias\); name the network that",
    ),
    "another shape": (
        changed("0.weight", lambda each: each[:, :, :2]),
        r"1 have another shape \(first 0\.weight: \(2, 3, 2, 3\), needed \(2, 3, 3, 3\)\)",
    ),
    "number of classes": (
        other_classes,
        r"2 have another shape \(first 2\.weight: .*; if it has another number of classes, "
        r"use your own network \(docs/models\.md\)",
    ),
    "a prefix": (
        renamed("model."),
        r"does not fit .*; remove 'model\.' from the beginning of",
    ),
    "prefixes": (renamed("net.encoder."), r"remove 'net\.encoder\.' from the beginning"),
    "two sets": (
        wrapped("state_dict", "model_ema"),
        r"holds 2 sets of weights \(state_dict, model_ema\); save only the one that you want",
    ),
    "neither": (
        lambda state, path: torch.save({"student": state, "teacher": state, "epoch": 3}, path),
        r"holds no state dict .*, but student, teacher, epoch; save it with",
    ),
    "an empty dictionary": (
        lambda _, path: torch.save({}, path),
        r"holds no state dict .* a dict;",
    ),
    "a tensor alone": (lambda _, path: torch.save(torch.ones(3), path), r"but a Tensor; save it"),
    "a whole network": (
        lambda _, path: torch.save(nn.Linear(2, 2), path),
        r"cannot be read as weights \(UnpicklingError\)",
    ),
    "a pointer of Git LFS": (text(POINTER), r"is a pointer of Git LFS .*; run git lfs pull"),
    "a web page": (text(PAGE), r"is a web page and not weights; download the file itself"),
    "nothing": (text(""), r"is empty; fetch or save it again"),
    "text": (text("see the server"), r"cannot be read as weights"),
    "TorchScript": (
        torchscript,
        r"is a TorchScript archive, which contains code; save only its weights",
    ),
    "NumPy": (
        arrays,
        r"cannot be read as weights",
    ),
    "a folder": (lambda _, path: path.mkdir(), r"is a folder; give the file of the weights"),
    "a damaged header": (cut_header, r"cannot be read as weights"),
}


def net():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 5))


@pytest.fixture
def state(seed):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return net().state_dict()


@pytest.mark.parametrize("case", REFUSED)
def test_unsuitable_files_are_refused_without_changes(case, state, tmp_path):
    write, message = REFUSED[case]
    path = tmp_path / "w.pth"
    write(state, path)
    network = net()
    before = tensors_sha256(network)
    with pytest.raises(InputError, match=message) as refused:
        load_weights(network, path, "net")
    assert str(refused.value).startswith(f"weights: {path}")
    assert "\n" not in str(refused.value)
    assert tensors_sha256(network) == before


def test_a_network_without_weights_accepts_no_file(state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    message = r"w\.pth cannot be loaded into blur, which has no weights; leave the key out"
    with pytest.raises(InputError, match=message):
        load_weights(nn.AvgPool2d(3), tmp_path / "w.pth", "blur")


TAKEN = {
    "half": lambda state, path: torch.save(_floats(state, torch.float16), path),
    "bfloat16": lambda state, path: torch.save(_floats(state, torch.bfloat16), path),
    "double": lambda state, path: torch.save(_floats(state, torch.float64), path),
    "DataParallel": renamed("module."),
    "compiled": renamed("_orig_mod."),
    "both": renamed("module._orig_mod."),
    "an average alone": wrapped("model_ema", epoch=3),
    "an average of torch": lambda state, path: torch.save(
        {"n_averaged": torch.tensor(7)} | {f"module.{k}": v for k, v in state.items()}, path
    ),
    "settings beside it": wrapped("model", params={"rate": 0.1}, optimizer={"state": {}}),
    "wrapped twice": lambda state, path: torch.save({"model": {"state_dict": state}}, path),
    "safetensors by another name": save_file,
}


def _floats(state, kind):
    return {k: v.to(kind) if v.is_floating_point() else v for k, v in state.items()}


@pytest.mark.parametrize("case", TAKEN)
def test_checkpoints_of_training_scripts_are_accepted(case, state, tmp_path):
    path = tmp_path / "w.pth"
    TAKEN[case](dict(state), path)
    loaded = load_weights(net(), path, "net").state_dict()
    for key, value in state.items():
        torch.testing.assert_close(loaded[key], value, rtol=1e-2, atol=1e-2)


def test_minus_infinity_is_allowed_only_in_masks():
    check_numbers({"layer.attn_mask": torch.tensor([[0.0, -torch.inf]])}, "w")
    with pytest.raises(InputError, match=r"w: the tensor 'attn_mask' holds NaN at \[0\]"):
        check_numbers({"attn_mask": torch.tensor([torch.nan, -torch.inf])}, "w")


def test_nan_weights_are_named_for_every_kind_of_network(tmp_path):
    for network, key in (
        ("efficientnet_lite0", "_fc.bias"),
        ("squeezenet1_1", "features.0.bias"),
        ("timm/resnet10t", "fc.bias"),
    ):
        model = registry.create(ModelConfig(network=network, weights="none"))
        state = model._recipe.build().state_dict()
        state[key][0] = torch.nan
        torch.save(state, tmp_path / "w.pth")
        with pytest.raises(InputError, match=rf"w\.pth: the tensor '{key}' holds NaN at \[0\]"):
            registry.create(ModelConfig(network=network, weights="w.pth"), folder=tmp_path)


def test_a_file_without_weights_is_named(tmp_path):
    torch.save([torch.zeros(3)], tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth holds no state dict"):
        read_weights(tmp_path / "w.pth")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*w\.pth; give 'default', 'none' or"):
        read_weights(tmp_path / "w.pth")


def test_untrained_weights_are_reproducible_and_keep_the_random_state():
    state = torch.get_rng_state()
    first = tensors_sha256(untrained(small))
    torch.rand(5)
    moved = torch.get_rng_state()
    second = tensors_sha256(untrained(small))
    assert torch.equal(torch.get_rng_state(), moved)
    torch.set_rng_state(state)
    assert first == second


def test_tensor_hash_depends_on_every_number_and_name(other):
    before = tensors_sha256(other)
    with torch.no_grad():
        other[0].bias[1] += 1e-7
    assert tensors_sha256(other) != before
    assert tensors_sha256(nn.Sequential(*other)) == tensors_sha256(other)
    assert tensors_sha256(nn.Sequential(other)) != tensors_sha256(other)
