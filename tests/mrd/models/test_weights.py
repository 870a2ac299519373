"""Weights from files: all of them or none, and nothing in a file is run."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mrd.models.weights import load_weights, read_weights, tensors_sha256, untrained
from scenes.errors import InputError


def small():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def other(seed):
    """A network whose weights are not those that `small` starts with."""
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
def test_the_weights_of_a_file_arrive(form, other, tmp_path):
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


def test_an_older_file_may_leave_out_how_many_batches_were_counted(other, tmp_path):
    state = other.state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "w.pth")
    assert same(load_weights(small(), tmp_path / "w.pth", "small"), other)


def test_weights_of_another_network_are_refused_and_nothing_is_changed(tmp_path):
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
    """What a hostile file holds: a call that is made when the file is unpickled."""

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
    with pytest.raises(InputError, match=r"w\.pth cannot be read as weights alone"):
        read_weights(path)
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("part", [0, 40, 300])
def test_a_broken_file_is_named(name, part, other, tmp_path):
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(other.state_dict(), path)
    else:
        save_file(other.state_dict(), path)
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(InputError, match=r"cannot be read as weights alone .*save them as"):
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


def test_a_file_of_something_else_is_named(tmp_path):
    torch.save([torch.zeros(3)], tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth holds no state dict"):
        read_weights(tmp_path / "w.pth")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*w\.pth; give 'default', 'none' or"):
        read_weights(tmp_path / "w.pth")


def test_untrained_weights_are_always_the_same_and_leave_the_random_state_alone():
    state = torch.get_rng_state()
    first = tensors_sha256(untrained(small))
    torch.rand(5)
    moved = torch.get_rng_state()
    second = tensors_sha256(untrained(small))
    assert torch.equal(torch.get_rng_state(), moved)
    torch.set_rng_state(state)
    assert first == second


def test_the_hash_of_tensors_sees_every_number_and_name(other):
    before = tensors_sha256(other)
    with torch.no_grad():
        other[0].bias[1] += 1e-7
    assert tensors_sha256(other) != before
    assert tensors_sha256(nn.Sequential(*other)) == tensors_sha256(other)
    assert tensors_sha256(nn.Sequential(other)) != tensors_sha256(other)
