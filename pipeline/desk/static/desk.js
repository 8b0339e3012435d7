// Shared by every page of the desk: requests, keyboard shortcuts, the list of keys, messages.

const token = document.querySelector("meta[name=page-token]").content;

/** Post JSON to the desk; throws an Error with a message for people. */
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", "x-tether-page": token },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The desk is not responding. Is `tether review` still running?");
  }
  if (answer.ok) return answer.json();
  const text = await answer.text();
  let message = text;
  try {
    message = JSON.parse(text).error ?? text;
  } catch {
    // access control answers in plain text
  }
  throw new Error(message);
}

/** Replace parts of the page by what the desk would show now. */
export async function refresh(...ids) {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) document.getElementById(id).replaceChildren(...fresh.getElementById(id).childNodes);
}

/** Show an error in the nearest place for one; empty text clears it. */
export function trouble(within, text) {
  const place = within.querySelector(".trouble");
  place.textContent = text;
  place.hidden = !text;
}

/** Show a message for 4 s; screen readers announce it. */
export function say(text) {
  const place = document.getElementById("status");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => place.classList.remove("shown"), 4000);
}

const bound = new Map();

/** Bind keys by the character they type; inactive in text fields and with Ctrl, Alt or Meta. */
export function keys(map) {
  for (const [key, act] of Object.entries(map)) bound.set(key, act);
}

const writes = (place) => place.matches("textarea, select, input:not([type=range], [type=radio], [type=checkbox])");

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && writes(event.target)) event.target.blur();
  if (event.ctrlKey || event.altKey || event.metaKey || writes(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const { target } = event;
  // Buttons and links handle Space and Enter themselves, radio buttons and sliders the arrows.
  if ([" ", "Enter"].includes(event.key) && target.matches("button, a, summary, input, label")) return;
  if (event.key.startsWith("Arrow") && target.matches("input")) return;
  const act = bound.get(event.key);
  if (act) {
    event.preventDefault();
    act(event);
  }
});

/** Follow a link of the page if it exists. */
export function follow(id) {
  document.getElementById(id)?.click();
}

/** m:ss or h:mm:ss of milliseconds. */
export function clock(ms) {
  const s = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${two(m)}:${two(s % 60)}`;
}

/** Milliseconds of m:ss or h:mm:ss; NaN for other text. */
export function milliseconds(text) {
  const parts = text.trim().split(":").map(Number);
  if (parts.length < 2 || parts.length > 3) return NaN;
  return Math.round(1000 * parts.reduce((sum, part) => 60 * sum + part, 0));
}

/** The chosen salience, 1 to 5; null if none is chosen. */
export function salienceOf(form) {
  const chosen = form.querySelector(".salience input:checked");
  return chosen ? Number(chosen.value) : null;
}

/** Choose a salience; an empty text chooses none. */
export function setSalience(form, value) {
  for (const radio of form.querySelectorAll(".salience input")) radio.checked = radio.value === String(value);
}

for (const cross of document.querySelectorAll(".salience .clear"))
  cross.addEventListener("click", () => {
    const chosen = cross.closest(".salience").querySelector("input:checked");
    if (!chosen) return;
    chosen.checked = false;
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
  });

const help = document.getElementById("help");
document.getElementById("help-open").addEventListener("click", () => help.showModal());
keys({ "?": () => help.showModal() });
