// Server-sent events, and polling whenever there is no stream: the server is full, or a proxy in
// between does not let streams through. The element #live says in words which it is.

const POLL_MS = 5000;
const TRY_STREAM_AGAIN_MS = 30_000;
const SILENT_MS = 40_000; // the server says something every 15 s; a dead line says nothing

/**
 * Watch a stream. `address` says where it is (anew for each connection), `names` which of its
 * events go to `onEvent`; `poll` fetches what a stream would have sent, and throws if it cannot.
 */
export function watch({ address, names, onEvent, poll }) {
  let source = null;
  let heardAt = 0;
  let polling = null;
  let leaving = false;

  function say(state) {
    const live = document.querySelector("#live");
    live.dataset.state = state;
    live.textContent = live.dataset[state];
  }

  function open() {
    source?.close();
    heardAt = Date.now();
    source = new EventSource(address());
    source.addEventListener("open", streaming);
    source.addEventListener("here", () => (heardAt = Date.now()));
    source.addEventListener("lagged", ask);
    source.addEventListener("unwell", () => say("lost"));
    source.addEventListener("bye", () => location.reload()); // signed out elsewhere
    source.addEventListener("error", failed);
    for (const name of names) source.addEventListener(name, take);
  }

  function take(event) {
    streaming();
    onEvent(event);
  }

  function streaming() {
    heardAt = Date.now();
    clearInterval(polling);
    polling = null;
    say("live");
  }

  function failed() {
    if (leaving) return; // the browser cuts the stream before it shows the next page
    if (source.readyState === EventSource.CONNECTING) return say("connecting"); // by itself
    if (polling === null) polling = setInterval(ask, POLL_MS);
    ask();
    setTimeout(open, TRY_STREAM_AGAIN_MS);
  }

  async function ask() {
    try {
      await poll();
      if (polling !== null) say("polling");
    } catch {
      say("lost");
    }
  }

  function look() {
    const silent = Date.now() - heardAt > SILENT_MS;
    if (source.readyState !== EventSource.CLOSED && silent) open();
  }

  setInterval(look, SILENT_MS / 4);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  addEventListener("online", open);
  addEventListener("beforeunload", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));
  say("connecting");
  open();
}
