"use strict";

/* The last page: sends the answers, or saves them as a file. */

/** Offer a file for download. */
function download(name, type, text) {
  const link = element("a", "", {
    href: URL.createObjectURL(new Blob([text], { type })), download: name,
  });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Return the buttons that save a session, as JSON and as a table. */
function saveButtons(session) {
  const { texts, task } = session.design;
  const content = session.document;
  const name = `sub-${content.participant}_ses-${content.session}_task-${task}`;
  const whole = element("button", texts.save, { type: "button" });
  whole.addEventListener("click", () => {
    download(`${name}.json`, "application/json", JSON.stringify(content, null, 1));
  });
  const table = element("button", texts.save_table, { type: "button", class: "plain" });
  table.addEventListener("click", () => download(`${name}.csv`, "text/csv", asTable(content)));
  return [whole, table];
}

/** Show the last page of a finished or unfinished sitting; send the answers, or offer files. */
async function showEnding(display, session, screen) {
  const { texts, post } = session.design;
  const unfinished = session.full ? texts.full : texts.stopped;
  const first = element("p", session.finished ? texts.thanks : unfinished);
  if (post === null) {
    showPage(display, [first, element("p", texts.hand_in), ...saveButtons(session)], screen);
    return;
  }
  if (!session.sent) {
    showPage(display, [first, element("p", texts.sending)], screen);
    session.sent = await send(post, session.document);
    session.keep();
  }
  if (session.sent) {
    showPage(display, [first, element("p", texts.sent)], screen);
    return;
  }
  const again = element("button", texts.again, { type: "button" });
  again.addEventListener("click", () => showEnding(display, session, screen));
  showPage(display, [first, element("p", texts.unsent), again, ...saveButtons(session)], screen);
}

/** Send a session; return whether it arrived. */
async function send(address, content) {
  try {
    const answer = await fetch(address, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(content),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
