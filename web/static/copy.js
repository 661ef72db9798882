// A button that copies what stands beside it; where that is not possible there is no button.
"use strict";

(() => {
  const SAID_FOR = 2000;
  const labels = new WeakMap();

  function offer() {
    for (const button of document.querySelectorAll("button[data-copies]")) button.hidden = false;
  }

  function say(button, text) {
    if (!labels.has(button)) labels.set(button, button.textContent);
    button.textContent = text;
    setTimeout(() => {
      button.textContent = labels.get(button);
    }, SAID_FOR);
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.textContent);
      say(button, "Copied");
    } catch {
      // A browser may refuse: then it is marked, ready to be copied by hand.
      getSelection().selectAllChildren(source);
      say(button, "Marked");
    }
  }

  if (navigator.clipboard === undefined) return;
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-copies]");
    if (button) copy(button);
  });
  // What comes with a refresh, as the proof of an item does.
  document.addEventListener("fresh", () => queueMicrotask(offer));
  offer();
})();
