// A list that grows at its top: what is new appears when one is there, and is announced when one reads further down.
//
// live.js brings the fresh content; here it is held back while somebody reads, so that no row moves under a hand.
"use strict";

(() => {
  const news = document.getElementById("news");
  let held = null;
  let letIn = false;

  function keys(page) {
    return new Set(Array.from(page.querySelectorAll(".list tbody [data-key]"), (row) => row.dataset.key));
  }

  function isReading() {
    const rows = document.querySelector("#live .list tbody");
    if (rows === null) return false;
    const selection = getSelection();
    const selects = selection !== null && !selection.isCollapsed && rows.contains(selection.anchorNode);
    // The keyboard is among the rows, or the first row is above the window.
    return selects || rows.contains(document.activeElement) || rows.getBoundingClientRect().top < 0;
  }

  function write(text) {
    if (news.textContent !== text) news.textContent = text;
  }

  function forget() {
    held = null;
    news.hidden = true;
  }

  document.addEventListener("fresh", (event) => {
    const before = keys(document.getElementById("live"));
    const fresh = Array.from(keys(event.detail));
    const added = fresh.filter((key) => !before.has(key)).length;
    if (letIn || added === 0 || !isReading()) {
      letIn = false;
      forget();
      return;
    }
    event.preventDefault();
    held = event.detail;
    write(`${added === fresh.length ? `${added} or more` : added} new: show`);
    news.hidden = false;
  });

  news.addEventListener("click", () => {
    if (held === null) return;
    letIn = true;
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    // The newest there is, not what was new when it was announced.
    document.dispatchEvent(new CustomEvent("refresh"));
    document.querySelector("#live").scrollIntoView({ block: "start" });
  });
})();
