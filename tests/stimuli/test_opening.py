"""Opening a set: files that refer to others or are not valid are refused before they are read."""

import json
import os
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.comparison import differences
from stimuli.export import export
from stimuli.merging import merge
from stimuli.pixel_metamers import PixelMetamer
from stimuli.schema import FORMAT, KEY
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import seal
from stimuli.summary import summary
from stimuli.writing import add_pixel_metamers, add_results, replace_findings

COUNT = 168
VICTIM = b"a private file of the user. " * 5000
SHAPE = (COUNT, 16, 16, 3)


@pytest.fixture(scope="module")
def full_set(small_set, tmp_path_factory):
    """Give the small set with everything that a set may hold."""
    path = Path(shutil.copy(small_set, tmp_path_factory.mktemp("full") / "stimuli.h5"))
    with StimulusSet(path) as one:
        found = one.content_hash
        run = str(one.table["run"].iloc[-20])
    pictures = np.zeros((1, 4, 4, 3), np.uint8)
    record = {"cameras": [{"camera": "c0"}], "target": "vase"}
    add_pixel_metamers(path, [PixelMetamer(run, record, pictures, pictures, pictures)], found)
    replace_findings(path, "reach", {run: {"reach": {"distance": 1.0}}}, found)
    return path


@pytest.fixture
def copy(full_set, tmp_path):
    (tmp_path / "victim.txt").write_bytes(VICTIM)
    return Path(shutil.copy(full_set, tmp_path / "stimuli.h5"))


def replaced(name, make):
    """Give a change that puts something else in the place of an object."""

    def change(file, folder):
        del file[name]
        make(file, folder)

    return change


def external_images(file, folder):
    where = [(str(folder / "victim.txt"), 0, h5py.h5f.UNLIMITED)]
    file.create_dataset("images", SHAPE, "uint8", external=where)


def external_link(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["images"] = np.zeros(SHAPE, np.uint8)
    file["images"] = h5py.ExternalLink(str(folder / "other.h5"), "/images")


def dangling_link(file, folder):
    file["images"] = h5py.ExternalLink(str(folder / "nothing.h5"), "/images")


def virtual(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["images"] = np.zeros(SHAPE, np.uint8)
    layout = h5py.VirtualLayout(SHAPE, np.uint8)
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "images", SHAPE)
    file.create_virtual_dataset("images", layout)


def regions(file, _folder):
    data = file["models"].create_dataset("whole", data=np.zeros(COUNT))
    values = np.array([data.regionref[:]] * COUNT, dtype=h5py.regionref_dtype)
    file.create_dataset("stimuli/match", data=values)


def references(file, _folder):
    values = np.array([file["images"].ref] * COUNT, dtype=h5py.ref_dtype)
    file.create_dataset("stimuli/match", data=values)


def column(values):
    return lambda file, _: file.create_dataset("stimuli/match", data=values)


def compound(file, _folder):
    file["stimuli/match"] = np.zeros(COUNT, dtype=[("a", "f8"), ("b", "i4")])


def sparse(file, _folder):
    file.create_dataset("images", (10**12, 16, 16, 3), "uint8", chunks=(1, 16, 16, 3))


def sparse_column(file, _folder):
    file.create_dataset("stimuli/match", (10**12,), "f8", chunks=(1000,))


def huge_column(file, _folder):
    """One chunk of 1 GB that is a kilobyte on the disk."""
    made = file.create_dataset("stimuli/match", (2**27,), "f8", chunks=(2**27,), compression="gzip")
    made.id.write_direct_chunk((0,), b"x" * 1000)


def one_large_chunk(file, _folder):
    """A short column in a chunk of 1 GB."""
    made = file.create_dataset(
        "stimuli/match", (COUNT,), "f8", chunks=(2**27,), maxshape=(None,), compression="gzip"
    )
    made.id.write_direct_chunk((0,), b"x" * 1000)


def huge_array(file, _folder):
    """An array of a scene that is larger than any picture."""
    shape = (2**27 + 1, 3)
    made = file.create_dataset("arrays/x", shape, "f4", chunks=shape, compression="gzip")
    made.id.write_direct_chunk((0, 0), b"x" * 1000)


def plugin(file, _folder):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((COUNT,))
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((COUNT,))
    h5py.h5d.create(file["stimuli"].id, b"match", h5py.h5t.IEEE_F64LE, space, made)


def attribute(name, value):
    def change(file, _folder):
        file.attrs[name] = value

    return change


def loop(file, _folder):
    file["models/net/early/back"] = file["models"]


def pickled(file, _folder):
    file["stimuli/match"] = np.array([b"\x80\x04pickle"] * COUNT, dtype="V10")


REFUSED = {
    "external storage": (replaced("images", external_images), "images: its values are in another"),
    "external link": (replaced("images", external_link), "images: is a link to another file"),
    "dangling link": (replaced("images", dangling_link), "images: is a link to another file"),
    "soft link": (
        replaced("images", lambda f, _: f.update({"images": h5py.SoftLink("/radiance")})),
        "images: is a soft link",
    ),
    "soft link in a group": (
        lambda f, _: f["scenes"].update({"x": h5py.SoftLink("/images")}), "scenes/x: is a soft l",
    ),
    "link beside all parts": (
        lambda f, _: f.update({"notes": h5py.ExternalLink("/etc/hosts", "/")}), "notes: is a link",
    ),
    "virtual": (replaced("images", virtual), "images: is a virtual dataset"),
    "region references": (replaced("stimuli/match", regions), "stimuli/match: holds references"),
    "references": (replaced("stimuli/match", references), "stimuli/match: holds references"),
    "named type": (
        lambda f, _: f.update({"models/kind": np.dtype("f8")}), "models/kind: is neither a group",
    ),
    "loop": (loop, "models/net/early/back: is a group that has another name as well"),
    "plugin": (replaced("stimuli/match", plugin), "stimuli/match: its values need filter 32015"),
    "compound": (replaced("stimuli/match", compound), "stimuli/match: holds compound values"),
    "opaque": (replaced("stimuli/match", pickled), "stimuli/match: holds opaque bytes"),
    "texts": (
        replaced("stimuli/match", column(["no"] * COUNT)), "stimuli/match: is 168 object; 168 val",
    ),
    "wrong type": (
        replaced("stimuli/match", column(np.zeros(COUNT, int))), "stimuli/match: is 168 int64; 168",
    ),
    "short column": (
        replaced("stimuli/match", column(np.zeros(3))), "stimuli/match: is 3 float64; 168 values",
    ),
    "scalar column": (
        replaced("stimuli/match", column(1.0)), "stimuli/match: is one float64; 168 values of kind",
    ),
    "no column": (replaced("stimuli/match", lambda *_: None), "stimuli/match: missing; 168 values"),
    "values of any length": (
        replaced(
            "stimuli/match",
            lambda f, _: f.create_dataset("stimuli/match", (COUNT,), h5py.vlen_dtype("i4")),
        ),
        "stimuli/match: holds values of any length",
    ),
    "names for numbers": (
        replaced(
            "stimuli/match",
            lambda f, _: f.create_dataset(
                "stimuli/match", (COUNT,), h5py.enum_dtype({"a": 1, "b": 2})
            ),
        ),
        "stimuli/match: holds names for numbers",
    ),
    "empty dataset": (
        replaced("images", lambda f, _: f.update({"images": h5py.Empty("u1")})), "images: holds no",
    ),
    "10¹² images": (replaced("images", sparse), "images: claims shape (1000000000000, 16, 16, 3)"),
    "10¹² rows": (replaced("stimuli/match", sparse_column), "stimuli/match: claims 8e+12 bytes"),
    "a large chunk": (replaced("stimuli/match", huge_column), "stimuli/match: claims 1.07e+09"),
    "a chunk larger than the column": (
        replaced("stimuli/match", one_large_chunk), "stimuli/match: claims 1.07e+09 bytes",
    ),
    "a huge array": (huge_array, "arrays/x: claims 1.61e+09 bytes"),
    "no images": (
        replaced("images", lambda f, _: f.update({"images": np.zeros((0, 16, 16, 3), "u1")})),
        "images: is 0 × 16 × 16 × 3 uint8; any × any × any × 3 uint8 or uint16 is needed",
    ),
    "grey images": (
        replaced("images", lambda f, _: f.update({"images": np.zeros((COUNT, 16, 16), "u1")})),
        "images: is 168 × 16 × 16 uint8; any",
    ),
    "images are a group": (
        replaced("images", lambda f, _: f.create_group("images")), "images: is a group; any × any",
    ),
    "stimuli are a dataset": (
        replaced("stimuli", lambda f, _: f.update({"stimuli": 1.0})), "stimuli: is one float64; a",
    ),
    "no models": (replaced("models", lambda *_: None), "models: missing; a group is needed"),
    "no record": (
        lambda f, _: f["models/net"].attrs.pop("record"), "models/net: attribute record: is missi",
    ),
    "no record of pixels": (
        lambda f, _: f["pixel_metamers"].create_group("x"), "pixel_metamers/x: attribute content_h",
    ),
    "a reach that is a number": (
        lambda f, _: f.update({"reach/x": 3.0}), "reach/x: is one float64; one text is needed",
    ),
    "array format": (attribute("format", ["mrd", "set"]), "attribute format: the file is no sti"),
    "number format": (attribute("format", 3), "attribute format: the file is no stimulus set of"),
    "bytes format": (
        attribute("format", np.bytes_("mrd stimulus set")), "attribute format: the file is no stim",
    ),
    "empty format": (attribute("format", h5py.Empty("S1")), "attribute format: the file is no s"),
    "no format": (lambda f, _: f.attrs.pop("format"), "attribute format: the file is no stimulus"),
    "array version": (attribute("schema_version", [1, 1]), "attribute schema_version: is no whole"),
    "text version": (attribute("schema_version", "1"), "attribute schema_version: is no whole"),
    "nan version": (attribute("schema_version", np.nan), "attribute schema_version: is no whole"),
    "compound attribute": (
        attribute("more", np.zeros((), [("a", "f8")])), "attribute more: holds compound values",
    ),
    "no hash": (lambda f, _: f.attrs.pop("content_hash"), "attribute content_hash: is missing, or"),
    "a path as hash": (attribute("content_hash", "../../x"), "attribute content_hash: is missing,"),
    "array provenance": (attribute("provenance", [1.0]), "attribute provenance: is no single"),
    "list provenance": (attribute("provenance", "[]"), "attribute provenance: holds no mapping"),
    "broken provenance": (attribute("provenance", "{"), "attribute provenance: is missing, or no"),
    "deep provenance": (attribute("provenance", "[" * 50_000), "attribute provenance: is missing,"),
}  # fmt: skip


def altered(path, change):
    with h5py.File(path, "r+") as file:
        change(file, path.parent)
    seal(path)
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_objects_that_are_not_ordinary_are_refused(copy, name):
    change, message = REFUSED[name]
    altered(copy, change)
    with pytest.raises(InputError, match=f"^{re.escape(f'{copy}: {message}')}") as refused:
        len(StimulusSet(copy))
    assert problems(copy) == [str(refused.value)]


def test_a_link_of_an_unknown_kind_is_refused(copy):
    """HDF5 lets programs define kinds of links: 64 is a link to another file, 65 is none's."""
    with h5py.File(copy.parent / "plain.h5", "w") as file:
        file.attrs["format"], file.attrs["schema_version"] = FORMAT, 1
        file["here"] = h5py.ExternalLink("unlikely-name.h5", "/there")
    content = bytearray((copy.parent / "plain.h5").read_bytes())
    place = content.index(b"here") - 2 - 1  # its length, its kind
    kinds = [at for at in range(place - 12, place + 2) if content[at] == 64]
    assert len(kinds) == 1
    content[kinds[0]] = 65
    (copy.parent / "plain.h5").write_bytes(content)
    with pytest.raises(
        InputError, match=r"plain.h5: here: is a link of an unknown kind; a stimulus"
    ):
        len(StimulusSet(copy.parent / "plain.h5"))


def test_no_command_copies_another_file_into_its_output(copy, small_set, full_set):
    """Merge, export, distances, pages and sessions refuse the set, and write nothing."""
    with StimulusSet(full_set) as one:
        found, results = one.content_hash, one.results("net")
    altered(copy, replaced("images", external_images))
    assert VICTIM[:40] not in copy.read_bytes()
    before, there = copy.read_bytes(), set(copy.parent.iterdir())
    for work in (
        lambda: merge([copy, small_set], copy.parent / "merged.h5"),
        lambda: merge([small_set, copy], copy.parent / "merged.h5"),
        lambda: export(StimulusSet(copy), copy.parent / "files"),
        lambda: add_results(copy, {"net": results}, found),
        lambda: experiment.prepare("small", 1, ExperimentConfig(), copy),
        lambda: summary(StimulusSet(copy)),
        lambda: differences(StimulusSet(small_set), StimulusSet(copy)),
    ):
        with pytest.raises(InputError, match=r"stimuli.h5: images: its values are in another file"):
            work()
        assert copy.read_bytes() == before
        left = set(copy.parent.iterdir()) - there
        assert not [each for each in left if ".lock" not in each.name]


@pytest.mark.parametrize(
    ("name", "chunk"), [("images", (512, 16, 16, 3)), ("stimuli/match", (1024,))]
)
def test_chunks_may_be_larger_than_the_dataset(copy, name, chunk):
    """So h5py and others store a dataset that may grow."""

    def resizable(file, _folder):
        values = file[name][()]
        del file[name]
        free = (None, *values.shape[1:])
        file.create_dataset(name, data=values, maxshape=free, chunks=chunk, compression="gzip")

    with StimulusSet(copy) as one:
        stimulus = one.table[KEY][COUNT - 1]
        image, match = one.image(stimulus), one.table["match"]
    altered(copy, resizable)
    with StimulusSet(copy) as one:
        assert one.file[name].chunks == chunk
        assert np.array_equal(one.image(stimulus), image)
        assert one.table["match"].equals(match)


def test_two_names_of_one_dataset_are_ordinary(copy):
    altered(copy, lambda file, _: file.update({"notes": file["images"]}))
    assert len(StimulusSet(copy)) == COUNT


# ---- The file itself -----------------------------------------------------------------------------


def test_paths_that_are_no_files_are_named(tmp_path, full_set):
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(InputError, match=r"folder.h5: is a folder; name the file of the stimulus"):
        len(StimulusSet(tmp_path / "folder.h5"))
    (tmp_path / "dangling.h5").symlink_to(tmp_path / "gone.h5")
    with pytest.raises(InputError, match=r"dangling.h5: there is no such file; mrd stimuli build"):
        len(StimulusSet(tmp_path / "dangling.h5"))
    (tmp_path / "loop.h5").symlink_to(tmp_path / "loop.h5")
    with pytest.raises(InputError, match=r"loop.h5: "):
        len(StimulusSet(tmp_path / "loop.h5"))
    (tmp_path / "link.h5").symlink_to(full_set)
    assert len(StimulusSet(tmp_path / "link.h5")) == COUNT
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.h5")
        with pytest.raises(InputError, match=r"pipe.h5: there is no such file"):
            len(StimulusSet(tmp_path / "pipe.h5"))


# ---- Anything at random --------------------------------------------------------------------------


def places(file):
    found = [""]
    file.visit(found.append)
    return found


def some_value(rng, file):
    """Give a value of a kind that a set may or may not hold at some place."""
    values = [
        0, -1, 2**62, 1.5, np.nan, True, "", "mrd stimulus set", "{}", "[]", "null", "\x1b[31m",
        '{"cameras": 3}', '{"a": ' * 3000, "é", "e\u0301", "0" * 64, "../../x", b"bytes", b"\xff",
        np.zeros((2, 2), np.float32), np.zeros((0, 0), np.float32), np.zeros(COUNT),
        np.zeros(COUNT, np.int64), np.zeros(COUNT, bool), np.array([b"a"] * COUNT),
        np.array([b"\xff"] * COUNT), np.full(COUNT, np.nan), np.zeros((COUNT, 16, 16, 3), np.uint8),
        np.zeros((COUNT, 1, 1, 3), np.uint16), np.zeros(3, [("a", "f8")]), h5py.Empty("f8"),
        np.zeros((1, 4, 4, 3), np.uint8), np.array(["a", "b"], dtype=object),
    ]  # fmt: skip
    value = values[rng.integers(len(values))]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.array(value, dtype=h5py.string_dtype())
    del file
    return value


def change_at_random(rng, file):
    names = places(file)
    name = names[rng.integers(len(names))]
    match int(rng.integers(6)):
        case 0 if name:
            del file[name]
        case 1 if name:
            del file[name]
            file[name] = some_value(rng, file)
        case 2:
            keys = [*file[name or "/"].attrs, "format", "record"]
            file[name or "/"].attrs[keys[rng.integers(len(keys))]] = some_value(rng, file)
        case 3:
            keys = list(file[name or "/"].attrs)
            if keys:
                del file[name or "/"].attrs[keys[rng.integers(len(keys))]]
        case 4 if name:
            other = names[rng.integers(len(names))]
            if other and not other.startswith(name):
                kept = file[other]
                del file[name]
                file[name] = kept
        case 5 if isinstance(file[name or "/"], h5py.Dataset) and file[name].size:
            dataset = file[name]
            if dataset.shape == ():
                text = dataset.asstr()[()]
                at = int(rng.integers(max(len(text), 1)))
                del file[name]
                file[name] = text[:at] + "}"[: rng.integers(2)] + text[at + 1 :]
            else:
                row = int(rng.integers(len(dataset)))
                if dataset.dtype.kind == "S":
                    dataset[row] = [b"", b"\xff", b"../../up", b"0" * 8, b"\x1b[2J"][
                        rng.integers(5)
                    ]
                elif dataset.dtype.kind == "f":
                    dataset[row] = [np.nan, np.inf, -1, 1e30][rng.integers(4)]
                else:
                    dataset[row] = 1


def refusal(work):
    """Do something; give the line that it was refused with, or None."""
    try:
        work()
    except InputError as error:
        return str(error)
    return None


def uses(one, path, folder):
    """List calls of every method of a set."""
    first = one.table[KEY].iloc[0]
    return [
        lambda: one.provenance, lambda: one.image(first), lambda: one.scene(first),
        lambda: one.findings, one.reach, one.predicted_thresholds, lambda: summary(one),
        lambda: differences(one, one), lambda: export(one, folder / "files"),
        lambda: json.dumps(one.models), lambda: [one.results(each) for each in one.models],
        lambda: [one.verdicts(each) for each in one.models],
        lambda: one.distances("net", "late", "vase-shape"),
        lambda: one.null_distances("net", "late", "vase-shape"),
        lambda: one.series("vase", "net", "early;late", "shape"),
        lambda: merge([path, path], folder / "merged.h5"),
        lambda: one.content_hash,
    ]  # fmt: skip


def refusals(path, folder):
    """List the lines with which parts of an altered set are refused."""
    with StimulusSet(path) as one:
        whole = refusal(lambda: one.table)
        lines = [whole] if whole else [refusal(work) for work in uses(one, path, folder)]
    return [line for line in lines if line]


@pytest.mark.full
def test_whatever_is_altered_the_set_is_read_or_refused(full_set, tmp_path, rng):
    check_altered(full_set, tmp_path, rng, 60)


def test_some_altered_sets_are_read_or_refused(full_set, tmp_path, rng):
    check_altered(full_set, tmp_path, rng, 5)


def check_altered(full_set, folder, rng, count):
    for number in range(count):
        path = Path(shutil.copy(full_set, folder / f"{number}.h5"))
        with h5py.File(path, "r+") as file:
            for _ in range(int(rng.integers(1, 3))):
                change_at_random(rng, file)
        seal(path)
        for line in [*refusals(path, folder), *problems(path)]:
            assert str(folder) in line  # merge names the set that it would write
            assert line.isprintable()
        path.unlink()
