// Asks the server; what goes wrong arrives as an Error whose message can be shown.

const SILENT = "The page's server does not answer. Is it still running?";

export async function ask(path, { method = "GET", json, form } = {}) {
  const options = { method, body: form };
  if (json !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(json);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(SILENT);
  }
  const text = await answer.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    throw new Error(`The server gave an answer that this page does not understand (${answer.status}).`);
  }
  if (!answer.ok) throw new Error(content?.error ?? `The server refused (${answer.status}).`);
  return content;
}

export function form(values) {
  const data = new FormData();
  for (const [key, value] of Object.entries(values)) {
    if (value instanceof File) data.append(key, value, value.name);
    else data.append(key, value);
  }
  return data;
}

export const identify = (file) => ask("/identify?embeddings=true", { method: "POST", form: form({ photograph: file }) });
export const heatmaps = (file) => ask("/detect?heatmaps=true", { method: "POST", form: form({ photograph: file }) });
export const enroll = (file, box, name, force = false) =>
  ask("/enroll", { method: "POST", form: form({ photograph: file, box: box.join(","), name, force }) });
export const thumbnail = (photograph) => `/photographs/${photograph}`;
