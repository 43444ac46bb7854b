// Marks on their way to the server. They outlive a reload and a dead network: each has a key of its
// own, so sending it again changes nothing, and says how old it is, since phones' clocks differ.

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;
const TIMEOUT_MS = 8000;

export function startQueue({ address, key, onSent, onRefused, onChange }) {
  let marks = load();
  let sending = false;
  let pause = FIRST_PAUSE_MS;
  let timer = null;

  function load() {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? [];
    } catch {
      return [];
    }
  }

  function keep() {
    try {
      if (marks.length) localStorage.setItem(key, JSON.stringify(marks));
      else localStorage.removeItem(key);
    } catch {
      // a full or forbidden store: then they live as long as the page
    }
    onChange(waiting());
  }

  /** The state that each student will have once everything is sent. */
  function waiting() {
    return new Map(marks.map((mark) => [mark.student, mark.state]));
  }

  function put(student, state) {
    marks.push({ key: newKey(), student, state, at: Date.now() });
    keep();
    flush();
  }

  async function flush() {
    clearTimeout(timer);
    if (sending || marks.length === 0) return;
    sending = true;
    try {
      const { kept, refused } = await send(marks.slice(0, 200));
      const done = new Set([...kept, ...refused]);
      marks = marks.filter((mark) => !done.has(mark.key));
      pause = FIRST_PAUSE_MS;
      keep();
      if (refused.length) onRefused();
      onSent();
    } catch {
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    sending = false;
    if (marks.length) timer = setTimeout(flush, pause);
  }

  async function send(batch) {
    const now = Date.now();
    const answer = await fetch(address, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify({
        marks: batch.map((mark) => ({
          key: mark.key,
          student: Number(mark.student),
          state: mark.state,
          age_ms: Math.max(0, now - mark.at),
        })),
      }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.redirected || answer.status === 401) onRefused(); // signed out: the marks stay here
    if (answer.redirected || !answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }

  addEventListener("online", flush);
  keep();
  flush();
  return { put, waiting };
}

/** crypto.randomUUID exists on secure pages only; a school's own server may be plain HTTP. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
