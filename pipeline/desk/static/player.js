// The player: audio from any position, with the transcript and the pictures following it.

import { clock, keys, say } from "./desk.js";
import { Picture } from "./picture.js";

const SKIP_MS = 5000;

export class Player {
  /**
   * @param stretch [start, end] in ms that a loop repeats; null: the whole recording.
   * @param drawn called with start and end of a stretch dragged on a picture, in ms.
   */
  constructor({ stretch = null, drawn = null } = {}) {
    this.root = document.querySelector(".player");
    this.audio = this.root.querySelector("audio");
    this.stretch = stretch;
    this.looping = false;
    this.until = null;
    this.muted = new Set();
    this.list = document.querySelector(".transcript");
    this.lines = [...this.list.querySelectorAll("li")].map((line) => ({
      line,
      start: Number(line.dataset.start),
      end: Number(line.dataset.end),
    }));
    this.begin = Number(this.root.dataset.beginMs);
    this.duration = Number(this.root.dataset.durationMs);
    this.at = this.begin;
    this.followed = true;
    this.pictures = [...document.querySelectorAll(".timeline")].map(
      (place) => new Picture(place, { seek: (ms) => this.seek(ms), drawn }),
    );
    this.#wireText();
    if (this.audio) this.#wire();
    this.show();
  }

  get ms() {
    return this.at;
  }

  get playing() {
    return Boolean(this.audio) && !this.audio.paused;
  }

  play() {
    if (!this.audio) return;
    if (!this.audio.src) this.#load();
    this.audio.play().catch((caught) => {
      // Browsers may block playback without a gesture; then people press the button.
      if (!["AbortError", "NotAllowedError"].includes(caught.name)) this.#look();
    });
  }

  pause() {
    this.audio?.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Play a stretch and stop at its end. */
  hear(start, end) {
    this.seek(start);
    this.until = end;
    this.play();
  }

  seek(ms) {
    this.until = null;
    this.at = Math.min(Math.max(0, ms), this.duration);
    if (this.audio?.src) this.audio.currentTime = this.at / 1000;
    this.show();
  }

  loop() {
    if (!this.audio) return;
    this.looping = !this.looping;
    this.root.querySelector(".loop").setAttribute("aria-pressed", this.looping);
    if (this.looping && this.stretch && (this.at < this.begin || this.at >= this.stretch[1])) this.seek(this.begin);
  }

  /** Show the position everywhere: clock, slider, pictures, transcript. */
  show() {
    this.root.querySelector(".now").textContent = clock(this.at);
    const slider = this.root.querySelector(".seek");
    if (slider) {
      slider.value = this.at;
      slider.setAttribute("aria-valuetext", clock(this.at));
    }
    for (const picture of this.pictures) picture.show(this.at, this.playing);
    this.#mark();
  }

  /** Scroll a line of the transcript into view. */
  reveal(line) {
    this.list.scrollTop = line.offsetTop - this.list.clientHeight / 4;
  }

  #load() {
    const muted = [...this.muted].sort().join(",");
    this.audio.src = `${this.root.dataset.sound}.wav${muted ? `?mute=${muted}` : ""}`;
    this.#speed(this.root.querySelector(".speed").value);
    this.audio.currentTime = this.at / 1000;
  }

  #wireText() {
    for (const to of document.querySelectorAll(".to"))
      to.addEventListener("click", () => {
        this.seek(Number(to.dataset.ms));
        this.play();
      });
    // After manual scrolling the transcript stays until the current turn is in view again.
    for (const name of ["wheel", "touchmove"])
      this.list.addEventListener(name, () => (this.followed = false), { passive: true });
  }

  #wire() {
    const { audio, root } = this;
    const button = root.querySelector(".play");
    button.addEventListener("click", () => this.toggle());
    for (const name of ["play", "pause"])
      audio.addEventListener(name, () => {
        button.setAttribute("aria-pressed", !audio.paused);
        root.classList.toggle("playing", !audio.paused);
        if (!audio.paused) this.#tick();
      });
    for (const name of ["seeked", "playing"]) audio.addEventListener(name, () => this.#wait(false));
    for (const name of ["waiting", "error"]) audio.addEventListener(name, () => this.#look());
    root.querySelector(".seek").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    const speed = root.querySelector(".speed");
    speed.value = sessionStorage.getItem("speed") ?? speed.value;
    speed.addEventListener("change", () => this.#speed(speed.value));
    root.querySelector(".loop").addEventListener("click", () => this.loop());
    for (const skip of root.querySelectorAll("[data-skip]"))
      skip.addEventListener("click", () => this.seek(this.at + Number(skip.dataset.skip)));
    const mutes = [...root.querySelectorAll(".mute")];
    for (const mute of mutes) mute.addEventListener("click", () => this.#mute(mute.dataset.channel));
    keys({
      " ": () => this.toggle(),
      ArrowLeft: () => this.seek(this.at - SKIP_MS),
      ArrowRight: () => this.seek(this.at + SKIP_MS),
      ",": () => this.#faster(speed, -1),
      ".": () => this.#faster(speed, 1),
      l: () => this.loop(),
      m: () => this.#muteNext(mutes.map((mute) => mute.dataset.channel)),
    });
  }

  #speed(value) {
    this.audio.defaultPlaybackRate = this.audio.playbackRate = Number(value);
    sessionStorage.setItem("speed", value); // kept from moment to moment
  }

  #faster(speed, by) {
    speed.selectedIndex = Math.min(Math.max(0, speed.selectedIndex + by), speed.options.length - 1);
    this.#speed(speed.value);
    say(`Speed ${speed.value}×`);
  }

  #tick() {
    const { audio } = this;
    this.at = Math.round(audio.currentTime * 1000);
    if (this.until !== null && this.at >= this.until) {
      this.until = null;
      audio.pause();
    }
    if (this.looping) {
      const [start, end] = this.stretch ? [this.begin, this.stretch[1]] : [0, this.duration];
      if (this.at >= end) this.seek(start);
    }
    this.show();
    if (!audio.paused) requestAnimationFrame(() => this.#tick());
  }

  #muteNext(channels) {
    if (!channels.length) {
      say("One channel: speakers cannot be muted separately.");
      return;
    }
    const now = channels.findIndex((channel) => this.muted.has(channel));
    if (now >= 0) this.#mute(channels[now]);
    if (now + 1 < channels.length) this.#mute(channels[now + 1]);
  }

  #mute(channel) {
    const buttons = [...this.root.querySelectorAll(".mute")];
    if (this.muted.delete(channel) === false) {
      if (this.muted.size + 1 === buttons.length) {
        say("You can mute only one speaker at a time.");
        return;
      }
      this.muted.add(channel);
    }
    for (const button of buttons) button.setAttribute("aria-pressed", this.muted.has(button.dataset.channel));
    if (!this.audio.src) return;
    const { playing } = this;
    this.#load();
    if (playing) this.play();
  }

  /** Ask the desk why nothing plays: audio is loading, or cannot be played. */
  async #look() {
    this.#wait(true);
    let state = {};
    try {
      state = await (await fetch(this.root.dataset.sound, { headers: { accept: "application/json" } })).json();
    } catch {
      state = { error: "The desk is not responding. Is `tether review` still running?" };
    }
    const place = this.root.querySelector(".trouble");
    place.hidden = !state.error;
    place.textContent = state.error || "";
    if (state.error) this.#wait(false);
  }

  #wait(waits) {
    this.root.classList.toggle("waiting", waits);
    this.root.querySelector(".decoding").hidden = !waits;
  }

  /** Highlight the current turn and keep it in view unless the reader scrolls. */
  #mark() {
    const now = this.lines.filter(({ start, end }) => start <= this.at && this.at < end).map(({ line }) => line);
    const last = now.at(-1);
    if (last === this.marked && now.length === this.markedCount) return;
    for (const line of this.list.querySelectorAll(".now")) line.classList.remove("now");
    for (const line of now) line.classList.add("now");
    if (last && last !== this.marked) this.#follow(last);
    [this.marked, this.markedCount] = [last, now.length];
  }

  #follow(line) {
    const { list } = this;
    const above = line.offsetTop; // relative to the list
    const inSight = above >= list.scrollTop && above + line.offsetHeight <= list.scrollTop + list.clientHeight;
    if (inSight) this.followed = true;
    else if (this.followed) list.scrollTop = above - list.clientHeight / 4;
  }
}
