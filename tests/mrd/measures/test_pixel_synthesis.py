"""Synthesis of a pixel metamer: representation, loss, where it ends, and what is kept."""

import numpy as np
import pytest
import torch

from mrd.criterion.similarity import flattened, pearson
from mrd.measures.pixel_synthesis import Representation, in_levels, noise, synthesise
from mrd.models import registry
from mrd.search import loss as losses
from mrd.study.model_section import FrontEnd, ModelConfig

SIZE = 12


@pytest.fixture(scope="module")
def pixels():
    """Give the model whose activations are the pixels."""
    return registry.create(ModelConfig(network="pixels", front_end=FrontEnd(blur=0.0)))


@pytest.fixture
def aim(rng):
    """Give a target image: another ramp in each channel."""
    return torch.from_numpy(np.sort(rng.random((1, 3, SIZE, SIZE), np.float32), axis=-1))


def correlation(aim):
    return lambda image: float(pearson(flattened(aim), flattened(image)))


def test_a_representation_is_all_layers_side_by_side():
    model = registry.create(
        ModelConfig(network="plenoptic/SteerablePyramidFreq", layers=["energy_0", "energy_1"])
    )
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    found = Representation(model)(images)
    expected = [each.flatten(1) for each in model.activations(images).values()]
    assert torch.equal(found, torch.cat(expected, dim=1))


def test_the_loss_is_that_of_the_search(pixels, rng):
    images = [torch.from_numpy(rng.random((1, 3, 4, 4), np.float32)) for _ in range(2)]
    representation = Representation(pixels)
    (layer,) = pixels.layers
    x, y = (representation(image) for image in images)
    expected = {
        "l1": losses.l1(x, y),
        "relative_squared_error": losses.relative_squared_error(x, y),
        "dual_buffer": losses.l2(x, y),  # without noise to cancel
    }
    for name, value in expected.items():
        assert representation.loss(name, images[0])(x, y) == pytest.approx(float(value))
    by_layer = {layer: "l1", "a guide": "l2"}
    assert representation.loss(by_layer, images[0])(x, y) == pytest.approx(float(expected["l1"]))


def test_the_start_is_uniform_noise_that_its_generator_repeats():
    one, again, other = (noise((20, 30), np.random.default_rng(seed), "cpu") for seed in (1, 1, 2))
    assert one.shape == (1, 3, 20, 30)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.min() >= 0
    assert one.max() <= 1
    # 1800 draws: 5 standard errors of the mean are 5 · .2887 / √1800 = .034, so that this fails
    # less than once in a million.
    assert float(one.mean()) == pytest.approx(0.5, abs=0.034)


def test_a_synthesis_ends_at_the_wanted_match(pixels, aim, seed):
    match_of = correlation(aim)
    start = noise((SIZE, SIZE), np.random.default_rng(seed), "cpu")
    calls = []
    done = synthesise(
        aim,
        start,
        pixels,
        "l2",
        match_of,
        0.9,
        steps=400,
        progress=lambda *each: calls.append(each),
    )
    assert done.reached
    assert calls == [(step, 400) for step in range(1, len(calls) + 1)]
    assert done.step == len(calls)  # the first that matches, shortened
    # A halving of 16 moves no pixel by a level of 8 bits; a level of one of 432 numbers moves their
    # correlation by less than .0005.
    assert done.match == pytest.approx(0.9, abs=0.0005)
    assert done.image.shape == (SIZE, SIZE, 3)
    assert done.image.dtype == np.uint8
    # The match is that of the kept image.
    assert done.match == match_of(in_levels(done.image[None]))
    again = synthesise(aim, start, pixels, "l2", match_of, 0.9, steps=400)
    assert np.array_equal(done.image, again.image)


def test_a_synthesis_that_runs_out_of_steps_keeps_the_nearest(pixels, aim, seed):
    start = noise((SIZE, SIZE), np.random.default_rng(seed), "cpu")
    match_of = correlation(aim)
    done = synthesise(aim, start, pixels, "l2", match_of, 2.0, steps=3)
    assert not done.reached
    assert done.step <= 3
    assert done.match == match_of(in_levels(done.image[None])) > match_of(start)


def test_a_start_that_matches_too_well_is_kept(pixels, aim, seed):
    start = noise((SIZE, SIZE), np.random.default_rng(seed), "cpu")
    done = synthesise(aim, start, pixels, "l2", correlation(aim), -1.0)
    assert (done.step, done.reached) == (0, True)
    expected = (start[0] * 255).round().permute(1, 2, 0).numpy()
    assert np.array_equal(done.image, expected)


def test_images_of_8_bits_are_seen_as_levels():
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[0, 0, 1] = (255, 51, 0)
    seen = in_levels(image)
    assert seen.shape == (1, 3, 2, 2)
    assert seen[0, :, 0, 1].tolist() == pytest.approx([1.0, 0.2, 0.0])
