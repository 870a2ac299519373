// A table of the objects, lamps and light of a scene.

import { Color, LinearSRGBColorSpace } from "three";

const rounded = value => Number(value.toPrecision(3));

export function listing(side) {
  const table = document.createElement("table");
  table.createCaption().textContent = side.name;
  const row = (kind, cells) => {
    const line = document.createElement("tr");
    for (const cell of cells) {
      const made = document.createElement(kind);
      made.append(...[cell].flat());
      line.append(made);
    }
    table.append(line);
  };
  row("th", ["name", "mesh", "colour", "roughness", "metallic"]);
  for (const { name, counts, material } of side.objects) {
    const { textures } = material;
    const value = key => (key in textures ? `texture, mean ${rounded(material[key])}` : `${rounded(material[key])}`);
    row("td", [
      name, `${counts[0]} vertices, ${counts[1]} triangles`,
      [chip(material.base_color), ` ${"base_color" in textures ? "texture, mean " : ""}${text(material.base_color)}`],
      value("roughness"), value("metallic"),
    ]);
  }
  for (const lamp of side.lamps) {
    row("td", [lamp.name, `lamp: ${lamp.kind}`, [chip(lamp.strength), ` ${text(lamp.strength)}`], "", ""]);
  }
  const exposure = `exposure ${rounded(side.film.exposure)}${side.film.is_estimate ? " (estimated)" : ""}`;
  for (const [name, kind] of side.environments) row("td", [name, `light: ${kind.replace("_", " and ")}`, "", "", ""]);
  row("td", ["film", exposure, "", "", ""]);
  return table;
}

function text(rgb) {
  return rgb.map(rounded).join(", ");
}

function chip(rgb) {
  const made = document.createElement("span");
  made.className = "chip";
  const most = Math.max(1, ...rgb);
  made.style.background = new Color().setRGB(...rgb.map(each => each / most), LinearSRGBColorSpace).getStyle();
  return made;
}
