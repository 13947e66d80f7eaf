// The photographs that were handed in: a few are looked at at once, each becomes a card.

import { ask, identify } from "./api.js";
import { Card } from "./card.js";
import { $, changed, counted, make, when } from "./dom.js";

const AT_ONCE = 4; // requests
const SHOWN = 24; // cards at first, and more at each press of the button

const seen = []; // {file, result, card}
let waiting = [];
let working = 0;
let handedIn = 0;
let failed = 0;
let shown = SHOWN;
let limits = { max_bytes: Infinity };
let generation = 0; // photographs that were forgotten meanwhile are not shown

export const setLimits = (values) => (limits = values);

export const unknownFaces = () =>
  seen.flatMap((photo) =>
    photo.result.faces.filter((face) => face.name === null && face.embedding).map((face) => ({ file: photo.file, face })),
  );

export function add(files) {
  if (!files.length) return;
  if (!working && !waiting.length) handedIn = failed = 0;
  handedIn += files.length;
  waiting.push(...files);
  $("forget").hidden = false;
  while (working < Math.min(AT_ONCE, waiting.length + working) && waiting.length) work();
  report();
}

async function work() {
  working += 1;
  const current = generation;
  while (waiting.length && current === generation) {
    const file = waiting.shift();
    try {
      if (file.size > limits.max_bytes) throw new Error(`${file.name}: larger than ${Math.round(limits.max_bytes / 2 ** 20)} MiB`);
      const result = await identify(file);
      if (current === generation) show({ file, result });
    } catch (error) {
      if (current === generation) refuse(file, error);
    }
    if (current === generation) report();
  }
  if (current !== generation) return;
  working -= 1;
  report();
  if (!working) await changed("faces");
}

function show(photo) {
  photo.card = new Card(photo.file, photo.result);
  seen.push(photo);
  $("meaning").hidden = false;
  showCards();
}

function showCards() {
  const list = $("cards");
  for (const photo of seen.slice(list.children.length, shown)) list.append(photo.card.element());
  $("more").hidden = seen.length <= shown;
  $("more").textContent = `Show more (${seen.length - shown} left)`;
}

function refuse(file, error) {
  failed += 1;
  $("problems").hidden = false;
  const text = error.message.startsWith(file.name) ? error.message : `${file.name}: ${error.message}`;
  $("problems").querySelector("ul").append(make("li", {}, text));
}

function report() {
  const done = handedIn - waiting.length - working;
  const faces = seen.reduce((sum, photo) => sum + photo.result.faces.length, 0);
  const unknown = unknownFaces().length;
  const parts = [`${counted(faces, "face")}${faces ? `, ${unknown} unknown` : ""}`];
  if (failed) parts.push(`${counted(failed, "photograph")} could not be looked at`);
  const busy = working > 0;
  const progress = $("progress");
  progress.hidden = !busy;
  [progress.max, progress.value] = [handedIn, done];
  if (!busy) $("status").textContent = `Looked at ${counted(handedIn, "photograph")}: ${parts.join("; ")}.`;
  else if (done % 20 === 0) $("status").textContent = `Looking: ${done} of ${handedIn} done.`; // not read out for each
}

export function forget() {
  generation += 1;
  for (const photo of seen) photo.card.forget();
  seen.length = 0;
  waiting = [];
  [working, handedIn, failed, shown] = [0, 0, 0, SHOWN];
  $("cards").replaceChildren();
  $("problems").hidden = true;
  $("problems").querySelector("ul").replaceChildren();
  for (const id of ["more", "forget", "progress", "meaning"]) $(id).hidden = true;
  $("status").textContent = "The photographs are forgotten.";
  changed("faces");
}

$("more").addEventListener("click", () => {
  const first = $("cards").children.length;
  shown += SHOWN;
  showCards();
  $("cards").children[first]?.querySelector("h3").focus();
});

// Somebody was enrolled, renamed or removed: the names of all faces are asked for again.
when("people", async () => {
  const faces = seen.flatMap((photo) => photo.result.faces).filter((face) => face.embedding);
  if (!faces.length) return;
  const answers = await ask("/names", { method: "POST", json: { embeddings: faces.map((face) => face.embedding) } });
  faces.forEach((face, index) => Object.assign(face, answers.faces[index]));
  for (const photo of seen) photo.card.refresh();
  await changed("faces");
});
