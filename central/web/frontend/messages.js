// The message log: stays current while it is open.

import { watch } from "./board/connection.js";
import { morph } from "./board/morph.js";

const AT_MOST_EVERY_MS = 2000; // a rush changes messages many times a second

const log = document.querySelector("#log");

async function refresh() {
  if (log.dataset.empty) return location.reload(); // the first message of the day
  const rows = document.querySelectorAll("#rows > .message-row").length;
  const answer = await fetch(`${log.dataset.now}${log.dataset.now.includes("?") ? "&" : "?"}rows=${rows}`);
  if (answer.redirected || answer.status === 401) return location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  morph(document.querySelector("#chips"), page.querySelector("#chips-now").innerHTML);
  morph(document.querySelector("#rows"), page.querySelector("#rows-now").innerHTML);
  window.htmx.process(document.querySelector("#rows"));
}

/** Calls `work` at once, and again after a pause however often it is asked meanwhile. */
function rarely(work) {
  let again = false;
  let pausing = false;
  return async function ask() {
    if (pausing) {
      again = true;
      return;
    }
    pausing = true;
    again = false;
    await work().catch(() => {}); // the next change, or the next poll, tries again
    setTimeout(() => {
      pausing = false;
      if (again) ask();
    }, AT_MOST_EVERY_MS);
  };
}

if (log && !log.dataset.past) {
  watch({
    address: () => log.dataset.stream,
    names: ["messages"],
    onEvent: rarely(refresh),
    poll: refresh,
  });
}

const day = document.querySelector("#log-date");
day.addEventListener("change", () => day.checkValidity() && day.form.requestSubmit());
