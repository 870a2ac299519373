"use strict";

/* The next trial, which depends on the rows so far alone, so that a page can be reloaded. */

/**
 * Return whether practice is over.
 *
 * @param {boolean[]} right Whether each trial of practice so far was answered correctly.
 * @param {{round: number, needed: number}} practice Trials of a round, and right ones that end it.
 * @param {number} most Trials of all rounds.
 */
function practiceIsOver(right, practice, most) {
  if (right.length === most) return true;
  if (right.length === 0 || right.length % practice.round !== 0) return false;
  return right.slice(-practice.round).filter(Boolean).length >= practice.needed;
}

/** Return the next trial of a participant after the trials `answered`; undefined at the end. */
function nextTrial(own, answered, practice) {
  const right = answered.filter((each) => each.phase === "practice").map((each) => each.correct);
  if (right.length === answered.length && !practiceIsOver(right, practice, own.practice.length)) {
    return own.practice[right.length];
  }
  return own.trials[answered.length - right.length];
}
