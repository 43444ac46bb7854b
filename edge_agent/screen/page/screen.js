/* Shows what the agent says, each for as long as it says; then waits for the next card. */

import { play } from "/sounds.js";

const GONE_SECONDS = 4; // without the agent, until we stop asking for cards
const { zone, sound, idle, starting } = document.body.dataset;
const element = (id) => document.getElementById(id);
const wall = new Intl.DateTimeFormat("es", { timeZone: zone, hour: "numeric", minute: "2-digit", hourCycle: "h23" });

let free = 0; // the timer that clears the screen
let gone = 0; // the one that says that the agent is not there
let clockIsRight = false;

function paint({ state, line = "", title, word = "", clock, checks = [] }) {
  document.body.dataset.state = state;
  element("line").textContent = line;
  element("title").textContent = title;
  element("word").textContent = word;
  element("clock").textContent = clock ?? now();
  element("checks").replaceChildren(...checks.map(check));
  fit(element("title"));
}

function check({ part, ok, detail }) {
  const row = document.createElement("li");
  for (const [name, text] of [["sign", ok ? "✓" : "▲"], ["part", part], ["detail", detail]]) {
    const cell = document.createElement("span");
    cell.className = name;
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

/* A long name gets smaller rather than cut off. */
function fit(title) {
  title.style.removeProperty("font-size");
  const wanted = Number.parseFloat(getComputedStyle(title).fontSize);
  const main = title.parentElement;
  const tooLarge = () => title.scrollWidth > title.clientWidth || main.scrollHeight > main.clientHeight;
  for (let size = wanted; size > wanted / 3 && tooLarge(); size -= wanted / 24)
    title.style.setProperty("font-size", `${size}px`);
}

function now() {
  return clockIsRight ? wall.format(new Date()) : "";
}

function rest() {
  paint({ state: "idle", title: idle });
}

export function show(showing) {
  clearTimeout(free);
  paint(showing);
  free = setTimeout(rest, showing.seconds * 1000);
  if (sound === "on") play(showing.state);
}

function linked({ online, clock }) {
  clearTimeout(gone);
  gone = 0;
  element("link").hidden = online;
  clockIsRight = clock;
  if (["starting", "idle"].includes(document.body.dataset.state)) rest();
}

function lost() {
  gone ||= setTimeout(() => {
    clearTimeout(free);
    element("link").hidden = true;
    clockIsRight = false;
    paint({ state: "starting", title: starting });
  }, GONE_SECONDS * 1000);
}

const events = new EventSource("/events");
events.addEventListener("show", (event) => show(JSON.parse(event.data)));
events.addEventListener("link", (event) => linked(JSON.parse(event.data)));
events.addEventListener("error", () => {
  lost();
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
});
setInterval(() => {
  if (document.body.dataset.state === "idle") element("clock").textContent = now();
}, 1000);
addEventListener("resize", () => fit(element("title")));
