"""Models and searches of a study: defaults and ranges."""

import pytest
from pydantic import ValidationError

from mrd.study.model_section import ModelConfig
from mrd.study.search_section import SearchConfig
from scenes.lighting import Constant
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import Blob, Sphere


def search(**changes):
    return SearchConfig.model_validate({"attributes": ["shape"], **changes})


def test_defaults_of_a_search_and_a_model():
    config = search(attributes=["material"])
    assert config.steps == 400
    assert config.views_per_step == 1
    assert config.loss == "relative_squared_error"
    assert config.remeshing is None
    assert (config.samples.primal, config.samples.adjoint, config.samples.boundary) == (16, 4, 8192)
    assert config.samples.score == 144
    assert (config.criterion.null, config.criterion.ceiling, config.criterion.floor) == (99, 8, 0.9)
    assert config.criterion.class_probability == 0.2
    assert ModelConfig(network="pixels").front_end.blur == 1


def test_a_search_of_a_shape_has_other_defaults():
    config = search()
    assert (config.remeshing, config.steps, config.smoothness) == ("auto", 800, 3)
    assert config.soft_start == 0.6
    assert config.starts() == {"shape": Sphere(radius=0.6, subdivisions=3)}
    assert search(steps=50).steps == 50
    assert search(attributes=["shape", "material", "lighting"]).soft_start == 0


@pytest.mark.parametrize(
    "keys",
    [
        {"remeshing": None},
        {"remeshing": {"at": [20]}},
        {"optimiser": "lbfgs"},
        {"mode": "flip"},
    ],
    ids=str,
)
def test_a_shape_search_without_automatic_remeshing_has_the_defaults_of_the_others(keys):
    config = search(**keys)
    assert config.remeshing != "auto"
    assert (config.steps, config.smoothness) == (400, 10)
    assert config.soft_start == 0


def test_a_shape_leaves_its_target_by_smooth_changes():
    config = search(mode="diverge")
    assert (config.remeshing, config.steps, config.smoothness) == (None, 400, 1000)
    assert search(mode="diverge", smoothness=10.0).smoothness == 10
    assert search(mode="diverge", attributes=["pose"]).smoothness == 10


def test_start_of_every_searched_attribute_has_a_default():
    config = SearchConfig(attributes=("shape", "material", "lighting", "pose"), remeshing=None)
    assert config.starts() == {
        "shape": Sphere(),
        "material": Material(),
        "lighting": Constant(),
        "pose": Pose(),
    }


def test_a_start_has_only_searched_attributes():
    config = search(start={"shape": {"kind": "blob", "seed": 3}})
    assert config.starts() == {"shape": Blob(seed=3)}


def test_start_of_an_attribute_that_is_not_searched_is_refused():
    with pytest.raises(ValidationError, match="this search changes shape alone") as error:
        search(start={"lighting": {"kind": "constant"}})
    assert error.value.errors()[0]["loc"] == ("start", "lighting")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attributes": []}, "at least 1 item"),
        ({"attributes": ["shape", "shape"]}, "shape is named more than once"),
        ({"attributes": ["colour"]}, "allowed: shape, material, lighting, pose"),
        ({"mode": "diverge", "soft_start": 0.5}, "it would have no effect"),
        ({"optimiser": "lbfgs", "soft_start": 0.5}, "not with optimiser: lbfgs"),
        (
            {"attributes": ["shape", "material", "lighting"], "soft_start": 0.5},
            "no effect if material and lighting are both searched",
        ),
        ({"mode": "diverge", "remeshing": "auto"}, "target and result share faces"),
        ({"optimiser": "lbfgs", "remeshing": "auto"}, "needs one mesh"),
        ({"textured_parameters": ["eta"]}, "'eta' cannot be a texture; .*roughness, metallic"),
        ({"regularisers": {"area": -1}}, "greater than or equal to 0"),
        ({"criterion": {"class_probability": 1.1}}, "less than or equal to 1"),
        ({"goal": "both"}, "'both' is not allowed; allowed: metamer, recover"),
        ({"goal": "recover", "mode": "diverge"}, "not with mode: diverge; use metamer"),
        (
            {"regularisers": {"edge": 1}},
            "unknown key 'edge'; allowed: edge_length, area",
        ),
        ({"learning_rate": {"pose": 0}}, "greater than 0"),
        ({"sky_parameters": ["sun"]}, "allowed: sun_scale, sky_scale, sun_elevation"),
        ({"sky_parameters": []}, "at least 1 item"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"steps": 100_001}, "less than or equal to 100000"),
        ({"steps": True}, "valid integer"),
        ({"views_per_step": 0}, "greater than or equal to 1"),
        ({"loss": "l3"}, "allowed: l1, l2, cosine, relative_squared_error"),
        ({"learning_rate": {"shape": 0}}, "greater than 0"),
        ({"smoothness": -1}, "greater than or equal to 0"),
        ({"smoothness": float("nan")}, "finite number"),
        ({"material_parameters": []}, "at least 1 item"),
        ({"material_parameters": ["roughnes"]}, "did you mean 'roughness'"),
        ({"material_parameters": ["eta", "eta"]}, "eta is named more than once"),
        ({"texture_resolution": -1}, "greater than or equal to 0"),
        ({"environment_height": 2}, "greater than or equal to 3"),
        ({"samples": {"score": 9}}, "greater than or equal to 16"),
        ({"samples": {"boundary": 0}}, "greater than or equal to 1"),
        ({"criterion": {"null": 0}}, "greater than or equal to 1"),
        ({"criterion": {"ceiling": 1}}, "greater than or equal to 2"),
        ({"criterion": {"floor": 1.01}}, "less than or equal to 1"),
        ({"save_every": 0}, "greater than or equal to 1"),
        ({"seeds": []}, "at least 1 item"),
        ({"seeds": [-1]}, "greater than or equal to 0"),
        ({"seeds": [2, 2]}, "2 is named more than once"),
        ({"targets": []}, "at least 1 item"),
        ({"stpes": 3}, "did you mean 'steps'"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        search(**changes)


@pytest.mark.parametrize("blur", [-0.1, 20.1, float("inf"), "1"])
def test_blur_has_a_range(blur):
    with pytest.raises(ValidationError, match=r"front_end\.blur"):
        ModelConfig.model_validate({"network": "pixels", "front_end": {"blur": blur}})


@pytest.mark.parametrize(
    "front_end",
    [{"contrast": 0}, {"contrast": 1.1}, {"contrast": "1"}, {"grey": 1}, {"grey": "no"}],
)
def test_grey_is_true_or_false_and_contrast_has_a_range(front_end):
    with pytest.raises(ValidationError, match=r"front_end\.(contrast|grey)"):
        ModelConfig.model_validate({"network": "pixels", "front_end": front_end})


@pytest.mark.parametrize(
    ("layers", "names", "weights"),
    [
        (None, (), {}),
        (["b", "a"], ("b", "a"), {"b": 1.0, "a": 1.0}),
        ({"b": 0.5, "a": 2}, ("b", "a"), {"b": 0.5, "a": 2.0}),
    ],
)
def test_layers_are_names_or_names_with_weights(layers, names, weights):
    config = ModelConfig.model_validate({"network": "pixels", "layers": layers})
    assert config.layer_names == names
    assert config.layer_weights == weights
    assert ModelConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "at least 1 item"),
        ({}, "at least 1 item"),
        (["a", "a"], "a is named more than once"),
        ("a", "valid tuple"),
        ([1], "valid string"),
        ({"a": 0}, "greater than 0"),
        ({"a": -1.0}, "greater than 0"),
        ({"a": float("inf")}, "finite number"),
        ({"a": float("nan")}, "finite number"),
        ({"a": "1"}, "valid number"),
        ({"a": True}, "valid number"),
        ({1: 1.0}, "valid string"),
    ],
)
def test_layers_of_another_form_are_refused(layers, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig.model_validate({"network": "pixels", "layers": layers})


def test_a_search_uses_guides_and_judged_layers():
    described = {"network": "resnet18", "layers": ["layer4"], "guides": {"layer1": 0.5}}
    config = ModelConfig.model_validate(described)
    assert config.layer_names == ("layer4",)
    assert config.guided({"layer4": 1.0}).layer_weights == {"layer1": 0.5, "layer4": 1.0}
    # A network's default layer is known only where the network is.
    by_default = ModelConfig(network="resnet18", guides=("layer1",))
    assert by_default.guided({"avgpool": 1.0}).layer_names == ("layer1", "avgpool")


def test_a_guide_that_is_also_a_layer_is_refused():
    with pytest.raises(ValidationError, match=r"'layer4' is one of layers; name it once"):
        ModelConfig(network="resnet18", layers=("layer4",), guides=("layer4",))


def test_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        search().steps = 3
