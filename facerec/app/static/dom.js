// Small parts that every other file uses. Text is only ever set as text, never as HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((each) => each !== null));
  return element;
}

export function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export const percent = (value) =>
  value > 0.995 ? "over 99 %" : value < 0.01 ? "under 1 %" : `${Math.round(100 * value)} %`;

export const likeness = (each) =>
  each.probability === null ? `cosine ${each.cosine.toFixed(2)}` : percent(each.probability);

export const counted = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

let names = 0;
export const newId = () => `id${++names}`;

// Changes and the parts of the page that must know of them.
const listeners = { people: [], faces: [] };
export const when = (what, listener) => listeners[what].push(listener);
export const changed = async (what) => {
  for (const listener of listeners[what]) await listener();
};

let answer = () => {}; // of the question that is open

$("ask").addEventListener("close", ({ target }) => {
  // The event of an earlier question may come when the next one is already open.
  if (!target.open) answer(target.returnValue === "yes");
});

export function confirmed(text, yes) {
  answer(false);
  const dialog = $("ask");
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    answer = resolve;
  });
}
