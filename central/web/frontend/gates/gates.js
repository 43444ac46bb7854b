// The emulated gates: which there are, what their lights show, and how to hold a card to one.

const LOOK_EVERY_MS = 2000;

export class Gates {
  #page;
  #list;
  #states = [];
  chosen = null;

  constructor(page) {
    this.#page = page;
    this.#list = page.querySelector("#gates");
  }

  get names() {
    return this.#states.map((state) => state.gate);
  }

  async watch() {
    await this.#look();
    setInterval(() => document.hidden || this.#look(), LOOK_EVERY_MS);
  }

  /** Hold a card to a reader. The result always says what happened, also when nothing did. */
  async tap({ label, ...order }) {
    const result = { gate: order.gate, label: label ?? order.card, at: new Date() };
    try {
      const answer = await fetch(this.#page.dataset.taps, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(order),
      });
      Object.assign(result, await answer.json());
    } catch {
      result.error = "gates_unreachable";
      result.detail = this.#page.dataset.down;
    }
    this.#show(order.gate, result);
    return result;
  }

  async #look() {
    const trouble = this.#page.querySelector("#trouble");
    try {
      const answer = await fetch(this.#page.dataset.gates);
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.detail);
      this.#states = told.gates;
      trouble.hidden = true;
      for (const state of this.#states) this.#draw(state);
    } catch (error) {
      trouble.textContent = error.message || this.#page.dataset.down;
      trouble.hidden = false;
    }
  }

  #draw(state) {
    const words = this.#page.dataset;
    const card = this.#card(state);
    card.dataset.light = state.light;
    const { plugged, open } = state.reader;
    card.querySelector(".state-word").textContent = plugged ? (open ? words.ready : words.closed) : words.unplugged;
    if (state.light === "off") this.#answer(card, "", words.off);
  }

  #show(name, { read, feedback }) {
    const card = this.#list.querySelector(`[data-gate="${CSS.escape(name)}"]`);
    if (!card || !read) return;
    const words = this.#page.dataset;
    const light = { accept: "green", hold: "amber" }[feedback.pattern] ?? "red";
    card.dataset.light = light;
    this.#answer(card, [words[feedback.pattern], feedback.name].filter(Boolean).join(", "), words[light]);
  }

  #answer(card, greeting, light) {
    card.querySelector(".greeting").textContent = greeting;
    card.querySelector(".light-word").textContent = light;
  }

  #card(state) {
    const present = this.#list.querySelector(`[data-gate="${CSS.escape(state.gate)}"]`);
    if (present) return present;
    const card = document.createElement("label");
    card.className = "gate";
    card.dataset.gate = state.gate;
    card.innerHTML =
      '<input type="radio" name="gate"><span class="gate-name"></span><span class="state-word muted small"></span>' +
      '<span class="lamp" aria-hidden="true"></span><span class="greeting"></span><span class="light-word muted small"></span>';
    card.querySelector(".gate-name").textContent = state.device;
    const radio = card.querySelector("input");
    radio.value = state.gate;
    radio.addEventListener("change", () => (this.chosen = state.gate));
    this.#list.append(card);
    if (this.chosen === null) {
      this.chosen = state.gate;
      radio.checked = true;
    }
    return card;
  }
}
