// The list of an evacuation: marks at once on the page, sent as soon as the network lets them.

import { fold } from "./board/filters.js";
import { watch } from "./board/connection.js";
import { startQueue } from "./evacuation/queue.js";
import "./inside/print.js";

const AT_MOST_EVERY_MS = 700; // twenty phones that mark at once change the list many times a second

const page = document.querySelector("#evacuation");
const rows = new Map([...page.querySelectorAll("[data-student]")].map((row) => [row.dataset.student, row]));
let show = "";

function paint(row, state, by) {
  row.dataset.state = state;
  row.querySelector("[data-by]").textContent = state === "unmarked" ? "" : by;
  for (const button of row.querySelectorAll("[data-mark]")) {
    const pressed = button.dataset.mark === state;
    button.setAttribute("aria-pressed", String(pressed));
    button.value = `${row.dataset.student}:${pressed ? "unmarked" : button.dataset.mark}`;
  }
}

function count() {
  const totals = { safe: 0, missing: 0, unmarked: 0 };
  for (const section of page.querySelectorAll("[data-course]")) {
    const members = [...section.querySelectorAll("[data-student]")];
    for (const row of members) totals[row.dataset.state] += 1;
    section.querySelector("[data-safe]").textContent = members.filter((row) => row.dataset.state === "safe").length;
    section.querySelector("[data-all-safe]").hidden = !members.some((row) => row.dataset.state === "unmarked");
  }
  for (const [state, number] of Object.entries(totals)) {
    page.querySelector(`[data-total="${state}"]`).textContent = number;
  }
}

function filter() {
  const words = fold(document.querySelector("#evacuation-filter").value);
  for (const row of rows.values()) {
    const name = fold(row.querySelector(".name").textContent).join(" ");
    row.hidden = (show !== "" && row.dataset.state !== show) || !words.every((word) => name.includes(word));
  }
  for (const section of page.querySelectorAll("[data-course]")) {
    section.hidden = section.querySelector("[data-student]:not([hidden])") === null;
  }
}

const queue = startQueue({
  address: page.dataset.marks,
  key: `evacuation-${page.dataset.id}`,
  onSent: () => refresh().catch(() => {}), // the stream, or the next poll, tries again
  onRefused: () => (document.querySelector("#refused").hidden = false),
  onChange: showWaiting,
});

function showWaiting(waiting) {
  const line = document.querySelector("#waiting");
  line.hidden = waiting.size === 0;
  line.textContent = waiting.size === 1 ? line.dataset.one : line.dataset.many.replace("{n}", waiting.size);
  for (const [student, row] of rows) {
    if (waiting.has(student)) row.dataset.waiting = "true";
    else delete row.dataset.waiting;
  }
}

function mark(row, state) {
  const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
  paint(row, state, `${page.dataset.me} · ${time}`);
  queue.put(row.dataset.student, state);
}

async function refresh() {
  const answer = await fetch(page.dataset.state);
  if (answer.redirected || answer.status === 401) return location.reload(); // to sign in
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const now = await answer.json();
  if (now.ended && queue.waiting().size === 0) return location.reload(); // the report
  if (Object.keys(now.people).some((student) => !rows.has(student)) && queue.waiting().size === 0) {
    return location.reload(); // somebody was added
  }
  const waiting = queue.waiting();
  for (const [student, [state, by, at]] of Object.entries(now.people)) {
    const row = rows.get(student);
    if (row && !waiting.has(student)) paint(row, state, `${by} · ${at}`);
  }
  for (const section of page.querySelectorAll("[data-course]")) {
    const staff = section.querySelector("[data-staff]");
    if (staff) staff.textContent = now.staff[section.dataset.course] ?? "";
  }
  count();
  filter();
}

/** Calls `refresh` at once, and again after a pause however often it is asked meanwhile. */
function rarely() {
  let again = false;
  let pausing = false;
  return async function ask() {
    if (pausing) {
      again = true;
      return;
    }
    pausing = true;
    again = false;
    await refresh().catch(() => {}); // the next change, or the next poll, tries again
    setTimeout(() => {
      pausing = false;
      if (again) ask();
    }, AT_MOST_EVERY_MS);
  };
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mark]");
  const everybody = event.target.closest("[data-all-safe]");
  const chip = event.target.closest("[data-show]");
  if (button) {
    event.preventDefault(); // without this script it would send the form
    mark(button.closest("[data-student]"), button.value.split(":")[1]);
  } else if (everybody) {
    for (const row of everybody.closest("[data-course]").querySelectorAll('[data-state="unmarked"]')) {
      mark(row, "safe");
    }
  } else if (chip) {
    show = chip.dataset.show;
    for (const other of page.querySelectorAll("[data-show]")) other.removeAttribute("aria-current");
    chip.setAttribute("aria-current", "true");
    filter();
    return;
  } else {
    return;
  }
  count(); // but no filtering: a row that vanishes under the thumb makes the next touch wrong
});

page.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
document.querySelector("#evacuation-filter").addEventListener("input", filter);

for (const [student, state] of queue.waiting()) {
  const row = rows.get(student);
  if (row) paint(row, state, page.dataset.me); // marked before the page was loaded again
}
count();
watch({ address: () => page.dataset.stream, names: ["evacuation"], onEvent: rarely(), poll: refresh });
