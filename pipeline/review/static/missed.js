// A moment that was missed: its begin and end are marked where one listens, and it is saved.

import { clock, keys, milliseconds, post, salienceOf, say, trouble } from "./desk.js";

/** @param saved called once it is kept. */
export function marking(player, saved = () => {}) {
  const dialog = document.getElementById("missed");
  const form = dialog.querySelector("form");
  let start = null;
  const open = (from, to) => {
    form.elements.start.value = clock(from);
    form.elements.end.value = clock(Math.max(to, from + 1000));
    dialog.showModal();
  };
  const begin = () => {
    start = player.ms;
    say(`Begins at ${clock(start)}. Press ] at its end.`);
  };
  const end = () => {
    open(start ?? Math.max(0, player.ms - 10000), player.ms);
    start = null;
  };
  keys({ "[": begin, "]": end });
  document.getElementById("mark-missed")?.addEventListener("click", () => open(player.ms, player.ms + 10000));
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble(form, "");
    try {
      await keep(dialog.dataset.path, form);
    } catch (caught) {
      trouble(form, `Not saved: ${caught.message}`);
      return;
    }
    dialog.close();
    form.reset();
    say("The missed moment is kept with the session.");
    saved();
  });
}

async function keep(path, form) {
  const marker = form.elements.marker.selectedOptions[0];
  const body = {
    start_ms: milliseconds(form.elements.start.value),
    end_ms: milliseconds(form.elements.end.value),
    kind: marker.dataset.kind,
    marker: marker.value,
    salience: salienceOf(form),
    note: form.elements.note.value,
  };
  if (!(body.start_ms < body.end_ms)) throw new Error("the end must come after the begin.");
  return post(path, body);
}
