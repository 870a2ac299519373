"use strict";

/* The experiment: choice of the participant, then jsPsych's timeline. */

let DESIGN; // shared by all participants
let OWN; // of this participant

/** Called by design.js. */
function design(content) {
  DESIGN = content;
}

/** Called by the participant's own script. */
function participant(content) {
  OWN = content;
}

/** Begin with the participant in the address, or ask for one. */
function begin() {
  document.documentElement.style.setProperty("--paper", `${DESIGN.background}`);
  document.documentElement.classList.toggle("dark", DESIGN.background < 127.5);
  const named = new URLSearchParams(window.location.search).get("participant");
  if (!Session.isWritable(window.localStorage)) {
    showPage(document.body, [element("p", DESIGN.texts.forgetful)]);
  } else if (DESIGN.participants.includes(named)) {
    start(named);
  } else {
    askParticipant(named);
  }
}

/** Ask for the participant's code; `unknown` is a wrong code or null. */
function askParticipant(unknown) {
  const { texts, participants } = DESIGN;
  const field = element("input", "", { type: "text", id: "code", autocomplete: "off" });
  field.placeholder = participants[0];
  const known = { code: unknown, first: participants[0], last: participants.at(-1) };
  const form = element("form", "", {}, [
    element("label", texts.who, { for: "code" }),
    field,
    element("button", texts.start, { type: "submit" }),
    element("p", unknown === null ? "" : fill(texts.unknown, known), { role: "alert" }),
  ]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const code = field.value.trim();
    if (participants.includes(code)) start(code);
    else askParticipant(code);
  });
  showPage(document.body, [form]);
  field.focus();
}

/** Load a participant's data, and run their session. */
function start(code) {
  document.body.replaceChildren();
  const script = element("script", "", { src: `participants/${code}.js` });
  script.addEventListener("load", () => run(new Session(DESIGN, OWN, window.localStorage)));
  script.addEventListener("error", () => {
    showPage(document.body, [element("p", fill(DESIGN.texts.missing, { file: script.src }))]);
  });
  document.head.append(script);
}

/** Return the files of a trial's images, in order. */
function imageFiles(trial) {
  const { columns, schedule } = DESIGN;
  return schedule.places.map((_place, number) => {
    const stimulus = trial.row[columns.indexOf(`stimulus_${number + 1}`)];
    return `images/${stimulus.split("/").map(encodeURIComponent).join("/")}.png`;
  });
}

/** Run or resume a session. */
async function run(session) {
  const jsPsych = initJsPsych({ override_safe_mode: true });
  // What all nodes share; they add images, screen, keyboard and the last answer.
  const desk = { design: DESIGN, session, jsPsych };
  const unfinished = () => !session.finished;
  const shown = { timeline: [instructions(desk), trials(desk)], conditional_function: unfinished };
  const nodes = [loading(desk), card(desk), shown];
  await jsPsych.run([{ timeline: nodes, name: "session", conditional_function: unfinished }]);
  desk.keyboard?.release();
  if (document.fullscreenElement) await document.exitFullscreen();
  await showEnding(jsPsych.getDisplayElement(), session, desk.screen);
}

// ---- Nodes of the timeline ------------------------------------------------------------------------

/** Return a node of jsPsych's timeline that runs `play(display)`; Stopped ends the timeline. */
function node(name, { jsPsych }, play) {
  const info = { name, version: DESIGN.software["mrd-suite"], parameters: {}, data: {} };
  return {
    type: class {
      static info = info;

      async trial(display) {
        try {
          await play(display);
        } catch (error) {
          if (!(error instanceof Stopped)) throw error;
          jsPsych.abortTimelineByName("session");
        }
      }
    },
  };
}

/** Return a node that runs only if a condition holds. */
function nodeIf(condition, child) {
  return { timeline: [child], conditional_function: condition };
}

function loading(desk) {
  return node("loading", desk, async (display) => {
    const all = new Set([...OWN.practice, ...OWN.trials].flatMap(imageFiles));
    try {
      desk.images = await loadImages(display, [...all], DESIGN.texts);
    } catch (file) {
      showPage(display, [element("p", fill(DESIGN.texts.missing, { file }))]);
      await new Promise(() => {}); // wait for a reload
    }
  });
}

/** Measure the size of the screen with a card and its refresh rate; begin the sitting. */
function card(desk) {
  return node("card", desk, async (display) => {
    const before = desk.session.sittings.at(-1)?.pixels_per_cm ?? 96 / 2.54;
    const pixelsPerCm = await measurePixelsPerCm(display, DESIGN.texts, before);
    if (DESIGN.full_screen) await fullScreen();
    desk.screen = new Screen(DESIGN, pixelsPerCm);
    desk.keyboard = new Keyboard(OWN.keys);
    watch(desk, display);
    showPage(display, [element("p", DESIGN.texts.measuring)]);
    await desk.screen.measure();
    desk.began = performance.now();
    desk.session.begin(sitting(desk.screen));
    if (desk.session.full) throw new Stopped();
    desk.resumed = desk.session.rows.length > 0;
  });
}

/** Return the record of this sitting: one load of the page. */
function sitting(screen) {
  return {
    started: new Date().toISOString(),
    browser: navigator.userAgent,
    screen: [window.screen.width, window.screen.height],
    window: [window.innerWidth, window.innerHeight],
    pixel_ratio: screen.ratio,
    pixels_per_cm: screen.pixelsPerCm,
    cm_per_pixel: DESIGN.cm_per_pixel,
    distance: DESIGN.distance,
    refresh_rate: Math.round(1000 * screen.refreshRate) / 1000,
    full_screen: document.fullscreenElement !== null,
  };
}

function instructions(desk) {
  const { session } = desk;
  return node("instructions", desk, async (display) => {
    await waitUntilItFits(display, desk);
    await showText(display, OWN.instructions, desk, true);
    if (desk.resumed) {
      await showText(display, fill(DESIGN.texts.resumed, { made: session.rows.length }), desk);
    } else if (OWN.practice.includes(session.next)) {
      await showText(display, DESIGN.texts.practice, desk);
    }
  });
}

/** Pages, trials and feedback, until no trial is left. */
function trials(desk) {
  const { session } = desk;
  const rest = node("rest", desk, (display) => showText(display, session.next.page, desk));
  // A resumed session does not begin with a break.
  const hasPage = () => "page" in session.next && !(desk.resumed && session.next.break);
  const feedback = node("feedback", desk, (display) => showFeedback(display, desk));
  const hasFeedback = () => DESIGN.feedback || desk.phase === "practice";
  return {
    timeline: [nodeIf(hasPage, rest), trial(desk), nodeIf(hasFeedback, feedback)],
    loop_function: () => !session.finished,
  };
}

function trial(desk) {
  const { session } = desk;
  return node("trial", desk, async (display) => {
    const next = session.next;
    const answer = await showTrial(display, next, desk);
    desk.phase = session.cell(next.row, "phase");
    desk.cells = answerCells(answer, session.cell(next.row, "correct_response"), desk);
    desk.resumed = false;
    desk.screen.blank();
    session.add(next, desk.cells);
    if (session.full) throw new Stopped();
  });
}

/** Show a trial until it is answered; after a pause it starts again. */
async function showTrial(display, next, desk) {
  const images = imageFiles(next).map((file) => desk.images.get(file));
  for (let showings = 1; ; showings += 1) {
    await waitUntilItFits(display, desk);
    showCanvas(display, desk.screen);
    try {
      await showInterval(images, desk);
      return { ...(await showParts(desk)), showings };
    } catch (error) {
      if (!(error instanceof Paused)) throw error;
      await showPause(display, desk);
    }
  }
}

/** Show whether the last answer was right. */
async function showFeedback(display, { cells, screen }) {
  const { texts, timing } = DESIGN;
  const right = cells.correct ? texts.right : texts.wrong;
  showPage(display, [element("p", cells.response === null ? texts.late : right)], screen);
  const frames = timing.feedback ? screen.frames(timing.feedback) : 0;
  for (let frame = 0; frame < frames; frame += 1) await screen.frame();
}

// ---- Interruptions --------------------------------------------------------------------------------

/** Ask for a larger window until a trial fits. */
async function waitUntilItFits(display, desk) {
  const { screen, images } = desk;
  if (screen.zoomed) {
    halt(desk, display, DESIGN.texts.zoomed);
    await new Promise(() => {});
  }
  const side = (name) => Math.max(...[...images.values()].map((each) => each[name]));
  const needed = screen.extent(side("naturalWidth"), side("naturalHeight"));
  const fits = () => needed.every((length, axis) => length <= screen.size[axis]);
  const text = (sides) => sides.map((length) => Math.ceil(length / screen.ratio)).join(" × ");
  while (!fits()) {
    const sizes = { needed: text(needed), there: text(screen.size) };
    await showText(display, fill(DESIGN.texts.small, sizes), desk);
  }
}

/** Pause when the trial cannot be seen; end when another window continues the session. */
function watch(desk, display) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) desk.keyboard.pause = true;
  });
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement) desk.keyboard.pause = true;
  });
  window.addEventListener("storage", (event) => {
    if (event.key === desk.session.name) halt(desk, display, DESIGN.texts.elsewhere);
  });
}

/** Stop frames and keys, and show a text. */
function halt({ screen, keyboard }, display, text) {
  screen.halted = true;
  keyboard.waiting = () => {};
  showPage(display, [element("p", text)], screen);
}
