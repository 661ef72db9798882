// Shows what a job would run while its form is filled in: the same answer as the button "Preview" gives.
"use strict";

(() => {
  const QUIET = 500;
  const ANSWER_WITHIN = 35000;
  const form = document.getElementById("job");
  if (form === null) return;
  const preview = document.getElementById("preview");
  const refusals = document.getElementById("refusals");
  // Before somebody typed something, an empty form is no mistake.
  const touched = new Set();
  let timer = 0;
  let asking = null;

  async function ask() {
    asking?.abort();
    const mine = (asking = new AbortController());
    const limit = setTimeout(() => mine.abort(), ANSWER_WITHIN);
    const data = new FormData(form);
    data.set("do", "preview");
    preview.dataset.asking = "";
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: data,
        headers: { Accept: "text/html" },
        cache: "no-store",
        signal: mine.signal,
      });
      if (answer.status !== 200 && answer.status !== 422) throw new Error(`the hub answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine === asking) take(page);
    } catch (error) {
      if (mine === asking) say(`It cannot be shown now: ${error.message}. The button “Preview” tries again.`);
    } finally {
      clearTimeout(limit);
      if (mine === asking) delete preview.dataset.asking;
    }
  }

  function take(page) {
    const fresh = page.getElementById("preview");
    if (fresh === null) return say("Something else answered. Load the page again.");
    fill(preview, fresh);
    fill(refusals, page.getElementById("refusals"));
    for (const place of form.querySelectorAll("[data-problem]")) {
      const key = place.dataset.problem;
      const said = page.querySelector(`[data-problem="${CSS.escape(key)}"]`)?.textContent ?? "";
      const shown = key === "" || touched.has(key) ? said : "";
      if (place.textContent !== shown) place.textContent = shown;
      place.hidden = shown === "";
      const field = form.elements.namedItem(key);
      if (!(field instanceof HTMLElement)) continue;
      if (shown === "") field.removeAttribute("aria-invalid");
      else field.setAttribute("aria-invalid", "true");
    }
  }

  function fill(place, fresh) {
    if (place.isEqualNode(fresh)) return;
    place.replaceChildren(...Array.from(fresh.childNodes, (node) => document.importNode(node, true)));
  }

  function say(text) {
    const said = document.createElement("p");
    said.className = "empty";
    said.textContent = text;
    preview.replaceChildren(said);
  }

  function soon(event) {
    const name = event.target.name ?? "";
    touched.add(name === "file" ? "targets" : name.split(".").slice(0, 2).join("."));
    clearTimeout(timer);
    timer = setTimeout(ask, QUIET);
  }

  form.addEventListener("input", soon);
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    asking?.abort();
  });
})();
