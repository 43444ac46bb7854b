// The live board: keeps the page current and filters its stream.

import { watch } from "./board/connection.js";
import { morph } from "./board/morph.js";
import { startFilters } from "./board/filters.js";
import { startStream } from "./board/stream.js";

const board = document.querySelector("#board");

function start() {
  const stream = startStream(document.querySelector("#sightings"));
  startFilters(stream);
  let cursor = Number(board.dataset.cursor);
  let newest = 0;

  function take(update) {
    if (update.day !== board.dataset.day) return location.reload(); // midnight
    cursor = Math.max(cursor, update.cursor);
    stream.replaceGroups(update.groups);
    if (update.at < newest) return; // overtaken: its figures are older than those shown
    newest = update.at;
    for (const [name, html] of Object.entries(update.parts)) {
      const part = board.querySelector(`[data-part="${name}"]`);
      if (part) morph(part, html); // a course made since the page was opened waits for the next
    }
  }

  watch({
    address: () => `${board.dataset.stream}?after=${cursor}`,
    names: ["board"],
    onEvent: (event) => take(JSON.parse(event.data)),
    async poll() {
      const answer = await fetch(`${board.dataset.poll}?after=${cursor}`);
      if (answer.redirected || answer.status === 401) return location.reload(); // to sign in
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      take(await answer.json());
    },
  });
}

if (board) start();
