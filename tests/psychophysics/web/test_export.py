"""Export of a page."""

import hashlib
import json
import tomllib
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

from psychophysics.experiment import prepare
from psychophysics.web import plan
from psychophysics.web.export import export
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from tests.paths import ROOT
from tests.small_set import small_image, small_table, write_small_set

SMALL = {"attributes": ["shape"], "comparisons": ["result"],
         "procedure": {"kind": "constant_stimuli", "trials": 1}}  # fmt: skip


def content(path, function):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"{function}(")
    return json.loads(text.removeprefix(f"{function}(").removesuffix(");\n"))


def test_the_folder_holds_all_that_the_page_needs(small_experiment, tmp_path):
    asked = small_experiment(**SMALL)
    page = export(asked, tmp_path / "page", 3, "01")
    assert page == tmp_path / "page" / "index.html"
    design = content(page.parent / "design.js", "design")
    assert design["participants"] == ["web01", "web02", "web03"]
    assert design["post"] is None
    assert design["cm_per_pixel"] == 53 / 1920
    shown = set()
    for number in range(3):
        own = content(page.parent / "participants" / f"web{number + 1:02d}.js", "participant")
        assert own == plan.participant(asked, plan.make_seat(asked, number, "01"))
        shown |= {trial["row"][design["columns"].index(f"stimulus_{k}")]
                  for trial in own["trials"] for k in (1, 2, 3)}  # fmt: skip
    images = sorted((page.parent / "images").iterdir())
    assert {image.stem for image in images} == shown
    for image in images:
        with Image.open(image) as opened:
            np.testing.assert_array_equal(np.asarray(opened), asked.stimuli.image(image.stem))
    scripts = page.read_text().split('src="')[1:]
    for script in scripts:
        assert (page.parent / script.partition('"')[0]).is_file()
    assert "://" not in page.read_text()


def test_images_of_16_bits_are_rounded_as_at_the_window(config, tmp_path):
    table = small_table()
    deep = np.array([small_image(row, bits=16) for row in table.itertuples()])
    path = write_small_set(tmp_path / "stimuli.h5", images=deep, models={})
    asked = prepare("small", 1, config(**SMALL), path)
    page = export(asked, tmp_path / "page", 1, "01")
    images = sorted((page.parent / "images").iterdir())
    assert images
    for image in images:
        with Image.open(image) as opened:
            shown = np.asarray(opened)
        assert shown.dtype == np.uint8
        wanted = asked.stimuli.image(image.stem) / 257
        assert np.abs(shown - wanted).max() <= 0.5


def test_jspsych_is_as_it_was_published_and_its_licence_is_beside_it(small_experiment, tmp_path):
    export(small_experiment(**SMALL), tmp_path / "page", 1, "01")
    licences = (tmp_path / "page" / "vendor" / "LICENCES.md").read_text()
    script = (tmp_path / "page" / "vendor" / "jspsych.js").read_bytes()
    assert f"`{hashlib.sha256(script).hexdigest()}`" in licences
    assert f"[`jspsych`](https://www.jspsych.org) {plan.JSPSYCH}" in licences
    assert "Permission is hereby granted" in licences


def test_the_wheel_holds_the_page():
    root = ROOT
    tools = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = tools["package-data"]["psychophysics"]
    package = root / "psychophysics"
    held = {path for each in patterns for path in package.glob(each) if path.is_file()}
    page = package / "web" / "page"
    assert {page / "index.html", page / "style.css", page / "vendor" / "jspsych.js"} < held
    assert held == {path for path in page.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        (
            {"procedure": {"kind": "quest_plus"}},
            {},
            "experiment.procedure.kind: 'quest_plus' choos",
        ),
        ({"procedure": {"kind": "staircase"}}, {}, "use constant_stimuli, or run the"),
        ({"keys": ["1", "2", "lshift"]}, {}, "experiment.keys: no key of a page in a browser"),
        ({}, {"visit": "a b"}, "session 'a b': use 1 to 32 letters"),
        ({}, {"post": "ftp://lab.example/in"}, "--post ftp://lab.example/in: write an address"),
        ({}, {"post": "https://[lab"}, r"--post https://\[lab: write an address"),
        (
            {},
            {"post": "https://anna:secret@lab.example/in"},
            "--post: leave out the part before",
        ),
        ({"display": {"monitor": "nowhere"}}, {}, "PsychoPy's monitor centre has no 'nowhere'"),
    ],
)
def test_errors_are_found_before_anything_is_written(
    small_experiment, tmp_path, words, more, message
):
    asked = small_experiment(**(SMALL | words))
    with pytest.raises(InputError, match=message):
        export(asked, tmp_path / "page", 1, **({"visit": "01"} | more))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(small_experiment, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="page: already exists; name a new folder, or remove"):
        export(small_experiment(**SMALL), tmp_path / "page", 1, "01")
    assert [path.name for path in tmp_path.rglob("*")] == ["page", "mine.txt"]


def test_a_damaged_image_leaves_no_half_page(small_experiment, small_set, tmp_path):
    asked = small_experiment(**SMALL)
    [row, *_] = plan.participant(asked, plan.make_seat(asked, 0, "01"))["trials"]
    names = list(asked.stimuli.table["stimulus_id"])
    number = next(names.index(cell) for cell in row["row"] if cell in names)
    path = tmp_path / "stimuli.h5"
    content = bytearray(small_set.read_bytes())
    path.write_bytes(content)
    with h5py.File(path) as file:
        chunk = file["images"].id.read_direct_chunk((number, 0, 0, 0))[1]
    content[content.index(chunk) + len(chunk) // 2] ^= 4
    path.write_bytes(content)
    with StimulusSet(path) as damaged, pytest.raises(InputError, match=rf"images\[{number}\]"):
        export(replace(asked, stimuli=damaged), tmp_path / "page", 1, "01")
    assert list(tmp_path.iterdir()) == [path]
