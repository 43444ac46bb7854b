// Development only: taps cards at emulated gates, one by one or a whole school's.

import { Gates } from "./gates/gates.js";
import { startResults } from "./gates/results.js";
import { startRush } from "./gates/rush.js";
import { startStudents } from "./gates/students.js";

const page = document.querySelector("#try");

async function start() {
  const answer = await fetch(page.dataset.students);
  const { students } = await answer.json();
  const gates = new Gates(page);
  const results = startResults(page);

  async function tap(card) {
    const result = await gates.tap(card);
    results.add(result);
    return result;
  }

  for (const button of page.querySelectorAll("[data-card]")) {
    button.addEventListener("click", () => tap({ gate: gates.chosen, card: button.dataset.card }));
  }
  startStudents(page, students, (student, repeat) =>
    tap({ gate: gates.chosen, student: student.id, repeat, label: student.name }),
  );
  startRush(page, gates, tap);
  gates.watch();
}

start();
