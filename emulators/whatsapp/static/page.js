// The guardians' phones: a list that follows the emulator's events, and one open chat.

const words = await (await fetch(`/static/words.${document.documentElement.lang}.json`)).json();
const hours = new Intl.DateTimeFormat(words.locale, { hour: "numeric", minute: "2-digit", hour12: false });
const clock = { format: (at) => hours.format(at).replace(/^0(?=\d)/, "") }; // 8:07, as people write it
const calendar = new Intl.DateTimeFormat(words.locale, { day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat(words.locale, { day: "2-digit", month: "2-digit" });
const SVG = "http://www.w3.org/2000/svg";

const $ = (id) => document.getElementById(id);
const list = $("phones");
const rows = new Map(); // number → { phone, item }
let chosen = null;
let shown = ""; // what the open chat shows, to leave it alone when nothing changed

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function tick(message) {
  const mark = element("span", `tick ${message.status}`);
  const drawing = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${message.status === "read" ? "delivered" : message.status}`);
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", words[message.status]);
  drawing.append(use);
  mark.title = words[message.status];
  mark.append(drawing);
  return mark;
}

const dayOf = (seconds) => new Date(seconds * 1000).toDateString();
const today = () => new Date().toDateString();

function dayName(seconds) {
  if (dayOf(seconds) === today()) return words.today;
  if (dayOf(seconds + 86400) === today()) return words.yesterday;
  return calendar.format(seconds * 1000);
}

// +56 9 1234 5678: as a Chilean reads it; other countries in groups of four
function readable(number) {
  const chilean = /^56(\d)(\d{4})(\d{4})$/.exec(number);
  if (chilean) return `+56 ${chilean[1]} ${chilean[2]} ${chilean[3]}`;
  return `+${number.replace(/(\d{4})(?=\d{3})/g, "$1 ")}`;
}

function fillRow(item, phone) {
  const { last } = phone;
  const row = element("button", "row");
  row.type = "button";
  row.dataset.phone = phone.phone;
  row.setAttribute("aria-current", phone.phone === chosen);
  const said = element("span", "last");
  said.append(last.incoming ? element("b", "", `${words.you}:`) : tick(last), element("span", "", last.text));
  const body = element("span", "words");
  body.append(element("span", "top", readable(phone.phone)), said);
  const side = element("span", "side");
  const format = dayOf(last.at) === today() ? clock : shortDay;
  side.append(element("time", "", format.format(last.at * 1000)), document.createElement("br"));
  if (phone.unread) {
    const badge = element("span", "badge", phone.unread);
    badge.title = `${phone.unread} ${words.unread}`;
    side.append(badge);
  }
  row.append(element("span", "face", phone.phone.slice(-2)), body, side);
  item.replaceChildren(row);
}

function matches(phone, wanted) {
  const digits = wanted.replace(/[\s+]/g, "");
  return phone.phone.includes(digits || wanted) || phone.last.text.toLowerCase().includes(wanted);
}

function filter() {
  const wanted = $("search").value.trim().toLowerCase();
  let visible = 0;
  for (const { phone, item } of rows.values()) {
    item.hidden = Boolean(wanted) && !matches(phone, wanted);
    visible += !item.hidden;
  }
  $("count").textContent = rows.size ? visible : "";
  $("none").hidden = visible > 0;
  $("none").textContent = rows.size ? words.nothing_found : words.nothing_yet;
  list.hidden = visible === 0;
}

function update(news) {
  if (!news.phones.length) {
    rows.clear();
    list.replaceChildren();
  }
  for (const phone of news.phones.reverse()) { // the latest comes last, and so to the top
    const known = rows.get(phone.phone);
    const item = known ? known.item : element("li");
    const moved = !known || known.phone.last.id !== phone.last.id;
    rows.set(phone.phone, { phone, item });
    fillRow(item, phone);
    if (moved) list.prepend(item);
  }
  filter();
  if (chosen && (!news.phones.length || news.phones.some((phone) => phone.phone === chosen))) showChat();
}

function bubble(message) {
  const item = element("li", `bubble ${message.incoming ? "mine" : message.status}`);
  const foot = element("span", "foot");
  if (message.error) foot.append(element("span", "", `${words.failed} (${message.error})`));
  foot.append(element("time", "", clock.format(message.at * 1000)));
  if (!message.incoming) foot.append(tick(message));
  item.append(element("p", "", message.text), foot);
  return item;
}

async function showChat() {
  const phone = chosen;
  const chat = await (await fetch(`/emulator/phones/${phone}`)).json();
  const signature = JSON.stringify(chat);
  if (phone !== chosen || signature === shown) return;
  shown = signature;
  const items = [];
  let day = null;
  for (const message of chat.messages) {
    if (dayOf(message.at) !== day) items.push(element("li", "day", dayName(message.at)));
    day = dayOf(message.at);
    items.push(bubble(message));
  }
  const box = $("bubbles");
  box.replaceChildren(...items);
  box.scrollTop = box.scrollHeight;
  look(phone, chat);
}

// A guardian who has the chat open reads what arrives.
function look(phone, chat) {
  const unread = chat.messages.some((it) => !it.incoming && ["sent", "delivered"].includes(it.status));
  if (unread && document.visibilityState === "visible") post(`/emulator/phones/${phone}/read`, {});
}

function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

function choose(phone) {
  chosen = phone;
  shown = "";
  $("frame").classList.toggle("chatting", Boolean(phone));
  $("open").hidden = !phone;
  $("choose").hidden = Boolean(phone);
  $("problem").hidden = true;
  for (const row of list.querySelectorAll(".row")) row.setAttribute("aria-current", row.dataset.phone === phone);
  if (!phone) return;
  $("number").textContent = `${words.on_phone} ${readable(phone)}`;
  $("bubbles").replaceChildren();
  showChat();
}

const phoneInAddress = () => /^#(\d+)$/.exec(location.hash)?.[1] ?? null;

function follow(revision) {
  const live = $("live");
  const say = (up) => {
    live.classList.toggle("down", !up);
    live.textContent = up ? live.dataset.live : live.dataset.offline;
  };
  const events = new EventSource(`/emulator/events?since=${revision}`);
  events.onopen = () => say(true);
  events.onerror = () => say(false);
  events.onmessage = (event) => update(JSON.parse(event.data));
}

list.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row) location.hash = row.dataset.phone;
});
$("back").addEventListener("click", () => { location.hash = ""; });
$("search").addEventListener("input", filter);
window.addEventListener("hashchange", () => choose(phoneInAddress()));
document.addEventListener("visibilitychange", () => { shown = ""; if (chosen) showChat(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("reply").requestSubmit();
  }
});
$("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  const answer = await post(`/emulator/phones/${chosen}/reply`, { text }).catch(() => null);
  $("problem").hidden = Boolean(answer && answer.ok);
  if (answer && answer.ok) $("text").value = "";
});

const start = await (await fetch("/emulator/phones")).json();
update(start);
follow(start.revision);
choose(phoneInAddress());
