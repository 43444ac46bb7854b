// A field to sign in with a finger, a pen or the mouse. What is sent is a small PNG.

const INK = "#17202a"; // dark on white whatever the theme: it is printed
const WIDTH = 2.5;

/** Makes `field` (a fieldset with a canvas and a hidden input) one in which people sign. */
export function signatures(field) {
  const canvas = field.querySelector("canvas");
  const sent = field.querySelector('input[name="signature"]');
  const paper = field.form.elements.on_paper;
  const pen = canvas.getContext("2d");
  let from = null;

  function clear() {
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    sent.value = "";
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * canvas.width) / box.width,
      y: ((event.clientY - box.top) * canvas.height) / box.height,
    };
  }

  function line(to) {
    pen.strokeStyle = INK;
    pen.lineWidth = WIDTH;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    from = to;
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = place(event);
    line({ x: from.x + 0.1, y: from.y }); // a dot is part of a signature too
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return;
    // a fast finger is reported less often than it moves
    for (const point of event.getCoalescedEvents?.() ?? [event]) line(place(point));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (from === null) return;
      from = null;
      sent.value = canvas.toDataURL("image/png");
    });
  }
  field.querySelector("[data-clears]").addEventListener("click", clear);
  paper.addEventListener("change", () => (field.hidden = paper.checked));
  field.hidden = paper.checked;
  clear();
}
