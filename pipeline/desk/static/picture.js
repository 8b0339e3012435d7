// A picture along time: shows the player's position; a click goes there, dragging marks a stretch.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN_PX = 6;

function element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

export class Picture {
  /**
   * @param seek called with the time clicked, in ms.
   * @param drawn called with start and end of a dragged stretch, in ms; null: dragging does nothing.
   */
  constructor(place, { seek, drawn = null }) {
    this.start = Number(place.dataset.start);
    this.end = Number(place.dataset.end);
    this.canvas = place.querySelector(".canvas");
    this.scroll = place.querySelector(".scroll");
    const height = this.canvas.getAttribute("height");
    this.layer = this.canvas.appendChild(element("g", { class: "overlay", "aria-hidden": "true" }));
    this.head = this.layer.appendChild(element("svg", { class: "playhead", overflow: "visible" }));
    this.head.append(element("line", { y2: height }), element("path", { d: "M-5 0H5L0 7Z" }));
    this.#listen(seek, drawn);
  }

  show(ms, playing) {
    const share = this.#share(ms);
    this.head.setAttribute("x", `${100 * share}%`);
    this.head.setAttribute("visibility", share < 0 || share > 1 ? "hidden" : "visible");
    const { scroll } = this;
    if (!playing || scroll.scrollWidth <= scroll.clientWidth) return;
    const x = share * this.canvas.getBoundingClientRect().width; // zoomed: keep the playhead in view
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = x - 40;
  }

  /** Show a stretch; returns a function that removes it. */
  stretch(start, end, name) {
    const [from, to] = [this.#share(start), this.#share(end)].map((share) => Math.min(Math.max(0, share), 1));
    const band = element("rect", { class: name, x: `${100 * from}%`, width: `${100 * (to - from)}%`, height: "100%" });
    this.layer.prepend(band);
    return () => band.remove();
  }

  #share(ms) {
    return (ms - this.start) / (this.end - this.start);
  }

  #ms(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = Math.min(Math.max(0, (event.clientX - box.left) / box.width), 1);
    return Math.round(this.start + share * (this.end - this.start));
  }

  #listen(seek, drawn) {
    const { canvas } = this;
    let began = null;
    let clear = () => {};
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.closest("a")) return;
      began = event;
    });
    const moves = (event) => drawn && event.pointerType !== "touch" && Math.abs(event.clientX - began.clientX) > DRAWN_PX;
    window.addEventListener("pointermove", (event) => {
      if (!began || !moves(event)) return;
      clear();
      clear = this.stretch(...[this.#ms(began), this.#ms(event)].sort((a, b) => a - b), "drawn");
    });
    window.addEventListener("pointerup", (event) => {
      if (!began) return;
      if (moves(event)) drawn(...[this.#ms(began), this.#ms(event)].sort((a, b) => a - b));
      else if (canvas.contains(event.target)) seek(this.#ms(event));
      clear();
      began = null;
    });
    window.addEventListener("pointercancel", () => {
      clear();
      began = null;
    });
  }
}
