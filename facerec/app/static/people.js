// The people of the gallery: find, rename, merge, remove.

import { ask, thumbnail } from "./api.js";
import { $, changed, confirmed, counted, make } from "./dom.js";

let people = [];
let asked = 0;

export async function showPeople() {
  const query = $("query").value;
  const number = ++asked;
  const found = await ask(`/people?query=${encodeURIComponent(query)}`);
  if (number !== asked) return; // a later question was answered first
  people = found.people;
  const opened = new Set([...$("people").querySelectorAll("details[open]")].map((each) => each.dataset.person));
  $("people").replaceChildren(...people.map((each) => panel(each, opened.has(String(each.person)))));
  if (!query) $("names").replaceChildren(...people.map((each) => make("option", { value: each.name })));
  $("filter").hidden = found.total < 2;
  const all = counted(found.total, "person", "people");
  $("people-note").textContent = !found.total
    ? "Nobody is enrolled yet: give a face above a name."
    : people.length < found.total
      ? `${people.length} of ${all}.`
      : `${all}.`;
}

$("query").addEventListener("input", () => showPeople().catch((error) => ($("people-note").textContent = error.message)));

function panel(person, isOpen) {
  const said = make("p", { class: "said", role: "status" });
  const details = make("details", { "data-person": person.person, open: isOpen });
  const work = (action, text) => act(action, text, said);
  const removeButton = make("button", { type: "button", onclick: () => remove(person, work) }, `Remove ${person.name}`);
  details.append(make("summary", {}, "Change", make("span", { class: "visually-hidden" }, ` ${person.name}`)));
  details.addEventListener("toggle", () => {
    if (details.childElementCount > 1) return;
    details.append(renameForm(person, work), mergeForm(person, work), photographs(person, work), make("p", {}, removeButton), said);
  });
  return make(
    "li",
    {},
    make(
      "div",
      { class: "top" },
      make("img", { class: "pic", src: thumbnail(person.photographs[0]), alt: "", loading: "lazy" }),
      make("div", {}, make("h3", {}, person.name), make("span", { class: "quiet" }, counted(person.photographs.length, "photograph"))),
    ),
    details,
  );
}

async function act(action, text, said) {
  try {
    await action();
  } catch (error) {
    said.textContent = error.message;
    return;
  }
  $("people-title").focus();
  await changed("people");
  $("status").textContent = text;
}

function renameForm(person, work) {
  const input = make("input", { required: true, maxlength: "200", autocomplete: "off", value: person.name });
  const submit = (event) => {
    event.preventDefault();
    const name = input.value;
    work(() => ask(`/people/${person.person}`, { method: "PATCH", json: { name } }), `${person.name} is now called ${name}.`);
  };
  return make("form", { class: "enrol", onsubmit: submit }, make("label", {}, `New name of ${person.name}`, input), make("button", { type: "submit" }, "Rename"));
}

function mergeForm(person, work) {
  const others = people.filter((each) => each.person !== person.person);
  if (!others.length) return "";
  const select = make("select", {}, ...others.map((each) => make("option", { value: each.person }, each.name)));
  const submit = async (event) => {
    event.preventDefault();
    const into = others.find((each) => String(each.person) === select.value);
    if (!(await confirmed(`Make ${person.name} and ${into.name} one person, called ${into.name}? This cannot be undone.`, "Merge"))) return;
    work(() => ask(`/people/${person.person}/merge`, { method: "POST", json: { person: into.person } }), `${person.name} is now part of ${into.name}.`);
  };
  return make("form", { class: "enrol", onsubmit: submit }, make("label", {}, `${person.name} is the same person as`, select), make("button", { type: "submit" }, "Merge"));
}

function photographs(person, work) {
  const tiles = person.photographs.map((number, index) => {
    const drop = async () => {
      const last = person.photographs.length === 1 ? ` It is the last one: ${person.name} is removed with it.` : "";
      if (!(await confirmed(`Remove this photograph of ${person.name}?${last}`, "Remove"))) return;
      work(() => ask(`/photographs/${number}`, { method: "DELETE" }), `A photograph of ${person.name} was removed.`);
    };
    const label = `Remove photograph ${index + 1} of ${person.name}`;
    return make("li", {}, make("img", { class: "pic", src: thumbnail(number), alt: "", loading: "lazy" }), make("button", { type: "button", "aria-label": label, onclick: drop }, "Remove"));
  });
  return make("ul", { class: "tiles", "aria-label": `photographs of ${person.name}`, tabindex: "0" }, ...tiles);
}

async function remove(person, work) {
  const text = `Remove ${person.name} with ${counted(person.photographs.length, "photograph")}? This cannot be undone.`;
  if (!(await confirmed(text, "Remove"))) return;
  work(() => ask(`/people/${person.person}`, { method: "DELETE" }), `${person.name} was removed.`);
}
