// Words that are marked in the sentence are chosen in the form that adds an entity.
//
// Without this file they are chosen from the two lists there.
"use strict";

(() => {
  const sentence = document.querySelector("#sentence .sentence-text");
  const first = document.getElementById("new-first");
  const last = document.getElementById("new-last");
  const hint = document.getElementById("mark-hint");
  if (!sentence || !first || !last) return;
  hint.hidden = false;

  // What stands in the sentence besides its own words: names of kinds, and what is said of them.
  const isOwn = (node) => !node.parentElement.closest(".entity-kind, .entity-more, .more");

  // The sentence's words in the order of the lists, each with where it stands on the page.
  function places() {
    const words = [...first.options].filter((one) => one.value !== "").map((one) => one.text.replace(/^\d+ /, ""));
    const walker = document.createTreeWalker(sentence, NodeFilter.SHOW_TEXT);
    const found = [];
    let node = walker.nextNode();
    let at = 0;
    for (const word of words) {
      while (node) {
        const place = isOwn(node) ? node.data.indexOf(word, at) : -1;
        if (place >= 0) {
          found.push({ node, start: place, end: place + word.length });
          at = place + word.length;
          break;
        }
        node = walker.nextNode();
        at = 0;
      }
    }
    return found.length === words.length ? found : [];
  }

  function choose() {
    const selection = getSelection();
    if (selection.isCollapsed || !sentence.contains(selection.anchorNode) || !sentence.contains(selection.focusNode)) {
      return;
    }
    const range = selection.getRangeAt(0);
    const chosen = places()
      .map((place, number) => ({ place, number }))
      .filter(({ place }) => {
        const word = document.createRange();
        word.setStart(place.node, place.start);
        word.setEnd(place.node, place.end);
        return (
          range.compareBoundaryPoints(Range.END_TO_START, word) < 0 &&
          range.compareBoundaryPoints(Range.START_TO_END, word) > 0
        );
      })
      .map(({ number }) => number);
    if (chosen.length === 0) return;
    const before = first.options[0].value === "" ? 1 : 0;
    first.selectedIndex = chosen[0] + before;
    last.selectedIndex = chosen[chosen.length - 1] + before;
    document.getElementById("add-entity").closest("details").open = true;
  }

  document.addEventListener("selectionchange", choose);
})();
