// A moment: listen, decide, note; what is decided is saved at once.

import { follow, keys, post, salienceOf, say, trouble } from "./desk.js";
import { marking } from "./missed.js";
import { Player } from "./player.js";

const place = document.getElementById("moment").dataset;
const player = new Player([Number(place.start), Number(place.end)]);
const first = document.querySelector(".transcript .within");
if (first) player.scrollTo(first);

const form = document.getElementById("verdict");
const text = form.querySelector(".saved-text");
const undo = form.querySelector(".undo");
let writing = Promise.resolve();

/** Save what the form says, one entry after the other. */
function keep(decision = form.dataset.decision) {
  if (!decision) {
    text.textContent = "Not saved yet: confirm, reject or say unsure";
    return;
  }
  press(decision);
  const marker = form.elements.marker.selectedOptions[0];
  const body = {
    decision,
    mark: form.dataset.mark,
    kind: marker.dataset.kind,
    marker: marker.value,
    salience: salienceOf(form),
    note: form.elements.note.value,
  };
  trouble(form, "");
  text.textContent = "Saving";
  writing = writing.then(async () => {
    try {
      const entry = await post(form.dataset.path, body);
      form.dataset.verdict = entry.verdict_id;
      form.dataset.decision = decision;
      undo.disabled = false;
      text.textContent = "Saved";
    } catch (caught) {
      press(form.dataset.decision);
      text.textContent = "Not saved";
      trouble(form, caught.message);
    }
  });
}

function press(decision) {
  for (const button of form.querySelectorAll(".decision"))
    button.setAttribute("aria-pressed", button.dataset.decision === decision);
}

async function takeBack() {
  if (undo.disabled) return;
  await writing;
  try {
    await post(`/verdicts/${form.dataset.verdict}/undo`, {});
  } catch (caught) {
    trouble(form, caught.message);
    return;
  }
  location.reload(); // what stood before stands again, with its note
}

for (const button of form.querySelectorAll(".decision"))
  button.addEventListener("click", () => keep(button.dataset.decision));
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => keep());
undo.addEventListener("click", takeBack);

/** Leave only when what was written is saved. */
async function leave(id) {
  document.activeElement?.blur?.();
  await writing;
  follow(id);
}

window.addEventListener("beforeunload", (event) => {
  const unsaved = form.elements.note.value !== form.elements.note.defaultValue && !form.dataset.decision;
  if (unsaved) event.preventDefault();
});

keys({
  1: () => keep("confirm"),
  2: () => keep("reject"),
  3: () => keep("unsure"),
  n: () => form.elements.note.focus(),
  u: takeBack,
  j: () => (document.getElementById("to-after") ? leave("to-after") : say("This is the last one.")),
  k: () => (document.getElementById("to-before") ? leave("to-before") : say("This is the first one.")),
  b: () => player.seek(player.begin),
  c: () => leave("to-session"),
  q: () => leave("to-queue"),
});
marking(player);
