"""What a run looks like: files that can be read back, and a full disk in one line."""

import subprocess
import sys
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import torch

from mrd import pictures
from scenes.camera import Single, cameras
from scenes.picture_files import read_picture

ROOT = Path(__file__).parents[2]
HISTORY = [{"step": step, "loss": 1 / step, "match": 0.1 * step} for step in range(1, 9)]


def test_radiance_is_written_as_float16_red_first(tmp_path):
    radiance = torch.tensor([0.1, 2.0, 1e6]).view(3, 1, 1).expand(3, 2, 4)
    pictures.write_exr(tmp_path / "p.exr", radiance)
    pixels = read_picture(tmp_path / "p.exr").pixels
    assert pixels.shape == (2, 4, 3)
    # The nearest float16 of 0.1 is 1638/16384; the largest float16 is 65504.
    np.testing.assert_array_equal(pixels[1, 3], np.float32([1638 / 16384, 2, 65504]))


FULL = """
import resource, sys
from pathlib import Path
import torch
from mrd import pictures

resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
noise = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
pictures.write_exr(Path(sys.argv[1]), noise)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    path = tmp_path / "p.exr"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"scenes.errors.InputError: {path}: cannot be written: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("history", [HISTORY, HISTORY[:1], []])
def test_a_preview_is_drawn_with_and_without_a_history(tmp_path, history):
    views = cameras(Single(resolution=16))
    rows = {name: torch.full((len(views), 3, 16, 16), 0.5) for name in ("target", "result")}
    matches = {view.name: 0.5 for view in views}
    path = tmp_path / "preview.png"
    pictures.write_preview(path, "a run", rows, views, matches, history, 0.9)
    image = imageio.imread(path)[..., :3]
    assert (image == 128).all(axis=2).any()  # the photographs
    # Curves are drawn in the right half; without steps it stays white.
    right = image[image.shape[0] // 5 :, image.shape[1] // 2 :]
    assert (right < 255).any() == bool(history)
