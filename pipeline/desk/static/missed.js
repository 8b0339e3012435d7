// Adding a missed moment: marked by keys while listening or by dragging on a picture, saved at once.

import { clock, keys, milliseconds, post, salienceOf, say, setSalience, trouble } from "./desk.js";

const USUAL_MS = 10000;

export class Missed {
  /** @param saved called after it is saved. */
  constructor(saved = () => {}) {
    this.dialog = document.getElementById("missed");
    this.form = this.dialog.querySelector("form");
    this.usual = this.form.elements.marker.value;
    this.saved = saved;
    this.dialog.querySelector(".cancel").addEventListener("click", () => this.dialog.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  /** Bind the keys that mark start and end at the player's position. */
  with(player) {
    let start = null;
    let clear = [];
    keys({
      "[": () => {
        for (const away of clear) away();
        start = player.ms;
        clear = player.pictures.map((picture) => picture.stretch(start, start + 300, "drawn"));
        say(`Start marked at ${clock(start)}. Press ] at the end.`);
      },
      "]": () => {
        for (const away of clear) away();
        this.open(start ?? Math.max(0, player.ms - USUAL_MS), player.ms);
        start = null;
      },
    });
    const hear = this.dialog.querySelector(".hear");
    hear?.addEventListener("click", () => {
      const { start_ms, end_ms } = this.#span();
      if (player.playing) player.pause();
      else if (start_ms < end_ms) player.hear(start_ms, end_ms);
    });
    this.dialog.addEventListener("close", () => player.pause());
  }

  /** @param known the entry to change; null: a new one. */
  open(from, to, known = null) {
    const { elements } = this.form;
    elements.start.value = clock(from);
    elements.end.value = clock(Math.max(1000 * Math.ceil(to / 1000), from + 1000));
    elements.marker.value = known?.marker || this.usual;
    elements.note.value = known?.note ?? "";
    setSalience(this.form, known?.salience ?? "");
    this.replaces = known ? Number(known.verdict) : null;
    this.dialog.querySelector("h2").textContent = known ? "Change a missed moment" : "Add a missed moment";
    this.dialog.querySelector(".save").textContent = known ? "Save" : "Add";
    trouble(this.form, "");
    this.dialog.showModal();
  }

  #span() {
    const { start, end } = this.form.elements;
    return { start_ms: milliseconds(start.value), end_ms: milliseconds(end.value) };
  }

  async #save() {
    trouble(this.form, "");
    const marker = this.form.elements.marker.selectedOptions[0];
    const body = {
      ...this.#span(),
      kind: marker.dataset.kind,
      marker: marker.value,
      salience: salienceOf(this.form),
      note: this.form.elements.note.value,
      replaces: this.replaces,
    };
    if (!(body.start_ms < body.end_ms)) {
      trouble(this.form, "The end must be after the start.");
      return;
    }
    try {
      await post(this.dialog.dataset.path, body);
    } catch (caught) {
      trouble(this.form, `Not saved: ${caught.message}`);
      return;
    }
    this.dialog.close();
    say("Missed moment saved.");
    this.saved();
  }
}
