// Adds a job's lines of output as they come, goes on where it was after a break, and says when it is not current.
"use strict";

(() => {
  const MOST = 2000;
  const TRY_AGAIN = 2000;
  const output = document.getElementById("output");
  const contact = document.getElementById("output-contact");
  let position = output.dataset.position;
  let events = null;
  let ended = "ended" in output.dataset;

  function say(state, text) {
    output.dataset.contact = state;
    // A screen reader speaks what changes here: the same news is written only once.
    if (contact.textContent !== text) contact.textContent = text;
  }

  function add(event) {
    const line = JSON.parse(event.data);
    position = event.lastEventId || position;
    // Who reads further up is not moved.
    const follows = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
    const row = document.createElement("span");
    row.className = "output-line";
    const target = document.createElement("bdi");
    target.className = "output-target";
    target.textContent = line.target.length > 80 ? `${line.target.slice(0, 79)}…` : line.target;
    const text = document.createElement("bdi");
    text.textContent = line.text;
    row.append(target, " ", text, "\n");
    output.append(row);
    while (output.childElementCount > MOST) output.firstElementChild.remove();
    if (follows) output.scrollTop = output.scrollHeight;
  }

  function listen() {
    if (ended || events !== null || document.hidden) return;
    events = new EventSource(`${output.dataset.source}?after=${position}`);
    events.addEventListener("open", () => say("live", "Live: each line is shown as it comes."));
    events.addEventListener("message", add);
    events.addEventListener("end", () => {
      ended = true;
      unlisten();
      say("ended", "The job has ended; this is the end of its output.");
    });
    events.addEventListener("error", () => {
      say("lost", "Reconnecting: the stream of output broke off. It goes on where it was.");
      // A browser comes back by itself unless it was refused: too many watch, or the session has ended.
      if (events !== null && events.readyState === EventSource.CLOSED) {
        unlisten();
        setTimeout(listen, TRY_AGAIN);
      }
    });
  }

  function unlisten() {
    if (events !== null) events.close();
    events = null;
  }

  output.scrollTop = output.scrollHeight;
  // A browser opens six connections to one place: pages that nobody looks at leave theirs to the others.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      listen();
    } else if (events !== null) {
      unlisten();
      say("paused", "Paused while nobody looks.");
    }
  });
  listen();
})();
