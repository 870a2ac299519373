"use strict";

/* Pages: of text, of the card, and what is common to all of them. */

/** The participant has ended the sitting. */
class Stopped extends Error {}

/** Put what stands for `{…}` in a text. */
function filled(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (_whole, name) => values[name]);
}

/** Make an element of text, with attributes and children. */
function element(name, text = "", attributes = {}, children = []) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Show a page of elements in place of what was there; canvas and cursor follow. */
function showPage(display, children, screen) {
  if (screen) screen.canvas.hidden = true;
  display.replaceChildren(element("main", "", { class: "page" }, children));
}

/** Show the canvas, empty, in place of a page. */
function showCanvas(display, screen) {
  display.replaceChildren();
  screen.blank();
  screen.canvas.hidden = false;
}

/** Show a text until a key is pressed: GO_ON or PAUSE. With `trying`, answer keys are marked. */
async function page(display, text, { design, screen, keyboard }, trying = false) {
  const button = element("button", design.texts.go_on, { type: "button" });
  const line = element("p");
  const read = new Set();
  const tried = (name) => {
    if (name !== undefined) read.add(name);
    const keys = keyboard.keys.map((key) => (read.has(key.name) ? `${key.name} ✓` : key.name));
    line.textContent = filled(design.texts.keys_read, { keys: keys.join("     ") });
  };
  if (trying) tried();
  showPage(display, [element("p", text), ...(trying ? [line] : []), button], screen);
  const key = await keyboard.turn(button, trying ? tried : undefined);
  if (key === GO_ON && design.full_screen) await fullScreen();
  return key;
}

/** Show a page until it is gone on from; Escape asks whether to end. */
async function turned(display, text, desk, trying = false) {
  while ((await page(display, text, desk, trying)) === PAUSE) await paused(display, desk);
}

/** Ask whether to end. @throws {Stopped} */
async function paused(display, desk) {
  if ((await page(display, desk.design.texts.paused, desk)) === PAUSE) throw new Stopped();
}

/** Fill the screen, where the browser allows it. */
async function fullScreen() {
  if (document.fullscreenElement || !document.documentElement.requestFullscreen) return;
  await document.documentElement.requestFullscreen().catch(() => {}); // the record says whether
}

/**
 * Ask for a card to be held against the screen.
 *
 * @param {number} before Pixels per cm as they were last time.
 * @returns {Promise<number>} Pixels (CSS) per cm.
 */
function cardHeld(display, texts, before) {
  const most = Math.min(1100, window.innerWidth - 32);
  const slider = element("input", "", {
    type: "range", min: 120, max: most, step: 1, value: Math.round(before * CARD.width),
    "aria-label": texts.card_slider,
  });
  const box = element("div", "", { class: "card" });
  const drawn = () => {
    box.style.width = `${slider.value}px`;
    box.style.height = `${(slider.value * CARD.height) / CARD.width}px`;
  };
  slider.addEventListener("input", drawn);
  drawn();
  const button = element("button", texts.go_on, { type: "button" });
  showPage(display, [
    element("h1", texts.card_title), element("p", texts.card), box, slider,
    element("p", texts.distance), element("p", texts.gamma, { class: "small" }), button,
  ]);
  return new Promise((resolve) => {
    button.addEventListener("click", () => resolve(slider.value / CARD.width));
  });
}

/** Load images, a few at a time, and say how far it is; rejects with the file that is missing. */
async function loaded(display, files, texts) {
  const images = new Map();
  const waiting = [...files];
  const bar = element("progress", "", { max: files.length, value: 0 });
  const line = element("p");
  showPage(display, [line, bar]);
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      images.set(file, await image(file));
      bar.value = images.size;
      line.textContent = filled(texts.loading, { done: images.size, total: files.length });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return images;
}

/** Load an image; rejects with its file. */
function image(file) {
  return new Promise((resolve, reject) => {
    const made = new Image();
    made.addEventListener("load", () => resolve(made));
    made.addEventListener("error", () => reject(file));
    made.src = file;
  });
}
