// The page of a moment: listen, decide, write a note. Decisions are saved at once.

import { follow, keys, post, refresh, salienceOf, say, setSalience, trouble } from "./desk.js";
import { Missed } from "./missed.js";
import { Player } from "./player.js";

const place = document.getElementById("moment").dataset;
const missed = new Missed();
const player = new Player({
  stretch: [Number(place.start), Number(place.end)],
  drawn: (start, end) => missed.open(start, end),
});
missed.with(player);
const first = document.querySelector(".transcript .within");
if (first) player.reveal(first);

const form = document.getElementById("verdict");
const text = form.querySelector(".saved-text");
const undo = form.querySelector(".undo");
let writing = Promise.resolve();
let pending = 0;

/** Save the form as it is now; entries are sent one after the other. */
function keep(decision = form.dataset.decision) {
  if (!decision) {
    text.textContent = "Choose Confirm, Reject or Unsure to save your note";
    return;
  }
  const marker = form.elements.marker.selectedOptions[0];
  const body = {
    decision,
    mark: form.dataset.mark,
    kind: marker.dataset.kind,
    marker: marker.value,
    salience: salienceOf(form),
    note: form.elements.note.value,
  };
  press(decision);
  form.dataset.wanted = decision;
  entry(() => post(form.dataset.path, body));
}

function takeBack() {
  if (!undo.disabled) entry(() => post(`/verdicts/${form.dataset.verdict}/undo`, {}), true);
}

/** Wait for earlier entries, send this one, and show what the ledger holds then. */
function entry(send, fills = false) {
  trouble(form, "");
  text.textContent = "Saving …";
  pending += 1;
  writing = writing.then(async () => {
    try {
      const saved = await send();
      stands(saved);
      if (fills) fill(saved);
      await refresh("others", "history", "left");
    } catch (caught) {
      press(form.dataset.decision);
      text.textContent = "Not saved";
      trouble(form, caught.message);
    } finally {
      pending -= 1;
    }
  });
}

/** Show which decision stands now. */
function stands(saved) {
  const decision = saved.decision === "retracted" ? "" : saved.decision;
  form.dataset.decision = decision;
  form.dataset.verdict = decision ? saved.verdict_id : "";
  form.elements.note.defaultValue = decision ? saved.note : "";
  undo.disabled = !decision;
  text.textContent = decision ? "Saved" : "Not decided";
  if (pending === 1) press(decision);
}

/** Fill the form with an entry. */
function fill(saved) {
  const stood = saved.decision !== "retracted";
  form.elements.marker.value = (stood && saved.marker) || form.dataset.detected;
  form.elements.note.value = stood ? saved.note : "";
  setSalience(form, (stood && saved.salience) || "");
}

function press(decision) {
  for (const button of form.querySelectorAll(".decision"))
    button.setAttribute("aria-pressed", button.dataset.decision === decision);
}

for (const button of form.querySelectorAll(".decision"))
  button.addEventListener("click", () => keep(button.dataset.decision));
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => keep());
undo.addEventListener("click", takeBack);

/** Leave once everything is saved; if audio plays, it goes on at the next moment. */
async function leave(id) {
  document.activeElement?.blur?.();
  sessionStorage.setItem("listens", player.playing ? "yes" : "");
  await writing;
  follow(id);
}

window.addEventListener("beforeunload", (event) => {
  if (pending || form.elements.note.value !== form.elements.note.defaultValue) event.preventDefault();
});
window.addEventListener("pagehide", () => player.pause());

keys({
  1: () => keep("confirm"),
  2: () => keep("reject"),
  3: () => keep("unsure"),
  n: () => form.elements.note.focus(),
  u: takeBack,
  j: () => (document.getElementById("to-after") ? leave("to-after") : say("This is the last moment. Press q for the queue.")),
  k: () => (document.getElementById("to-before") ? leave("to-before") : say("This is the first moment.")),
  b: () => player.seek(player.begin),
  c: () => leave("to-session"),
  q: () => leave("to-queue"),
});

sessionStorage.setItem("seen", location.pathname);
const listens = sessionStorage.getItem("listens");
sessionStorage.removeItem("listens");
if (listens) player.play();
