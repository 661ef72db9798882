// The brush of a timeline: a span is chosen with the mouse, a finger, or the keyboard, and becomes part of the address.
//
// Without this file every bar, and every row of the table below, is a link to its own piece of time.
"use strict";

(() => {
  // A finger that moves less than this meant the bar, not a span.
  const LEAST_MOVE = 6;
  let begun = null;
  let dragging = false;

  const chart = () => document.getElementById("chart");
  const part = (name) => document.getElementById(`brush-${name}`);

  function facts() {
    const { first, step, number } = chart().dataset;
    return { first: Number(first), step: Number(step), number: Number(number) };
  }

  function instant(microseconds) {
    return new Date(microseconds / 1000).toISOString().replace(/\.\d+Z$/, "Z");
  }

  function spanOf(from, to) {
    const { first, step } = facts();
    const [low, high] = from <= to ? [from, to] : [to, from];
    return { low, high, since: instant(first + low * step), until: instant(first + (high + 1) * step) };
  }

  function addressOf(span) {
    const base = new URL(chart().dataset.base, location.href);
    base.searchParams.set("since", span.since);
    base.searchParams.set("until", span.until);
    return base.pathname + base.search;
  }

  function pieceAt(x) {
    const box = chart().getBoundingClientRect();
    const { number } = facts();
    return Math.min(number - 1, Math.max(0, Math.floor(((x - box.left) / box.width) * number)));
  }

  // Shows a span on the bars and in the fields, wherever it was chosen.
  function show(span) {
    const { number } = facts();
    const brush = chart().querySelector(".brush");
    brush.style.left = `${(span.low / number) * 100}%`;
    brush.style.width = `${((span.high - span.low + 1) / number) * 100}%`;
    brush.hidden = span.low === 0 && span.high === number - 1;
    part("from").value = String(span.low);
    part("to").value = String(span.high);
    part("from").setAttribute("aria-valuetext", span.since);
    part("to").setAttribute("aria-valuetext", span.until);
    part("span").textContent = brush.hidden ? "" : `${span.since} to ${span.until}`;
    part("go").href = addressOf(span);
    part("go").hidden = brush.hidden;
  }

  function chosen() {
    return spanOf(Number(part("from").value), Number(part("to").value));
  }

  function begin(event) {
    if (event.button !== 0 || event.target.closest("#chart") === null) return;
    begun = { x: event.clientX, piece: pieceAt(event.clientX), pointer: event.pointerId };
    dragging = false;
  }

  function move(event) {
    if (begun === null || event.pointerId !== begun.pointer) return;
    if (!dragging && Math.abs(event.clientX - begun.x) < LEAST_MOVE) return;
    if (!dragging) chart().setPointerCapture(event.pointerId);
    dragging = true;
    show(spanOf(begun.piece, pieceAt(event.clientX)));
  }

  function end(event) {
    if (begun === null || event.pointerId !== begun.pointer) return;
    const done = dragging;
    begun = null;
    // What follows a drag is a click on the bar under it, which must lead nowhere.
    setTimeout(() => {
      dragging = false;
    });
    if (done) location.assign(addressOf(chosen()));
  }

  function cancel() {
    begun = null;
    dragging = false;
    if (chart() !== null) show(spanOf(0, facts().number - 1));
  }

  // Also where the first items come while the page is open.
  function start() {
    const fields = document.querySelector(".brushing");
    if (fields === null || !fields.hidden) return;
    fields.hidden = false;
    show(spanOf(0, facts().number - 1));
    for (const name of ["from", "to"]) part(name).addEventListener("input", () => show(chosen()));
  }

  document.addEventListener("pointerdown", begin);
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", cancel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && begun !== null) cancel();
  });
  document.addEventListener("click", (event) => {
    if (dragging && event.target.closest?.("#chart")) event.preventDefault();
  });
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("#chart")) event.preventDefault();
  });
  // The bars stay as they are while somebody chooses among them; fields that were moved keep their pieces.
  document.addEventListener("fresh", (event) => {
    const fresh = event.detail.querySelector("#chart");
    if (chart() === null || fresh === null) {
      queueMicrotask(start);
      return;
    }
    const { number } = facts();
    const untouched = part("from").value === "0" && part("to").value === String(number - 1);
    if (begun !== null || (!untouched && fresh.dataset.first !== chart().dataset.first)) {
      event.preventDefault();
    } else if (untouched) {
      // After the bars were replaced.
      queueMicrotask(() => {
        for (const name of ["from", "to"]) part(name).max = String(facts().number - 1);
        show(spanOf(0, facts().number - 1));
      });
    }
  });
  start();
})();
