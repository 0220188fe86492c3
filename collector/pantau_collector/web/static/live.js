// Keeps a page current: asks for it again and swaps the regions that changed. Without this script the page
// says the same, and a <noscript> refresh asks again.

const every = Number(document.body.dataset.refreshMs) || 5000;
const timeout = 15000;
const slowest = 60000;
const sign = document.getElementById("live");
let shown = regionsOf(document);
let failures = 0;
let timer = 0;

function regionsOf(page) {
  const found = [...page.querySelectorAll("[data-live]")];
  return new Map(found.map((region) => [region.dataset.live, region.outerHTML]));
}

function find(key) {
  return document.querySelector(`[data-live="${CSS.escape(key)}"]`);
}

function say(state) {
  if (!sign) return;
  sign.hidden = false;
  sign.className = `live ${state}`;
  sign.querySelector("b").textContent = sign.dataset[state];
}

// Whoever is marking text keeps it; the region follows at the next turn.
function selected(region) {
  const selection = window.getSelection();
  return selection !== null && !selection.isCollapsed && region.contains(selection.anchorNode);
}

function replace(old, fresh) {
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const links = focus && [...old.querySelectorAll("a, [tabindex]")].indexOf(focus);
  const sideways = [...old.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
  old.replaceWith(fresh);
  fresh.querySelectorAll(".scroll").forEach((part, index) => { part.scrollLeft = sideways[index] ?? 0; });
  if (focus) fresh.querySelectorAll("a, [tabindex]")[links]?.focus({ preventScroll: true });
}

function swap(page) {
  const next = regionsOf(page);
  document.title = page.title;
  if ([...next.keys()].join() !== [...shown.keys()].join()) {
    replace(document.querySelector("main"), document.adoptNode(page.querySelector("main")));
    shown = next;
    return;
  }
  for (const [key, html] of next) {
    const old = find(key);
    if (html === shown.get(key) || selected(old)) continue;
    replace(old, document.adoptNode(page.querySelector(`[data-live="${CSS.escape(key)}"]`)));
    shown.set(key, html);
  }
}

async function turn() {
  clearTimeout(timer);
  if (document.hidden) {
    say("paused");
    return;
  }
  try {
    const headers = { "x-pantau-live": "1" }; // nobody pressed a key: this does not keep a session from ending
    const answer = await fetch(location.href, { cache: "no-cache", headers, signal: AbortSignal.timeout(timeout) });
    if (answer.redirected) {
      location.assign(answer.url); // to the login
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    failures = 0;
    say("on");
  } catch {
    failures += 1;
    say("lost");
  }
  clearTimeout(timer);
  timer = setTimeout(turn, Math.min(every * 2 ** Math.min(failures, 6), Math.max(every, slowest)));
}

document.addEventListener("visibilitychange", turn);
timer = setTimeout(turn, every);
