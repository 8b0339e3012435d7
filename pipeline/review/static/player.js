// The player: sound of any place at once, the transcript and pictures that go along with it.

import { clock, keys, say } from "./desk.js";

const SKIP_MS = 5000;

export class Player {
  /** @param stretch [start, end] in ms that a loop repeats; null: none. */
  constructor(stretch = null) {
    this.root = document.querySelector(".player");
    this.audio = this.root.querySelector("audio");
    this.stretch = stretch;
    this.looping = false;
    this.muted = new Set();
    this.lines = [...document.querySelectorAll(".transcript li")].map((line) => ({
      line,
      start: Number(line.dataset.start),
      end: Number(line.dataset.end),
    }));
    this.begin = Number(this.root.dataset.beginMs);
    this.duration = Number(this.root.dataset.durationMs);
    this.at = this.begin;
    this.followed = true;
    this.heads = [...document.querySelectorAll(".timeline")].map((picture) => this.#head(picture));
    if (this.audio) this.#wire();
    this.show();
  }

  get ms() {
    return this.at;
  }

  play() {
    if (!this.audio) return;
    if (!this.audio.src) this.#load();
    this.audio.play().catch((caught) => {
      if (caught.name !== "AbortError") this.#look();
    });
  }

  toggle() {
    if (!this.audio) return;
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  seek(ms) {
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

  /** Draw the place everywhere: clock, slider, pictures, transcript. */
  show() {
    if (this.audio) {
      this.root.querySelector(".now").textContent = clock(this.at);
      const slider = this.root.querySelector(".seek");
      slider.value = this.at;
      slider.setAttribute("aria-valuetext", clock(this.at));
    }
    for (const head of this.heads) head();
    this.#mark();
  }

  #load() {
    const muted = [...this.muted].sort().join(",");
    this.audio.src = `${this.root.dataset.sound}.wav${muted ? `?mute=${muted}` : ""}`;
    this.audio.playbackRate = Number(this.root.querySelector(".speed").value);
    this.audio.defaultPlaybackRate = this.audio.playbackRate;
    this.audio.currentTime = this.at / 1000;
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
    audio.addEventListener("seeked", () => root.classList.remove("waiting"));
    audio.addEventListener("waiting", () => this.#look());
    audio.addEventListener("playing", () => root.classList.remove("waiting"));
    audio.addEventListener("error", () => this.#look());
    root.querySelector(".seek").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    root.querySelector(".speed").addEventListener("change", (event) => {
      audio.defaultPlaybackRate = audio.playbackRate = Number(event.target.value);
    });
    root.querySelector(".loop").addEventListener("click", () => this.loop());
    for (const skip of root.querySelectorAll("[data-skip]"))
      skip.addEventListener("click", () => this.seek(this.at + Number(skip.dataset.skip)));
    for (const mute of root.querySelectorAll(".mute")) mute.addEventListener("click", () => this.#mute(mute));
    for (const to of document.querySelectorAll(".to"))
      to.addEventListener("click", () => {
        this.seek(Number(to.dataset.ms));
        this.play();
      });
    document.querySelector(".transcript")?.addEventListener("wheel", () => (this.followed = false), { passive: true });
    keys({
      " ": () => this.toggle(),
      ArrowLeft: () => this.seek(this.at - SKIP_MS),
      ArrowRight: () => this.seek(this.at + SKIP_MS),
      l: () => this.loop(),
    });
  }

  #tick() {
    const { audio } = this;
    this.at = Math.round(audio.currentTime * 1000);
    if (this.looping) {
      const [start, end] = this.stretch ? [this.begin, this.stretch[1]] : [0, this.duration];
      if (this.at >= end) this.seek(start);
    }
    this.show();
    if (!audio.paused) requestAnimationFrame(() => this.#tick());
  }

  #mute(button) {
    const number = button.dataset.channel;
    const now = !this.muted.has(number);
    if (now && this.muted.size + 1 === this.root.querySelectorAll(".mute").length) {
      say("One voice stays on.");
      return;
    }
    if (now) this.muted.add(number);
    else this.muted.delete(number);
    button.setAttribute("aria-pressed", now);
    if (!this.audio.src) return;
    const playing = !this.audio.paused;
    this.#load();
    if (playing) this.play();
  }

  /** Why nothing is heard: sound is on its way, or cannot be had. */
  async #look() {
    this.root.classList.add("waiting");
    let told = {};
    try {
      told = await (await fetch(this.root.dataset.sound, { headers: { accept: "application/json" } })).json();
    } catch {
      told = { error: "The desk does not answer. Is `tether review` still running?" };
    }
    const place = this.root.querySelector(".trouble");
    place.hidden = !told.error;
    place.textContent = told.error || "";
    if (told.error) this.root.classList.remove("waiting");
  }

  /** Highlight the turn that is heard, and keep it in sight unless somebody scrolls. */
  #mark() {
    const now = this.lines.filter(({ start, end }) => start <= this.at && this.at < end).map(({ line }) => line);
    const last = now.at(-1);
    if (last === this.marked && now.length === this.markedCount) return;
    document.querySelectorAll(".transcript .now").forEach((line) => line.classList.remove("now"));
    now.forEach((line) => line.classList.add("now"));
    if (last && last !== this.marked) this.scrollTo(last);
    [this.marked, this.markedCount] = [last, now.length];
  }

  scrollTo(line) {
    const list = line.parentElement;
    const above = line.offsetTop - list.offsetTop;
    const inSight = above >= list.scrollTop && above + line.offsetHeight <= list.scrollTop + list.clientHeight;
    if (inSight) this.followed = true;
    else if (this.followed) list.scrollTop = above - list.clientHeight / 3;
  }

  /** A line over a picture of time that shows the place; a click in the picture goes there. */
  #head(picture) {
    const [start, end] = [Number(picture.dataset.start), Number(picture.dataset.end)];
    const canvas = picture.querySelector(".canvas");
    const scroll = picture.querySelector(".scroll");
    const line = document.createElement("div");
    line.className = "playhead";
    scroll.append(line);
    canvas.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
      const box = canvas.getBoundingClientRect();
      this.seek(start + ((event.clientX - box.left) / box.width) * (end - start));
    });
    return () => {
      const share = (this.at - start) / (end - start);
      line.hidden = share < 0 || share > 1;
      line.style.left = `${share * canvas.getBoundingClientRect().width}px`;
      line.style.height = `${canvas.getBoundingClientRect().height}px`;
    };
  }
}
