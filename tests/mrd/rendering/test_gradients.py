"""Gradients of a rendered loss, against central finite differences of the same loss.

The loss is a fixed random linear functional of the display image, J = Σ w · display(radiance).
Finite differences render both sides with the same seeds. The gradient takes one render, the
derivative of J with respect to its pixels, and one adjoint render with another seed, like a step of
a search. Each is repeated with n seeds (4; 8 in the full run), which gives mean and standard error.

A case fails if the two means differ by more than 5 standard errors plus a stated relative bias. The
false-alarm rate is 1e-3 per case with n = 4 (Student's t, 6 degrees of freedom at best; 0.02 with
3 degrees at worst) and 2e-4 with n = 8. A case also fails if 5 standard errors exceed 0.2 of the
value, because such a test would have no power.

The normal run has one case or more per kind of gradient and background; the full run has all.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from mrd.rendering.representation import as_map
from mrd.rendering.stage import Stage, display
from mrd.rendering.to_mitsuba import VERTICES, form_of, silhouette_integrator, surface_integrator
from mrd.search.differences import differences
from mrd.search.variables.base import mitsuba_values
from mrd.search.variables.lamp import LampVariables
from mrd.search.variables.lighting import LightingVariables
from mrd.search.variables.material import MaterialVariables
from mrd.search.variables.pose import PoseVariables
from mrd.search.variables.shape import ShapeVariables
from mrd.search.variables.sky import BOUNDS as SKY_PARAMETERS
from mrd.search.variables.sky import SkyVariables
from scenes.arrays import Mesh, Picture
from scenes.camera import Ring, Single, cameras
from scenes.film import Film
from scenes.lamps import RectangleLamp
from scenes.lighting import Constant, EnvironmentMap, SunSky, map_directions
from scenes.material import SCALARS, Material
from scenes.placed import world_vertices
from scenes.pose import Pose
from scenes.scene import Scene, Transport
from scenes.shape import Blob, MeshShape, Sphere, geometry

SIZE = 32
STANDARD_ERRORS = 5


def smooth_light():
    """Return a coloured environment without sharp lights, 8 × 16, radiance 0.2 to 5."""
    directions = map_directions(8, 16)
    waves = np.array([[1.2, 0.2, -0.4], [0.5, 0.9, 0.3], [-0.3, 0.6, 1.1]])
    return EnvironmentMap(
        radiance=Picture(np.exp(np.sin(2 * directions @ waves + [0, 1, 2]) - 0.3))
    )


def texture(channels):
    rng = np.random.default_rng(4)
    return Picture(rng.uniform(0.3, 0.7, size=(4, 4, channels)))


EVERY_LOBE = {
    "base_color": (0.6, 0.3, 0.2), "roughness": 0.4, "metallic": 0.3, "eta": 1.5,
    "spec_tint": 0.4, "anisotropic": 0.5, "sheen": 0.5, "sheen_tint": 0.5,
    "clearcoat": 0.5, "clearcoat_gloss": 0.5, "flatness": 0.3,
}  # fmt: skip


BALL = Sphere(subdivisions=3)
# Convex, so that it casts no shadow on itself, and not round, so that its rotation is visible.
ALMOND = MeshShape(
    surface=Mesh(
        (geometry(BALL).vertices * [1.2, 0.7, 0.4]).astype(np.float32), geometry(BALL).faces
    ),
    fit=False,
)
TERRACOTTA = Material(base_color=(0.6, 0.3, 0.2), roughness=0.5)


DAYLIGHT = SunSky(sun_elevation=40, sun_azimuth=60, turbidity=4, sun_scale=3, level=3)


@dataclass(frozen=True)
class Subject:
    """A scene, and the attributes and material parameters whose gradients are tested."""

    attributes: tuple[str, ...]
    shape: Any = BALL
    material: Material = TERRACOTTA
    lighting: Any = field(default_factory=smooth_light)
    background: Any = "environment"
    surroundings: tuple[str, ...] = ()
    lamps: Any = field(default_factory=dict)
    lamp: str | None = None
    bounces: int = 0
    parameters: tuple[str, ...] = ("base_color",)

    @property
    def moves(self):
        """Whether vertices move; silhouettes make finite differences noisy."""
        return bool({"shape", "pose"} & set(self.attributes))

    @property
    def samples(self):
        return 576 if self.moves else 256

    @property
    def adjoint_samples(self):
        return 256 if self.material.spec_trans or not self.moves else 100

    def scene(self):
        scene = Scene(
            name="subject",
            shape=self.shape,
            material=self.material,
            lighting=self.lighting,
            surroundings=self.surroundings,
            lamps=self.lamps,
            transport=Transport(bounces=self.bounces),
            pose=Pose(rotation=(10, 20, 30)),
            cameras=Single(azimuth=20, elevation=25, resolution=SIZE),
            film=Film(exposure=0.15, background=self.background),
        ).loaded()
        return scene.with_searched_light(self.lamp or scene.light)


LAMP_PARAMETERS = ("strength", "place", "size")
ROOM = {
    "surroundings": ("ground",),
    "lamps": {"key": RectangleLamp(place=(2, 3, 1), size=(1, 1), radiance=20.0)},
    "bounces": 2,
}

OPAQUE = Subject(
    ("material",),
    material=Material(**EVERY_LOBE),
    parameters=("base_color", *(name for name in SCALARS if name != "spec_trans")),
)
SUBJECTS = {
    "opaque": OPAQUE,
    "translucent": Subject(
        ("material",),
        material=Material(**EVERY_LOBE, spec_trans=0.5),
        parameters=("base_color", "roughness", "eta", "spec_trans"),
    ),
    "textures": Subject(
        ("material", "lighting"),
        material=Material(base_color=texture(3), roughness=texture(1), metallic=0.5),
        parameters=("base_color", "roughness"),
    ),
    "sky": Subject(
        ("sky",),
        lighting=as_map(DAYLIGHT, 16),
        material=Material(base_color=(0.6, 0.5, 0.4), roughness=0.5),
        background=0.5,
    ),
    "constant": Subject(("lighting",), lighting=Constant(radiance=(0.5, 1, 2)), background=0.5),
    "coat": Subject(
        ("material",),
        material=Material(base_color=0.05, roughness=0.9, clearcoat=1.0, clearcoat_gloss=0.4),
        parameters=("clearcoat_gloss",),
    ),
    "shape": Subject(("shape",)),
    "shape-grey": Subject(("shape",), background=0.5),
    "blob": Subject(("shape",), shape=Blob(seed=3, subdivisions=3), background=0.5),
    "black-blob": Subject(
        ("shape",),
        shape=Blob(seed=3, subdivisions=3),
        material=Material(base_color=0.0, eta=1.0001),
        background=0.5,
    ),
    "glass": Subject(("shape",), material=Material(base_color=0.9, spec_trans=0.6, roughness=0.4)),
    "pose": Subject(("pose",), shape=ALMOND),
    "pose-grey": Subject(("pose",), shape=ALMOND, background=0.5),
    "pose-blob": Subject(("pose",), shape=Blob(seed=3, subdivisions=3), background=0.5),
    # Texture coordinates: vertices are doubled along a seam, and normals are set explicitly.
    "pose-textured": Subject(
        ("pose",),
        shape=ALMOND,
        material=Material(base_color=texture(3), roughness=0.5),
        background=0.5,
    ),
    # Above a ground, under a lamp, with indirect light.
    "room": Subject(("material", "lighting"), **ROOM),
    "room-pose": Subject(("pose",), shape=ALMOND, **ROOM),
    "room-lamp": Subject(("lamp",), lamp="key", **ROOM),
    # Derivatives of a shape have no indirect light.
    "room-shape": Subject(("shape",), surroundings=("ground",)),
    "everything": Subject(("shape", "material", "lighting", "pose"), shape=ALMOND, background=0.5),
    "together": Subject(("shape", "material", "lighting"), background=0.5),
}


class Rendered:
    """A subject in Mitsuba with its variables, their loss and the loss's gradient."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.scene = subject.scene()
        make = {
            "shape": lambda: ShapeVariables(self.scene, 15.0),
            "material": lambda: MaterialVariables(self.scene, subject.parameters),
            "lighting": lambda: LightingVariables(self.scene, 0.0),
            "lamp": lambda: LampVariables(self.scene, LAMP_PARAMETERS),
            "sky": lambda: SkyVariables(self.scene, DAYLIGHT, tuple(SKY_PARAMETERS)),
            "pose": lambda: PoseVariables(self.scene),
        }
        self.variables = [make[name]() for name in subject.attributes]
        self.tensors = {k: t for v in self.variables for k, t in v.tensors.items()}
        self.stage = Stage(self.scene)
        self.views = cameras(self.scene.cameras)
        self.integrator = (
            silhouette_integrator(self.scene, boundary_samples=2**17)
            if subject.moves and not (subject.attributes == ("pose",) and self.scene.others)
            else surface_integrator(self.scene, form_of(self.scene))
        )
        # Low frequencies, so that the loss changes: weights of one sign for brightness, of both
        # signs for movements (to the right, up, nearer: one channel each).
        coarse = torch.tensor(np.random.default_rng(7).normal(size=(1, 3, 4, 4)))
        fine = torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic")
        down, right = torch.meshgrid(
            *[torch.linspace(-2, 2, SIZE, dtype=torch.float64)] * 2, indexing="ij"
        )
        ramps = torch.stack([right, -down, 2 - right**2 - down**2])
        if "pose" in subject.attributes:
            ramps = ramps + right * down  # rotation in the image plane
        self.weights = ramps + 0.5 * fine if subject.moves else 1 + 0.5 * fine

    def values(self):
        return mitsuba_values(self.variables)

    def loss(self, seed):
        values = self.values()
        self.stage.move(values, constant=values)
        linear = self.stage.radiance(self.views, self.subject.samples, [seed])
        return float((display(linear.double(), self.scene.film) * self.weights).sum())

    def difference(self, name, direction, step, seed):
        """Return the central finite difference of the loss along a direction of one tensor."""
        tensor, start = self.tensors[name], self.tensors[name].detach().clone()
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                tensor.copy_(start + sign * step * direction)
            sides.append(self.loss(seed))
        with torch.no_grad():
            tensor.copy_(start)
        return (sides[0] - sides[1]) / (2 * step)

    def gradient(self, primal_seed, adjoint_seed):
        """Return the gradient of the loss in every tensor, computed like a step of a search."""
        values = self.values()
        self.stage.move(values, constant={k for k, v in values.items() if not v.requires_grad})
        linear = self.stage.radiance(self.views, self.subject.samples, [primal_seed])
        linear = linear.double().requires_grad_()
        (display(linear, self.scene.film) * self.weights).sum().backward()
        found = self.stage.adjoint(
            self.integrator,
            self.views,
            linear.grad.float(),
            self.subject.adjoint_samples,
            [adjoint_seed],
        )
        for tensor in self.tensors.values():
            tensor.grad = None
        parts = {values[key]: each.reshape(values[key].shape) for key, each in found.items()}
        if parts:
            torch.autograd.backward(list(parts), list(parts.values()))

        def rendered_again():
            self.stage.move(self.values(), constant=values)
            return self.stage.radiance(self.views, self.subject.samples, [adjoint_seed]).double()

        for tensor, slope in differences(self.variables, linear.grad, rendered_again).items():
            tensor.grad = slope
        return {name: tensor.grad.double() for name, tensor in self.tensors.items()}


@pytest.fixture(scope="module")
def rendered():
    """Return a function: the rendered subject of a name, built once for all of its cases."""
    return cache(lambda name: Rendered(SUBJECTS[name]))


@pytest.fixture(scope="module")
def gradients(rendered, count):
    """Return a function: the gradients of a subject, one per seed, computed once."""

    @cache
    def gradients(name, seed):
        subject = rendered(name)
        return [subject.gradient(seed + 2 * k, seed + 2 * k + 1) for k in range(count(4, 8))]

    return gradients


def entry(name, *index):
    """Return the direction along one entry of a tensor, or along a block of entries."""

    def along(subject):
        direction = torch.zeros_like(subject.tensors[name])
        direction[index] = 1
        return direction

    return along


def translation(axis):
    """Return the direction of LargeSteps coordinates that moves the whole shape."""
    return entry("latent", slice(None), axis)


def mode(subject):
    """Return the direction of LargeSteps coordinates along a smooth bump of the surface."""
    variables = next(v for v in subject.variables if v.attribute == "shape")
    with torch.no_grad():
        vertices = variables.vertices().double().numpy()
    bump = vertices * np.sin(2 * vertices[:, :1] + vertices[:, 1:2])
    return torch.tensor(variables._system @ bump, dtype=torch.float32)


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    subject: str
    name: str
    tensor: str
    direction: Any
    step: float
    bias: float = 0.02  # truncation of the finite difference, curvature of the tone curve

    def __str__(self):
        return f"{self.subject}-{self.name}"


# The loss is nearly linear in most parameters, so long steps only reduce noise.
STEPS = {"roughness": 0.05, "eta": 0.05}
LIGHT = "log_radiance"
BLOCK = slice(1, 3)
AXES = {"x": translation(0), "y": translation(1), "z": translation(2)}

CASES = [
    *(
        Case("opaque", f"base_color{c}", "base_color", entry("base_color", c), 0.03)
        for c in range(3)
    ),
    *(
        Case("opaque", name, name, entry(name, 0), STEPS.get(name, 0.1))
        for name in OPAQUE.parameters[1:]
        if name != "clearcoat_gloss"  # too weak among all others
    ),
    Case("coat", "clearcoat_gloss", "clearcoat_gloss", entry("clearcoat_gloss", 0), 0.1),
    Case("translucent", "base_color", "base_color", entry("base_color", 1), 0.03),
    Case("translucent", "roughness", "roughness", entry("roughness", 0), 0.05),
    Case("translucent", "eta", "eta", entry("eta", 0), 0.05),
    Case("translucent", "spec_trans", "spec_trans", entry("spec_trans", 0), 0.1),
    Case("textures", "texel", "base_color", entry("base_color", 1, 2, 0), 0.1),
    Case("textures", "texel-at-seam", "base_color", entry("base_color", 1, 0, 1), 0.1),
    Case("textures", "roughness-texels", "roughness", entry("roughness", BLOCK, BLOCK), 0.1),
    Case("textures", "pixel", LIGHT, entry(LIGHT, 2, 6, 0), 0.1),
    Case("textures", "pixel-at-edge", LIGHT, entry(LIGHT, 3, 0, 2), 0.1),
    Case("textures", "pixel-at-pole", LIGHT, entry(LIGHT, 0, 5, 1), 0.1),
    # The map is piecewise linear in the sun's direction: a step stays within a pixel, 0.2 radians.
    *(Case("sky", name, name, entry(name, 0), 0.02) for name in ("sun_elevation", "sun_azimuth")),
    *(
        Case("sky", name, name, entry(name, 0), 0.1)
        for name in ("sun_scale", "sky_scale", "turbidity", "albedo")
    ),
    Case("constant", "radiance0", LIGHT, entry(LIGHT, 0), 0.1),
    Case("constant", "radiance2", LIGHT, entry(LIGHT, 2), 0.1),
    Case("shape", "x", "latent", translation(0), 0.02),
    Case("shape", "mode", "latent", mode, 0.02),
    *(Case("shape-grey", axis, "latent", AXES[axis], 0.02) for axis in AXES),
    Case("shape-grey", "mode", "latent", mode, 0.02),
    # Only silhouettes, some of them hidden.
    Case("black-blob", "x", "latent", translation(0), 0.02),
    Case("black-blob", "mode", "latent", mode, 0.02),
    # Known bias: edges of the shadows that a blob casts on itself are not sampled.
    Case("blob", "x", "latent", translation(0), 0.02, bias=0.1),
    # Known bias: transmitted light counts in the loss, but not in the gradient of a shape.
    Case("glass", "mode", "latent", mode, 0.02, bias=0.6),
    *(
        Case(subject, f"{tensor}-{axis}", tensor, entry(tensor, "xyz".index(axis)), 0.04)
        for subject, tensor, axes in (
            ("pose", "rotation", "x"),
            ("pose-grey", "rotation", "xyz"),
            ("pose-grey", "translation", "yz"),
            ("pose-textured", "rotation", "z"),
            ("pose-textured", "translation", "x"),
        )
        for axis in axes
    ),
    # Known bias, as for shapes.
    Case("pose-blob", "translation-x", "translation", entry("translation", 0), 0.04, bias=0.1),
    Case("everything", "rotation-y", "rotation", entry("rotation", 1), 0.04),
    Case("everything", "mode", "latent", mode, 0.02),
    Case("together", "x", "latent", translation(0), 0.02),
    Case("together", "base_color", "base_color", entry("base_color", 1), 0.03),
    Case("together", "pixel", LIGHT, entry(LIGHT, BLOCK, BLOCK), 0.1),
    Case("room", "base_color", "base_color", entry("base_color", 2), 0.03),
    Case("room", "pixels", LIGHT, entry(LIGHT, BLOCK, slice(2, 6)), 0.1),
    Case("room-pose", "translation-z", "translation", entry("translation", 2), 0.05, bias=0.05),
    Case("room-pose", "rotation-y", "rotation", entry("rotation", 1), 0.05, bias=0.05),
    Case("room-lamp", "strength", "log_strength", entry("log_strength", 0), 0.1),
    Case("room-lamp", "place-y", "place", entry("place", 1), 0.05, bias=0.05),
    Case("room-lamp", "width", "log_size", entry("log_size", 0), 0.1, bias=0.05),
    Case("room-shape", "x", "latent", translation(0), 0.02),
    Case("room-shape", "z", "latent", translation(2), 0.02),
]

NORMAL_RUN = {
    "opaque-base_color0", "opaque-roughness", "opaque-metallic", "opaque-eta",
    "opaque-anisotropic", "translucent-spec_trans", "textures-texel-at-seam",
    "textures-roughness-texels", "textures-pixel-at-edge", "sky-sun_elevation", "sky-turbidity",
    "constant-radiance0", "shape-x", "shape-grey-mode", "pose-grey-rotation-x",
    "pose-grey-translation-y", "pose-textured-rotation-z", "everything-rotation-y",
    "room-base_color", "room-pixels", "room-pose-translation-z", "room-lamp-strength",
    "room-lamp-place-y", "room-lamp-width", "room-shape-z",
}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=str(case), marks=[] if str(case) in NORMAL_RUN else pytest.mark.full)
        for case in CASES
    ],
)
def test_gradient_is_the_finite_difference(case, rendered, gradients, request, count):
    base = request.config.base_seed % 10_000
    subject = rendered(case.subject)
    direction = case.direction(subject)
    differences = np.array(
        [
            subject.difference(case.tensor, direction, case.step, base + 1000 + k)
            for k in range(count(4, 8))
        ]
    )
    products = np.array(
        [float((g[case.tensor] * direction).sum()) for g in gradients(case.subject, base)]
    )
    expected, found = differences.mean(), products.mean()
    error = np.hypot(*(np.std(x, ddof=1) / np.sqrt(len(x)) for x in (differences, products)))
    print(
        f"{case!s:32} difference {expected:9.3f} gradient {found:9.3f} "
        f"off by {100 * (found / expected - 1):6.1f} % or {(found - expected) / error:5.1f} s.e."
    )
    assert abs(error) * STANDARD_ERRORS < 0.2 * abs(expected)
    assert abs(found - expected) < STANDARD_ERRORS * error + case.bias * abs(expected)


def test_gradient_of_a_step_is_the_sum_over_its_views(seed):
    scene = Scene(
        name="blob",
        shape=Blob(seed=3, subdivisions=2),
        material=Material(base_color=(0.6, 0.3, 0.2), roughness=0.5),
        lighting=smooth_light(),
        cameras=Ring(count=3, resolution=SIZE),
        film=Film(exposure=1.0),
    ).loaded()
    stage = Stage(scene)
    integrator = silhouette_integrator(scene, boundary_samples=512)
    values = {
        VERTICES: torch.tensor(world_vertices(geometry(scene.shape), scene), dtype=torch.float32),
        "object.bsdf.eta": torch.tensor([1.5]),
        "object.bsdf.roughness.value": torch.tensor([0.5]),
        **LightingVariables(scene, 0.0).values(),
    }
    stage.move(values)
    views = cameras(scene.cameras)
    weights = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))

    def gradient(chosen):
        part = weights[chosen]
        seeds = [100 + view for view in chosen]
        return stage.adjoint(integrator, [views[c] for c in chosen], part, 4, seeds)

    alone = [gradient([view]) for view in range(3)]
    together = gradient([0, 1, 2])
    again = gradient([0])  # no move in between: the stage still has its values
    for key in values:
        # Adjoints repeat to about 1e-6: the order of additions varies.
        scale = float(together[key].abs().max())
        assert scale > 0, key
        total = sum(part[key] for part in alone)
        torch.testing.assert_close(together[key], total, rtol=0, atol=1e-4 * scale)
        torch.testing.assert_close(again[key], alone[0][key], rtol=0, atol=1e-4 * scale)
