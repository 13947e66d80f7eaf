// Unknown faces, grouped by who they seem to be; a group is named in one go.

import { ask, enroll } from "./api.js";
import { $, changed, counted, make, when } from "./dom.js";
import { unknownFaces } from "./photographs.js";

when("faces", async () => {
  const faces = unknownFaces();
  const section = $("unknown");
  if (faces.length < 2) {
    section.hidden = true;
    return;
  }
  let found;
  try {
    found = await ask("/groups", { method: "POST", json: { embeddings: faces.map((each) => each.face.embedding) } });
  } catch (error) {
    $("unknown-note").textContent = error.message;
    section.hidden = false;
    return;
  }
  section.hidden = !found.groups.length;
  const grouped = found.groups.reduce((sum, group) => sum + group.length, 0);
  $("unknown-note").textContent =
    `${counted(grouped, "face")} in ${counted(found.groups.length, "group")}` +
    (found.alone.length ? `; ${counted(found.alone.length, "face")} more resemble no other.` : ".") +
    " Take out the faces that do not belong, and name the rest.";
  $("groups").replaceChildren(...found.groups.map((group, index) => panel(group.map((each) => faces[each]), index)));
});

function panel(members, index) {
  const tiles = members.map(({ face, file }) => {
    const box = make("input", { type: "checkbox" });
    box.checked = true;
    return { box, element: make("li", {}, make("label", {}, make("img", { class: "pic", src: face.aligned, alt: `face on ${file.name}` }), box)) };
  });
  const title = `Group ${index + 1}: ${counted(members.length, "face")}`;
  const input = make("input", { list: "names", required: true, maxlength: "200", autocomplete: "off" });
  const button = make("button", { type: "submit" }, "Name them all");
  const said = make("p", { class: "said", role: "status" });
  const submit = async (event) => {
    event.preventDefault();
    const chosen = members.filter((_, place) => tiles[place].box.checked);
    button.disabled = true;
    const problems = [];
    for (const [place, { file, face }] of chosen.entries()) {
      said.textContent = place % 10 ? said.textContent : `Enrolling: ${place} of ${chosen.length}.`;
      await enroll(file, face.box, input.value).catch((error) => problems.push(error.message));
    }
    const done = chosen.length - problems.length;
    button.disabled = false;
    if (done) {
      await changed("people");
      $("people-title").focus();
    }
    const text = [`${counted(done, "face")} enrolled as ${input.value}.`, ...problems].join(" ");
    said.textContent = $("status").textContent = text;
  };
  return make(
    "li",
    {},
    make("h3", {}, title),
    make("ul", { class: "tiles", "aria-label": `faces of group ${index + 1}`, tabindex: "0" }, ...tiles.map((each) => each.element)),
    make("form", { class: "enrol", onsubmit: submit }, make("label", {}, `Name of group ${index + 1}`, input), button),
    said,
  );
}
