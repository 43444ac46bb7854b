// The message log: stays current while it is open.

import { watch } from "./board/connection.js";
import { morph } from "./board/morph.js";

const AT_MOST_EVERY_MS = 2000; // a rush changes messages many times a second

const log = document.querySelector("#log");

async function refresh() {
  const shown = document.querySelectorAll("#rows > .message-row").length;
  const address = new URL(log.dataset.now, location.href);
  address.searchParams.set("rows", shown);
  const answer = await fetch(address);
  if (answer.redirected || answer.status === 401) return location.reload(); // to sign in
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const now = new DOMParser().parseFromString(await answer.text(), "text/html");
  const rows = now.querySelector("#rows-now");
  if (log.dataset.empty) return rows.querySelector(".message-row") && location.reload();
  morph(document.querySelector("#chips"), now.querySelector("#chips-now").innerHTML);
  morph(document.querySelector("#rows"), rows.innerHTML);
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
