// The whole school arrives: each gate gets its share, one child after another, on time.

export function startRush(page, gates, tap) {
  const form = page.querySelector("#rush");
  const [startButton, pauseButton, stopButton] = ["start", "pause", "stop"].map((name) =>
    page.querySelector(`#rush-${name}`),
  );
  let rush = null;

  function show() {
    const words = page.dataset;
    const all = rush.students.length;
    const failed = rush.failed ? ` · ${words.failed.replace("{n}", rush.failed)}` : "";
    page.querySelector("#rush-progress").value = all ? rush.done / all : 1;
    page.querySelector("#rush-said").textContent =
      words.progress.replace("{n}", rush.done).replace("{all}", all) + failed;
    startButton.disabled = rush.running;
    pauseButton.disabled = stopButton.disabled = !rush.running;
    pauseButton.textContent = rush.paused ? words.resume : words.pause;
  }

  async function run(minutes, who) {
    const answer = await fetch(page.dataset.students); // anew: who is in has changed
    const { students } = await answer.json();
    const chosen = students.filter((student) => who === "all" || student.state === "missing");
    rush = { students: shuffled(chosen), done: 0, failed: 0, running: true, paused: false };
    show();
    const shares = gates.names.map((gate, at, all) => ({
      gate,
      students: rush.students.filter((_, number) => number % all.length === at),
    }));
    await Promise.all(shares.map((share) => walk(rush, share, minutes * 60_000)));
    rush.running = false;
    show();
  }

  async function walk(own, { gate, students }, duration) {
    const pause = duration / Math.max(students.length, 1);
    let dueAt = performance.now();
    for (const student of students) {
      while (own.paused && own.running) await sleep(200);
      if (!own.running) return;
      const result = await tap({ gate, student: student.id, label: student.name });
      own.done += 1;
      if (!result.read) own.failed += 1;
      show();
      // a gate that fell behind goes on at once, one that was paused starts a new clock
      dueAt = Math.max(dueAt + pause, performance.now() - 10 * pause);
      await sleep(dueAt - performance.now());
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(Number(form.elements.minutes.value), form.elements.who.value);
  });
  pauseButton.addEventListener("click", () => {
    rush.paused = !rush.paused;
    show();
  });
  stopButton.addEventListener("click", () => {
    rush.running = false;
    show();
  });
}

function sleep(milliseconds) {
  return new Promise((resume) => setTimeout(resume, Math.max(milliseconds, 0)));
}

function shuffled(items) {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other], mixed[at]];
  }
  return mixed;
}
