// Whether two photographs show one person.

import { ask, form } from "./api.js";
import { $, likeness, make } from "./dom.js";

const WORDS = new Map([[true, "One person."], [false, "Two different people."], [null, "No threshold was measured, so nobody can say."]]);

function sentence(each, isOnly) {
  const what = each.probability === null ? likeness(each) : `probability of one person: ${likeness(each)}`;
  return make("p", {}, isOnly ? "" : `${each.recogniser}: `, make("strong", {}, WORDS.get(each.same)), ` (${what}; cosine ${each.cosine.toFixed(3)})`);
}

$("compare").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = event.target.elements;
  const button = event.submitter ?? event.target.querySelector("button");
  button.disabled = true;
  try {
    const found = await ask("/verify", { method: "POST", form: form({ first: fields.first.files[0], second: fields.second.files[0] }) });
    $("verdict").replaceChildren(
      ...found.judgements.map((each) => sentence(each, found.judgements.length === 1)),
      make("p", { class: "choices" }, ...found.faces.map((face, index) => make("img", { class: "pic", src: face.aligned, alt: `${index ? "second" : "first"} face, aligned` }))),
    );
  } catch (error) {
    $("verdict").replaceChildren(make("p", { class: "warning" }, error.message));
  } finally {
    button.disabled = false;
    button.focus();
  }
});
