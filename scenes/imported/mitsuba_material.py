"""Materials of Mitsuba's scene files, as principled materials."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.base.errors import InputError, first_problem
from scenes.base.inside_folder import inside
from scenes.film import LUMINANCE
from scenes.imported.conductors import REFLECTANCE, reflectance
from scenes.imported.mitsuba_xml import RGB, Plugin
from scenes.imported.report import Report
from scenes.imported.textures import Textures, color_texture
from scenes.material import ETA_RANGE, SCALARS, Material

# A principled surface that is closest to a Lambertian one: its reflectance differs by 4 % (root
# mean square over all pairs of directions), and it has almost no highlight.
LAMBERTIAN = {"roughness": 0.4, "eta": 1.0001}
DEFAULT = Material(base_color=0.5, **LAMBERTIAN)
GLASS, PLASTIC, AIR = 1.5046, 1.49, 1.000277  # indices of refraction, Mitsuba's defaults
ROUGH = 0.1  # Mitsuba's default width α
INDICES = {"air": AIR, "vacuum": 1.0, "water": 1.3330, "bk7": GLASS, "diamond": 2.419,
           "polypropylene": PLASTIC, "acrylic glass": PLASTIC, "pet": 1.575}  # fmt: skip
ANISOTROPY = 0.9  # of Burley's formula: aspect² = 1 − 0.9 anisotropic
WRAPPERS = {
    "twosided": "",
    "mask": "opacity",
    "bumpmap": "bumps",
    "normalmap": "normal map",
    "blendbsdf": "second material",
}
Scalar = float | Picture


class MitsubaMaterials:
    """Reads materials, and their textures once each."""

    def __init__(self, path: Path, report: Report) -> None:
        self._path = path
        self._report = report
        self._textures = Textures()
        self._kinds: dict[str, Callable[[Plugin], dict[str, Any]]] = {
            "principled": self._principled,
            "diffuse": self._diffuse,
            "conductor": self._conductor,
            "roughconductor": self._conductor,
            "plastic": self._plastic,
            "roughplastic": self._plastic,
            "dielectric": self._dielectric,
            "roughdielectric": self._dielectric,
        }

    def material(self, plugin: Plugin) -> tuple[Material, bool]:
        """Return a material, and whether both sides of its surface are visible."""
        if plugin.plugin in WRAPPERS:
            return self._wrapped(plugin)
        if plugin.plugin not in self._kinds:
            self._report.lost(f"{plugin}: grey, matte material in its place")
            return DEFAULT, False
        fields = self._kinds[plugin.plugin](plugin)
        for name in plugin.unread:
            self._report.lost(f"{name} of {plugin}")
        try:
            return Material(**fields), False
        except ValidationError as error:
            raise InputError(f"{plugin}: {first_problem(error, fields)}") from error

    def _wrapped(self, plugin: Plugin) -> tuple[Material, bool]:
        """Return the first material in another one."""
        inner = [each for _, each in plugin.nested("bsdf")]
        if not inner:
            raise InputError(f"{plugin}: contains no bsdf; add one")
        material, two_sided = self.material(inner[0])
        if plugin.plugin == "twosided":
            if len(inner) > 1:
                self._report.lost(f"{inner[1]}: the back side of {plugin}")
            return material, True
        self._report.lost(f"{WRAPPERS[plugin.plugin]} of {plugin}")
        return material, two_sided

    # ---- Kinds -----------------------------------------------------------------------------------

    def _principled(self, plugin: Plugin) -> dict[str, Any]:
        """Return the fields of a principled material."""
        fields: dict[str, Any] = {"base_color": self._color(plugin, "base_color", 0.5)}
        fields["roughness"] = self._scalar(plugin, "roughness", 0.5)
        fields["metallic"] = self._scalar(plugin, "metallic", 0.0)
        for name in SCALARS:
            if name not in ("roughness", "metallic", "eta") and plugin.has(name):
                value = self._scalar(plugin, name, 0.0)
                if isinstance(value, Picture):
                    self._report.lost(f"texture of {name} of {plugin}; its mean is used")
                    value = float(value.pixels.mean())
                fields[name] = value
        if plugin.has("specular"):
            root = np.sqrt(0.08 * plugin.number("specular", 0.5))
            fields["eta"] = self._eta(plugin, float((1 + root) / (1 - root)))
        else:
            fields["eta"] = self._eta(plugin, plugin.number("eta", 1.5))
        plugin.used |= {
            f"{each}_sampling_rate"
            for each in ("main_specular", "clearcoat", "diffuse_reflectance")
        }
        return fields

    def _diffuse(self, plugin: Plugin) -> dict[str, Any]:
        """Return a matte material."""
        self._report.note("diffuse materials: reflectance differs by 4 % on average")
        return {"base_color": self._color(plugin, "reflectance", 0.5), **LAMBERTIAN}

    def _conductor(self, plugin: Plugin) -> dict[str, Any]:
        """Return a metal, with the reflectance at normal incidence as its colour."""
        name = plugin.text("material", "none")
        eta, k = plugin.color("eta", 0.0), plugin.color("k", 1.0)
        tint: RGB = REFLECTANCE["none"]
        if plugin.has("eta") and eta and k:
            tint = reflectance(eta, k)
        elif plugin.has("eta") or name not in REFLECTANCE:
            self._report.lost(f"spectrum of {plugin}: it reflects all colours equally")
        else:
            tint = REFLECTANCE[name]
        factor = self._color(plugin, "specular_reflectance", 1.0)
        color: Any = (
            color_texture(factor, tint)
            if isinstance(factor, Picture)
            else tuple(float(a * b) for a, b in zip(factor, tint, strict=True))
        )
        return {"base_color": color, "metallic": 1.0, **self._widths(plugin)}

    def _plastic(self, plugin: Plugin) -> dict[str, Any]:
        """Return a coloured material under a clear surface."""
        self._report.note("plastic materials: principled ones of the same colour and index")
        plugin.used |= {"nonlinear"}
        return {
            "base_color": self._color(plugin, "diffuse_reflectance", 0.5),
            "eta": self._relative_index(plugin, PLASTIC),
            **self._widths(plugin),
        }

    def _dielectric(self, plugin: Plugin) -> dict[str, Any]:
        """Return glass."""
        self._report.note("dielectric materials: principled ones that transmit light")
        eta = self._relative_index(plugin, GLASS)
        return {"base_color": 1.0, "spec_trans": 1.0, "eta": eta, **self._widths(plugin)}

    def _widths(self, plugin: Plugin) -> dict[str, Any]:
        """Return roughness and anisotropy: the width α is the square of the roughness."""
        if not plugin.plugin.startswith("rough"):
            return {"roughness": 0.0}
        if plugin.text("distribution", "beckmann") != "ggx":
            self._report.note("microfacets with Beckmann's distribution: GGX of the same width")
        plugin.used |= {"sample_visible"}
        if plugin.has("alpha_u") or plugin.has("alpha_v"):
            across, along = (plugin.number(f"alpha_{each}", ROUGH) for each in "uv")
            if min(across, along) <= 0:
                raise InputError(f"{plugin}: alpha_u and alpha_v: use numbers above 0")
            if along > across:
                self._report.lost(f"the direction of the anisotropy of {plugin}")
            ratio = min(along, across) / max(along, across)
            stretch = min((1 - ratio) / ANISOTROPY, 1.0)
            return {"roughness": (across * along) ** 0.25, "anisotropic": stretch}
        return {"roughness": self._scalar(plugin, "alpha", ROUGH, np.sqrt)}

    def _relative_index(self, plugin: Plugin, inside_default: float) -> float:
        """Return the index of refraction inside ÷ outside."""
        values = []
        for name, otherwise in (("int_ior", inside_default), ("ext_ior", AIR)):
            text = plugin.text(name).strip().lower()
            values.append(INDICES[text] if text in INDICES else plugin.number(name, otherwise))
        return self._eta(plugin, values[0] / values[1] if values[1] else 0.0)

    def _eta(self, plugin: Plugin, value: float) -> float:
        """Return an index of refraction within the range of a material."""
        eta = min(max(value, LAMBERTIAN["eta"]), ETA_RANGE[1])
        if eta != value and value != 1:
            self._report.lost(f"index of refraction {value:.4g} of {plugin}: {eta:.4g} is used")
        return eta

    # ---- Values ----------------------------------------------------------------------------------

    def _color(self, plugin: Plugin, name: str, otherwise: float) -> RGB | Picture:
        """Return a colour or a texture."""
        if texture := plugin.texture(name):
            picture = self._bitmap(texture)
            return (otherwise,) * 3 if picture is None else color_texture(picture, (1, 1, 1))
        color = plugin.color(name, otherwise)
        if color is None:
            self._report.lost(f"spectrum of {name} of {plugin}: {otherwise:g} is used")
            return (otherwise,) * 3
        if max(color) > 1:
            raise InputError(f"{plugin}: {name}: {max(color):g} is out of range; allowed: 0 to 1")
        return color

    def _scalar(
        self,
        plugin: Plugin,
        name: str,
        otherwise: float,
        change: Callable[[Any], Any] = lambda value: value,
    ) -> Scalar:
        """Return a number or a texture with one channel, changed by a function."""
        if texture := plugin.texture(name):
            picture = self._bitmap(texture)
            if picture is None:
                return float(change(otherwise))
            pixels: NDArray[np.float32] = picture.pixels
            grey = (
                pixels
                if picture.channels == 1
                else pixels @ np.array(LUMINANCE, np.float32)[:, None]
            )
            return Picture(change(np.clip(grey, 0, 1)))
        value = plugin.number(name, otherwise)
        if value < 0:
            raise InputError(f"{plugin}: {name}: {value:g} is out of range; allowed: 0 to 1")
        return float(change(value))

    def _bitmap(self, texture: Plugin) -> Picture | None:
        """Return the picture of a texture; None for kinds that are not read."""
        if texture.plugin != "bitmap":
            self._report.lost(f"{texture}; the default of its property is used")
            return None
        if not np.allclose(texture.transform("to_uv"), np.eye(4)):
            self._report.lost(f"to_uv of {texture}")
        if texture.text("wrap_mode", "repeat") != "repeat":
            self._report.note(f"{texture}: it repeats beyond its edges")
        raw = texture.flag("raw", False)
        file = inside(self._path.parent, texture.text("filename"), self._path)
        texture.used |= {"filter_type", "accel", "format"}
        for name in texture.unread:
            self._report.lost(f"{name} of {texture}")
        return self._textures.of_file(file, "linear" if raw else "srgb")
