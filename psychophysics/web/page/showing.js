"use strict";

/* A trial, frame by frame, until it is answered. */

/** Escape was pressed, the full screen left, or the page hidden, during a trial. */
class Paused extends Error {}

/** Show the empty screen while the next images are prepared. */
async function showInterval(images, { design, screen, keyboard }) {
  const start = await screen.frame();
  screen.blank();
  await screen.prepare(images);
  const length = 1000 * design.timing.interval - screen.frameLength / 2;
  for (let now = start; now - start < length && !keyboard.pause; now = await screen.frame());
  if (keyboard.pause) throw new Paused();
}

/**
 * Show the parts of a trial, then wait for the answer; throw Paused after Escape.
 *
 * @returns {{choice, key, time, flips, starts}} Choice, key and time (ms after the last images), or
 *   null without an answer in time; times of all frames, and the number of each part's first frame.
 */
async function showParts({ design, screen, keyboard }) {
  const { parts, last_images: last } = design.schedule;
  const flips = [];
  const starts = [];
  let zero = Infinity; // keys before the last images do not count
  let press;
  const listen = () => {
    const first = keyboard.answer(zero);
    press ??= first;
  };
  keyboard.forget();
  for (const [number, part] of parts.entries()) {
    starts.push(flips.length);
    for (let frame = 0; frame < screen.frames(part.seconds); frame += 1) {
      const now = await screen.frame();
      if (frame === 0) screen.draw(part);
      if (frame === 0 && number === last) zero = now;
      flips.push(now);
      listen();
    }
  }
  let now = await screen.frame();
  screen.draw({ kind: "question", images: [] });
  starts.push(flips.length);
  flips.push(now);
  listen();
  const longest = 1000 * design.timing.answer || Infinity;
  while (press === undefined && now - zero < longest) {
    now = await screen.frame();
    listen();
  }
  return { ...(press ?? { choice: null, key: null, time: null }), flips, starts };
}

/** Return the cells of each image's measured times. */
function timeCells({ flips, starts }, parts, frameLength) {
  const cells = {};
  for (const [number, part] of parts.entries()) {
    if (part.kind !== "images") continue;
    const first = starts[number];
    const end = starts[number + 1];
    for (const image of part.images.map((place) => place + 1)) {
      cells[`onset_${image}`] = secondsText(flips[first] - flips[0]);
      cells[`duration_${image}`] = secondsText(flips[end] - flips[first]);
      cells[`dropped_${image}`] = missedFrames(
        flips.slice(Math.max(first - 1, 0), end + 1), frameLength);
    }
  }
  return cells;
}

/** Return the number of frames missed between flips: a gap of 1.5 to 2.5 frames misses one, … */
function missedFrames(flips, frameLength) {
  const gaps = flips.slice(1).map((time, place) => time - flips[place]);
  return gaps.reduce((sum, gap) => sum + Math.max(Math.round(gap / frameLength) - 1, 0), 0);
}

/** Return the cells of an answer. */
function answerCells(answer, correctResponse, { design, screen, began }) {
  const { choice, key, time, flips, showings } = answer;
  const response = choice === null ? null : design.alternatives[choice];
  return {
    showings,
    onset: secondsText(flips[0] - began),
    response,
    key,
    correct: response === correctResponse ? 1 : 0,
    response_time: time === null ? null : secondsText(time),
    ...timeCells(answer, design.schedule.parts, screen.frameLength),
  };
}
