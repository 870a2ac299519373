"use strict";

/* Pages: text, the size of the screen, loading. */

/** The participant ended the sitting. */
class Stopped extends Error {}

/** Return a text with its `{…}` replaced by values. */
function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (_whole, name) => values[name]);
}

/** Return a new element with text, attributes and children. */
function element(name, text = "", attributes = {}, children = []) {
  const node = document.createElement(name);
  node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Show a page of elements instead of the current page or canvas. */
function showPage(display, children, screen) {
  if (screen) screen.canvas.hidden = true;
  display.replaceChildren(element("main", "", { class: "page" }, children));
}

/** Show the empty canvas instead of a page. */
function showCanvas(display, screen) {
  display.replaceChildren();
  screen.blank();
  screen.canvas.hidden = false;
}

/** Show a text until GO_ON or PAUSE is pressed; return it. With `trying`, mark answer keys. */
async function keyOnPage(display, text, { design, screen, keyboard }, trying = false) {
  const button = element("button", design.texts.go_on, { type: "button" });
  const line = element("p");
  const read = new Set();
  const mark = (name) => {
    if (name !== undefined) read.add(name);
    const keys = keyboard.keys.map((key) => (read.has(key.name) ? `${key.name} ✓` : key.name));
    line.textContent = fill(design.texts.keys_read, { keys: keys.join("     ") });
  };
  if (trying) mark();
  showPage(display, [element("p", text), ...(trying ? [line] : []), button], screen);
  const key = await keyboard.waitOnPage(button, trying ? mark : undefined);
  if (key === GO_ON && design.full_screen) await fullScreen();
  return key;
}

/** Show a page until GO_ON is pressed; Escape shows the page of a pause. */
async function showText(display, text, desk, trying = false) {
  while ((await keyOnPage(display, text, desk, trying)) === PAUSE) await showPause(display, desk);
}

/** Show the page of a pause; throw Stopped after another Escape. */
async function showPause(display, desk) {
  if ((await keyOnPage(display, desk.design.texts.paused, desk)) === PAUSE) throw new Stopped();
}

/** Fill the screen, if the browser allows it. */
async function fullScreen() {
  if (document.fullscreenElement || !document.documentElement.requestFullscreen) return;
  await document.documentElement.requestFullscreen().catch(() => {}); // recorded in the sitting
}

/** Return the screen's CSS pixels per cm, measured with a card; `before` is the earlier value. */
function measurePixelsPerCm(display, texts, before) {
  const most = Math.min(1100, window.innerWidth - 32);
  const slider = element("input", "", {
    type: "range", min: 120, max: most, step: 1, value: Math.round(before * CARD.width),
    "aria-label": texts.card_slider,
  });
  const box = element("div", "", { class: "card" });
  const resize = () => {
    box.style.width = `${slider.value}px`;
    box.style.height = `${(slider.value * CARD.height) / CARD.width}px`;
  };
  slider.addEventListener("input", resize);
  resize();
  const button = element("button", texts.go_on, { type: "button" });
  showPage(display, [
    element("h1", texts.card_title), element("p", texts.card), box, slider,
    element("p", texts.distance), element("p", texts.gamma, { class: "small" }), button,
  ]);
  return new Promise((resolve) => {
    button.addEventListener("click", () => resolve(slider.value / CARD.width));
  });
}

/** Load images, eight at a time, and show the progress; reject with the name of a missing file. */
async function loadImages(display, files, texts) {
  const images = new Map();
  const waiting = [...files];
  const bar = element("progress", "", { max: files.length, value: 0 });
  const line = element("p");
  showPage(display, [line, bar]);
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      images.set(file, await loadImage(file));
      bar.value = images.size;
      line.textContent = fill(texts.loading, { done: images.size, total: files.length });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return images;
}

/** Load an image; reject with the name of its file. */
function loadImage(file) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.addEventListener("load", () => resolve(image));
    image.addEventListener("error", () => reject(file));
    image.src = file;
  });
}
