"""Image files of a run: content, and errors of a full disk."""

import subprocess
import sys

import imageio.v3 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mrd.rendering import image_files
from scenes.camera import Single, cameras
from scenes.pictures.files import read_picture
from tests.paths import ROOT

HISTORY = [{"step": step, "loss": 1 / step, "match": 0.1 * step} for step in range(1, 9)]


def test_radiance_is_written_as_float16_red_first(tmp_path):
    radiance = torch.tensor([0.1, 2.0, 1e6]).view(3, 1, 1).expand(3, 2, 4)
    image_files.write_exr(tmp_path / "p.exr", radiance)
    pixels = read_picture(tmp_path / "p.exr").pixels
    assert pixels.shape == (2, 4, 3)
    # The nearest float16 of 0.1 is 1638/16384; the largest float16 is 65504.
    np.testing.assert_array_equal(pixels[1, 3], np.float32([1638 / 16384, 2, 65504]))


FULL = """
import resource, sys
from pathlib import Path
import torch
from mrd.rendering import image_files
from scenes.camera import Single, cameras

path = Path(sys.argv[1])
limit = {".exr": 2000, ".png": 2000, ".mp4": 60_000}[path.suffix]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = torch.rand(12, 3, 64, 64, generator=torch.Generator().manual_seed(1))
if path.suffix == ".exr":
    image_files.write_exr(path, noise[0])
elif path.stem == "preview":
    views = cameras(Single(resolution=64))
    image_files.write_preview(path, "a run", {"result": noise[:1]}, views, {"c0": 0.5}, [], 0.9)
elif path.suffix == ".png":
    image_files.write_png(path, image_files.to_bytes(noise)[0])
else:
    image_files.write_turntable(path, [noise, noise])
"""


def test_turntable_has_every_frame_side_by_side(tmp_path):
    sides = [torch.full((5, 3, 33, 31), value) for value in (0.2, 0.8)]
    image_files.write_turntable(tmp_path / "t.mp4", sides)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "t.mp4")]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(command, capture_output=True, check=True).stdout
    frames = np.frombuffer(pixels, np.uint8).reshape(5, 34, 62, 3)  # H.264 wants even numbers
    # 4:2:0 with limited range: off by a few of 255.
    np.testing.assert_allclose(frames[:, 2:31, 2:28], 51, atol=4)
    np.testing.assert_allclose(frames[:, 2:31, 34:60], 204, atol=4)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("name", ["p.exr", "p.png", "p.mp4", "preview.png"])
def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path, name):
    path = tmp_path / name
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"scenes.base.errors.InputError: {path}: cannot be written: ")
    assert list(tmp_path.iterdir()) == []


def test_the_floor_is_named_below_its_line():
    figure = Figure()
    image_files._curves(figure, figure.add_gridspec(2, 1), HISTORY, 0.3)
    match = figure.axes[1]
    (label,) = match.texts
    figure.canvas.draw()
    box = label.get_window_extent().transformed(match.transData.inverted())
    assert label.get_text() == "floor"
    assert box.y1 <= 0.3 + 1e-9


@pytest.mark.parametrize(("steps", "width"), [(8, 1), (40, 5), (400, 11)])
def test_curves_are_smoothed_over_a_small_part_of_the_search(steps, width):
    values = np.zeros(steps)
    values[steps // 2] = 1.0
    history = [
        {"step": step, "loss": value, "match": value} for step, value in enumerate(values, 1)
    ]
    figure = Figure()
    image_files._curves(figure, figure.add_gridspec(2, 1), history, 0.3)
    smooth = figure.axes[0].lines[1].get_ydata()
    assert smooth.max() == pytest.approx(1 / width)
    assert np.count_nonzero(smooth) == width


@pytest.mark.parametrize("history", [HISTORY, HISTORY[:1], []])
def test_a_preview_is_drawn_with_and_without_a_history(tmp_path, history):
    views = cameras(Single(resolution=16))
    rows = {name: torch.full((len(views), 3, 16, 16), 0.5) for name in ("target", "result")}
    matches = {view.name: 0.5 for view in views}
    path = tmp_path / "preview.png"
    image_files.write_preview(path, "a run", rows, views, matches, history, 0.9)
    image = imageio.imread(path)[..., :3]
    assert (image == 128).all(axis=2).any()  # the photographs
    # Curves are drawn in the right half; without steps it stays white.
    right = image[image.shape[0] // 5 :, image.shape[1] // 2 :]
    assert (right < 255).any() == bool(history)
