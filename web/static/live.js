// Keeps a page current, and makes it say so when it is not: an agent's page, or one of the console.
//
// The page is asked for again and its content replaced where it differs. What counts as news is a changed
// time in the state document: a server that repeats an old one, answers errors, hangs or is gone loses
// contact all the same. Nothing is called live before the first news. Where the page names events, it is asked for
// as soon as one comes, too. Whoever wants to keep the content as it is for a while cancels the event "fresh".
"use strict";

(() => {
  const PAUSE_BETWEEN = 2000;
  const PAUSE_WITH_EVENTS = 10000;
  const ANSWER_WITHIN = 4000;
  const NEWS_WITHIN = 8000;
  // Many events at once, as when a fleet starts, are one refresh; a single one is seen at once.
  const LEAST_BETWEEN = 250;
  const root = document.documentElement;
  const alarm = document.getElementById("alarm");
  const word = document.getElementById("contact-word");
  const time = document.getElementById("contact-time");
  const button = document.getElementById("pause");
  const title = document.title;

  // The agent's clock when the shown document was made, and ours when it came (milliseconds).
  let shown = Number(live().dataset.now) / 1000;
  let arrived = Date.now();
  let contact = "connecting";
  let timer = 0;
  let asking = null;
  // Counts the askings: an answer to one that was paused or overtaken is not taken.
  let round = 0;
  let asked = 0;
  let heard = 0;
  let busy = false;
  let again = false;
  let events = null;

  // The part of the page that is kept current: an agent, or what a page of the console shows.
  function live(page = document) {
    return page.querySelector("[data-now]");
  }

  function who() {
    return live().dataset.who || "the agent";
  }

  function utc(milliseconds) {
    const moment = new Date(milliseconds);
    return Number.isNaN(moment.getTime()) ? "an unknown time" : moment.toISOString().slice(0, 19) + "Z";
  }

  function duration(seconds) {
    const whole = Math.floor(Math.abs(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
    const days = Math.floor(whole / 86400).toLocaleString("en");
    return `${days} d ${Math.floor((whole % 86400) / 3600)} h`;
  }

  function ago(seconds) {
    if (Math.abs(seconds) < 1) return "just now";
    return seconds > 0 ? `${duration(seconds)} ago` : `in ${duration(seconds)}`;
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function retime() {
    const now = shown + (Date.now() - arrived);
    for (const element of document.querySelectorAll("[data-at]")) {
      const seconds = (now - Number(element.dataset.at) / 1000) / 1000;
      if (!Number.isFinite(seconds)) continue;
      write(element, element.dataset.form === "duration" ? duration(seconds) : ago(seconds));
    }
  }

  // Changes only what differs, so that focus, selection and opened details survive a refresh.
  function morph(old, fresh) {
    if (old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
    } else if (old.dataset?.kept !== undefined) {
      // A script's own: the server knows nothing of what it holds.
    } else if (old.nodeType === Node.ELEMENT_NODE) {
      morphAttributes(old, fresh);
      morphChildren(old, fresh);
    } else if (old.data !== fresh.data) {
      old.data = fresh.data;
    }
  }

  function morphAttributes(old, fresh) {
    for (const name of old.getAttributeNames()) {
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const name of fresh.getAttributeNames()) {
      const value = fresh.getAttribute(name);
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function morphChildren(old, fresh) {
    const elements = Array.from(fresh.children);
    if (elements.length > 0 && elements.every((child) => child.dataset.key)) {
      morphKeyed(old, fresh);
      return;
    }
    const before = Array.from(old.childNodes);
    const after = Array.from(fresh.childNodes);
    after.forEach((node, index) => {
      if (index < before.length) morph(before[index], node);
      else old.append(document.importNode(node, true));
    });
    before.slice(after.length).forEach((node) => node.remove());
  }

  // Rows of a list go by what they are of: one that comes on top moves the others, and does not become one of them.
  function morphKeyed(old, fresh) {
    const known = new Map();
    for (const child of old.children) known.set(child.dataset.key, child);
    let place = old.firstElementChild;
    for (const child of fresh.children) {
      const same = known.get(child.dataset.key);
      if (same === undefined) {
        const added = document.importNode(child, true);
        added.classList.add("is-new");
        old.insertBefore(added, place);
        continue;
      }
      known.delete(child.dataset.key);
      if (same === place) place = place.nextElementSibling;
      else old.insertBefore(same, place);
      morph(same, child);
    }
    for (const gone of known.values()) gone.remove();
  }

  function announce(state, reason) {
    contact = state;
    root.dataset.contact = state;
    const words = { connecting: "As of", live: "Live,", lost: "Last answer", paused: "Paused at" };
    write(word, words[state]);
    // The last answer is told by our own clock, as in the alarm: the two may differ.
    write(time, utc(state === "lost" ? arrived : shown));
    document.title = state === "lost" ? `No contact · ${title}` : title;
    if (button !== null) write(button, state === "paused" ? "Resume" : "Pause");
    alarm.hidden = state !== "lost";
    // A screen reader speaks what changes here: the same news is written, and said, only once.
    if (state === "lost") {
      write(alarm, `Reconnecting: ${reason} The last answer came at ${utc(arrived)}; what follows is from then.`);
    }
  }

  async function ask() {
    asking = new AbortController();
    const limit = setTimeout(() => asking.abort(), ANSWER_WITHIN);
    try {
      const answer = await fetch(location.pathname + location.search, {
        headers: { Accept: "text/html" },
        cache: "no-store",
        signal: asking.signal,
      });
      if (!answer.ok) throw new Error(`${who()} answered with error ${answer.status}.`);
      return await answer.text();
    } catch (error) {
      if (error.name === "AbortError") throw new Error(`${who()} takes too long to answer.`);
      if (error instanceof TypeError) throw new Error(`${who()} does not answer.`);
      throw error;
    } finally {
      clearTimeout(limit);
    }
  }

  function take(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = live(page);
    if (fresh === null || fresh.dataset.jid !== live().dataset.jid) {
      throw new Error("something else answers at this address.");
    }
    const made = Number(fresh.dataset.now) / 1000;
    if (made === shown) return;
    shown = made;
    arrived = Date.now();
    if (live().dispatchEvent(new CustomEvent("fresh", { cancelable: true, bubbles: true, detail: fresh }))) {
      morph(live(), fresh);
    } else {
      live().dataset.now = fresh.dataset.now;
    }
    // The bar says how many repairs there are.
    const menu = page.querySelector(".menu");
    if (menu !== null && document.querySelector(".menu") !== null) morph(document.querySelector(".menu"), menu);
    announce("live");
    retime();
  }

  async function refresh() {
    const mine = ++round;
    clearTimeout(timer);
    asked = Date.now();
    busy = true;
    again = false;
    try {
      const text = await ask();
      if (mine === round) take(text);
    } catch (error) {
      if (mine === round) announce("lost", error.message);
    }
    if (mine !== round) return;
    busy = false;
    timer = setTimeout(refresh, again ? leastBetween() : between());
  }

  function leastBetween() {
    return Number(live().dataset.least) || LEAST_BETWEEN;
  }

  function between() {
    return events !== null && events.readyState === EventSource.OPEN ? PAUSE_WITH_EVENTS : PAUSE_BETWEEN;
  }

  // Events only say that something happened: what, the page is asked for, so it never differs from a fresh one.
  function listen() {
    const topics = live().dataset.events;
    if (!topics || events !== null || contact === "paused" || document.hidden) return;
    events = new EventSource(`/v1/events?topics=${topics}`);
    topics.split(",").forEach((topic) => events.addEventListener(topic, hear));
    events.addEventListener("open", hear);
    events.addEventListener("error", () => {
      const ended = events !== null && events.readyState === EventSource.CLOSED;
      if (ended) unlisten();
      // Whether the hub is there is told by asking it; until it answers nothing is called live.
      if (contact === "live") announce("lost", "the stream of events broke off.");
      if (contact !== "paused") refresh();
      if (ended) setTimeout(listen, PAUSE_BETWEEN);
    });
  }

  function unlisten() {
    if (events !== null) events.close();
    events = null;
  }

  function hear() {
    if (heard !== 0 || contact === "paused") return;
    heard = setTimeout(() => {
      heard = 0;
      // To ask anew while an answer is on its way would throw that away, and a busy fleet never be shown.
      if (busy) again = true;
      else refresh();
    }, Math.max(0, asked + leastBetween() - Date.now()));
  }

  function pause() {
    round += 1;
    clearTimeout(timer);
    clearTimeout(heard);
    heard = 0;
    busy = false;
    asking.abort();
    unlisten();
    announce("paused");
  }

  function tick() {
    if (contact === "live" && Date.now() - arrived > NEWS_WITHIN + between() - PAUSE_BETWEEN) {
      announce("lost", `${who()} has sent nothing new.`);
    }
    retime();
  }

  if (button !== null) {
    button.hidden = false;
    button.addEventListener("click", () => {
      if (contact !== "paused") {
        pause();
      } else {
        announce("connecting");
        listen();
        refresh();
      }
    });
  }
  announce("connecting");
  setInterval(tick, 1000);
  // A page that comes back from a sleep or another tab is old news until it is asked for again.
  document.addEventListener("refresh", () => {
    if (contact !== "paused") refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tick();
    if (!live().dataset.events || contact === "paused") return;
    // A browser opens six connections to one place: pages that nobody looks at leave theirs to the others.
    if (document.hidden) unlisten();
    else refresh();
    listen();
  });
  listen();
  refresh();
})();
