// Finds a student to tap for.

import { fold } from "../board/filters.js";

const SHOWN = 8;

export function startStudents(page, students, tap) {
  const field = page.querySelector("#find");
  const list = page.querySelector("#students");
  const folded = students.map((student) => fold(`${student.name} ${student.course}`).join(" "));

  function show() {
    const words = fold(field.value);
    const found = students.filter((_, at) => words.every((word) => folded[at].includes(word)));
    list.replaceChildren(...found.slice(0, SHOWN).map(row));
    if (found.length === 0) list.append(page.dataset.nobody);
  }

  function row(student) {
    const item = page.querySelector("#student-row").content.cloneNode(true);
    const [given, family] = student.name.split(" ");
    item.querySelector(".avatar-initials").textContent = `${given[0]}${family?.[0] ?? ""}`;
    item.querySelector(".name").textContent = student.name;
    item.querySelector(".course").textContent = student.course;
    item.querySelector("[data-once]").addEventListener("click", () => tap(student, 0));
    item.querySelector("[data-twice]").addEventListener("click", () => tap(student, 1));
    return item;
  }

  field.addEventListener("input", show);
  show();
}
