"use strict";

/* Which trial comes next: it follows from the rows so far alone, so a reload is where it was. */

/**
 * Tell whether practice is over.
 *
 * @param {boolean[]} right Of each trial of practice so far, whether it was answered rightly.
 * @param {{round: number, needed: number}} practice Trials of a round, and right ones that end it.
 * @param {number} most Trials of all rounds.
 */
function practiceIsOver(right, practice, most) {
  if (right.length === most) return true;
  if (right.length === 0 || right.length % practice.round !== 0) return false;
  return right.slice(-practice.round).filter(Boolean).length >= practice.needed;
}

/**
 * Return the next trial; undefined where none is left.
 *
 * @param {{practice: object[], trials: object[]}} own All trials of the participant.
 * @param {{phase: string, correct: boolean}[]} made What was answered so far.
 * @param {{round: number, needed: number}} practice As in `practiceIsOver`.
 */
function nextTrial(own, made, practice) {
  const right = made.filter((each) => each.phase === "practice").map((each) => each.correct);
  if (right.length === made.length && !practiceIsOver(right, practice, own.practice.length)) {
    return own.practice[right.length];
  }
  return own.trials[made.length - right.length];
}
