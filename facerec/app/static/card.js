// A photograph with its faces: boxes and points over it, and a row for each face.

import { draw, make } from "./dom.js";
import { Row } from "./row.js";

const TALLEST = 24; // rem, of a picture
const FONT = 0.055; // of the photograph's longer side

export class Card {
  constructor(file, result) {
    this.file = file;
    this.result = result;
    this.root = null;
  }

  element() {
    this.url = URL.createObjectURL(this.file);
    const { width, height } = this.result;
    this.overlay = draw("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const image = make("img", { src: this.url, alt: "", loading: "lazy" });
    const frame = make("div", { class: "frame" }, image, this.overlay);
    frame.style.aspectRatio = `${width} / ${height}`; // before the picture is there, too
    frame.style.width = `min(100%, ${(TALLEST * width) / height}rem)`;
    image.addEventListener("error", () => {
      frame.replaceWith(make("p", { class: "note" }, "This browser cannot show the format; the faces were found all the same."));
    });
    this.rows = this.result.faces.map((face, index) => new Row(this, face, index));
    const none = make("p", { class: "quiet" }, "No face was found.");
    this.root = make("li", {}, make("h3", { tabindex: "-1" }, this.file.name), frame, ...(this.rows.length ? this.rows.map((row) => row.root) : [none]));
    this.drawBoxes();
    return this.root;
  }

  refresh() {
    if (!this.root) return;
    this.rows.forEach((row) => row.refresh());
    this.drawBoxes();
  }

  drawBoxes(chosen = null) {
    const { width, height, faces } = this.result;
    const size = FONT * Math.max(width, height);
    this.overlay.replaceChildren(
      ...faces.map((face, index) => {
        const [x, y, w, h] = face.box;
        const points = (face.points ?? []).map(([px, py]) => draw("circle", { cx: px + 0.5, cy: py + 0.5, r: Math.max(w / 40, 1) }));
        const label = draw("text", { x, y: Math.max(y - size / 4, size), "font-size": size });
        label.textContent = face.name ?? (faces.length > 1 ? `${index + 1}` : "");
        const kind = `${face.name === null ? "" : "named"} ${index === chosen ? "chosen" : ""}`;
        return draw("g", { class: kind }, draw("rect", { x, y, width: w, height: h, rx: w / 20 }), ...points, label);
      }),
    );
  }

  forget() {
    if (this.url) URL.revokeObjectURL(this.url);
  }
}

