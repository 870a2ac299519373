// Names of objects and lamps, at their places in a view.

import { Vector3 } from "three";
import { lampPlace } from "lights";

export class Names {
  constructor(side, box) {
    this.caption = box.querySelector("h2");
    const objects = side.objects.map(each => [each.name, "object", new Vector3(...each.anchor)]);
    const lamps = side.lamps.map(each => [each.name, "lamp", lampPlace(each, side)]);
    this.all = [...objects, ...lamps].map(([name, kind, place]) => {
      const label = document.createElement("span");
      label.className = `name ${kind}`;
      label.textContent = name;
      box.append(label);
      return { label, place };
    });
  }

  // Put every name where its place is seen, without overlap; hide those outside the view.
  place(camera, width, height, isOn) {
    const { offsetLeft, offsetTop, offsetWidth } = this.caption;
    const taken = [{ x: offsetLeft, y: offsetTop, wide: offsetWidth }];
    for (const { label, place } of this.all) {
      const seen = place.clone().project(camera);
      const isInside = Math.abs(seen.x) < 1 && Math.abs(seen.y) < 1 && Math.abs(seen.z) < 1;
      label.hidden = !(isOn && isInside);
      if (label.hidden) continue;
      const [wide, high] = [label.offsetWidth, label.offsetHeight];
      const x = clamp(((seen.x + 1) / 2) * width - wide / 2, 0, width - wide);
      let y = clamp(((1 - seen.y) / 2) * height - high - 4, 0, height - high);
      const meets = each => Math.abs(each.x - x) < (each.wide + wide) / 2 + 2 && Math.abs(each.y - y) < high + 1;
      while (taken.some(meets) && y + 2 * high < height) y += high + 2;
      taken.push({ x, y, wide });
      label.style.transform = `translate(${x}px, ${y}px)`;
    }
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
