// One face of a photograph: who it is, the candidates, how it was found, and a form to enrol it.

import { enroll, heatmaps, thumbnail } from "./api.js";
import { changed, confirmed, likeness, make, percent } from "./dom.js";

const POINTS = ["left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth"];

let needed = []; // the cosine above which each recogniser names a face

export const setNeeded = (cosines) => (needed = cosines);

export class Row {
  constructor(card, face, index) {
    [this.card, this.face, this.index] = [card, face, index];
    this.who = make("p", { class: "who" });
    this.opinions = make("div", { class: "opinions" });
    this.said = make("p", { class: "said", role: "status" });
    const number = card.result.faces.length > 1 ? `face ${index + 1}` : "the face";
    this.number = number;
    this.root = make(
      "div",
      { class: "found", role: "group", "aria-label": number, onmouseenter: () => card.drawBoxes(index), onmouseleave: () => card.drawBoxes() },
      make("img", { class: "pic", src: face.aligned, alt: `${number}, aligned` }),
      make("div", {}, this.who, face.usable ? this.enrolForm() : make("p", { class: "quiet" }, "It could not be aligned, so nobody can be recognised by it.")),
      make("div", { class: "rest" }, this.said, this.candidates(), this.how()),
    );
    this.refresh();
  }

  refresh() {
    const { name, candidates, other } = this.face;
    const sure = name === null ? "" : ` ${likeness(candidates[0])}`;
    const prefix = this.card.result.faces.length > 1 ? make("span", { class: "quiet" }, `${this.index + 1} `) : "";
    this.who.replaceChildren(prefix, name ?? "unknown", make("span", { class: "quiet figure" }, sure));
    this.opinions.replaceChildren(opinion(other ? "This gallery's recogniser" : null, name, candidates, needed[0]));
    if (other) this.opinions.append(opinion(other.recogniser, other.name, other.candidates, needed[1], other));
    this.details.hidden = !candidates.length && !other;
    if (this.input && !this.input.value && name !== null) this.input.value = name;
  }

  enrolForm() {
    this.input = make("input", { list: "names", required: true, maxlength: "200", autocomplete: "off" });
    const button = make("button", { type: "submit" }, "Enrol");
    return make(
      "form",
      {
        class: "enrol",
        onsubmit: async (event) => {
          event.preventDefault();
          button.disabled = true;
          await this.enrol(this.input.value);
          button.disabled = false;
          button.focus();
        },
      },
      make("label", {}, `Name of ${this.number}`, this.input),
      button,
    );
  }

  async enrol(name) {
    try {
      const done = await this.send(name, false);
      if (!done) return;
      await changed("people");
      this.said.textContent = done.is_new ? `Enrolled as ${done.name}.` : `${done.name} has this photograph already.`;
    } catch (error) {
      this.said.textContent = error.message;
    }
  }

  async send(name, force) {
    try {
      return await enroll(this.card.file, this.face.box, name, force);
    } catch (error) {
      if (force || !error.message.includes("is enrolled as")) throw error;
      const text = `${error.message.split(";")[0]}. Enrol it as ${name} as well?`;
      return (await confirmed(text, "Enrol")) ? this.send(name, true) : null;
    }
  }

  candidates() {
    this.details = make("details", {}, make("summary", {}, "Candidates"), this.opinions);
    return this.details;
  }

  how() {
    const content = make("div");
    const box = this.face.box.map((each) => Math.round(each)).join(", ");
    const details = make("details", {}, make("summary", {}, "How it was found"), content);
    details.addEventListener("toggle", async () => {
      if (!details.open || content.childElementCount) return;
      content.append(make("p", { class: "note" }, `Box ${box} px; the detector's score ${this.face.score.toFixed(2)}, the points' ${this.face.confidence.toFixed(2)}.`));
      try {
        const found = await heatmaps(this.card.file);
        const pictures = found.faces[this.index]?.heatmaps ?? [];
        content.append(
          pictures.length
            ? make("ul", { class: "heatmaps" }, ...pictures.map((src, point) => make("li", {}, make("img", { src, alt: `where the hourglass saw the ${POINTS[point]}` }), POINTS[point])))
            : make("p", { class: "note" }, "No heatmaps: the points are those of the detector, or there is no models/hourglass.onnx."),
        );
      } catch (error) {
        content.append(make("p", { class: "note" }, error.message));
      }
    });
    return details;
  }
}

function opinion(title, name, candidates, needs, other = null) {
  const rows = candidates.map((each) =>
    make(
      "li",
      {},
      make("img", { class: "pic", src: thumbnail(each.photograph), alt: "", loading: "lazy" }),
      make("div", {}, each.name, " ", make("span", { class: "quiet figure" }, details(each)), bar(each, needs)),
    ),
  );
  const verdict = other && !other.names ? "no threshold was measured" : (name ?? "unknown");
  const heading = title === null ? null : make("h4", {}, `${title}: ${verdict}`);
  const seen = other && other.compared_with < other.photographs ? make("p", { class: "note" }, `It has seen ${other.compared_with} of the gallery's ${other.photographs} photographs.`) : null;
  return make("div", {}, heading, rows.length ? make("ol", { class: "candidates" }, ...rows) : make("p", { class: "quiet" }, "Nobody to compare with."), seen);
}

// The percentage of a pair is never alone: beside "unknown" it would read as that of the name.
function details({ cosine, probability }) {
  return `cosine ${cosine.toFixed(3)}` + (probability === null ? "" : `, as a pair ${percent(probability)}`);
}

// The cosine, with a mark where names begin.
function bar({ cosine }, needs) {
  const inner = make("span");
  inner.style.width = `${100 * Math.max(cosine, 0)}%`;
  const outer = make("span", { class: "bar", "aria-hidden": "true" }, inner);
  if (needs > 0) {
    const mark = make("i");
    mark.style.left = `${100 * needs}%`;
    outer.append(mark);
  }
  return outer;
}
