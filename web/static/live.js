// Keeps an agent's page current, and makes it say so when it is not.
//
// The page is asked for again and its content replaced where it differs. What counts as news is a changed
// time in the state document: a server that repeats an old one, answers errors, hangs or is gone loses
// contact all the same. Nothing is called live before the first news.
"use strict";

(() => {
  const PAUSE_BETWEEN = 2000;
  const ANSWER_WITHIN = 4000;
  const NEWS_WITHIN = 8000;
  const root = document.documentElement;
  const alarm = document.getElementById("alarm");
  const word = document.getElementById("contact-word");
  const time = document.getElementById("contact-time");
  const button = document.getElementById("pause");
  const title = document.title;

  // The agent's clock when the shown document was made, and ours when it came (milliseconds).
  let shown = Number(agent().dataset.now) / 1000;
  let arrived = Date.now();
  let contact = "connecting";
  let timer = 0;
  let asking = null;
  // Counts the askings: an answer to one that was paused or overtaken is not taken.
  let round = 0;

  function agent() {
    return document.getElementById("agent");
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
    const before = Array.from(old.childNodes);
    const after = Array.from(fresh.childNodes);
    after.forEach((node, index) => {
      if (index < before.length) morph(before[index], node);
      else old.append(document.importNode(node, true));
    });
    before.slice(after.length).forEach((node) => node.remove());
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
      if (!answer.ok) throw new Error(`the agent answered with error ${answer.status}.`);
      return await answer.text();
    } catch (error) {
      if (error.name === "AbortError") throw new Error("the agent takes too long to answer.");
      if (error instanceof TypeError) throw new Error("the agent does not answer.");
      throw error;
    } finally {
      clearTimeout(limit);
    }
  }

  function take(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("agent");
    if (fresh === null || fresh.dataset.jid !== agent().dataset.jid) {
      throw new Error("something else answers at this address.");
    }
    const made = Number(fresh.dataset.now) / 1000;
    if (made === shown) return;
    shown = made;
    arrived = Date.now();
    morph(agent(), fresh);
    announce("live");
    retime();
  }

  async function refresh() {
    const mine = ++round;
    clearTimeout(timer);
    try {
      const text = await ask();
      if (mine === round) take(text);
    } catch (error) {
      if (mine === round) announce("lost", error.message);
    }
    if (mine === round) timer = setTimeout(refresh, PAUSE_BETWEEN);
  }

  function pause() {
    round += 1;
    clearTimeout(timer);
    asking.abort();
    announce("paused");
  }

  function tick() {
    if (contact === "live" && Date.now() - arrived > NEWS_WITHIN) {
      announce("lost", "the agent has sent nothing new.");
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
        refresh();
      }
    });
  }
  announce("connecting");
  setInterval(tick, 1000);
  // A page that comes back from a sleep or another tab is old news until it is asked for again.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tick();
  });
  refresh();
})();
