// Puts the parts together: photographs come in by choosing, dropping or the camera.

import { ask } from "./api.js";
import { openCamera } from "./camera.js";
import "./compare.js";
import { $, counted, make, when } from "./dom.js";
import { droppedFiles } from "./dropped.js";
import "./groups.js";
import { showPeople } from "./people.js";
import { add, forget, setLimits } from "./photographs.js";
import { setNeeded } from "./row.js";

const PERCENTAGES = "A percentage says how many of 100 pairs of faces with such a cosine show one person, where half of all pairs do.";
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

async function showAbout() {
  const about = await ask("/about");
  setLimits(about);
  setNeeded(about.recognisers.map((each) => each.names_above));
  $("meaning").textContent = `${sentence(about.recognisers[0].threshold)} ${PERCENTAGES}`;
  const rows = [["Gallery", `${about.gallery}: ${counted(about.people, "person", "people")}, ${counted(about.photographs, "photograph")}`]];
  about.recognisers.forEach((each, index) => {
    const words = Object.entries(each.description).map(([key, value]) => `${key}: ${value}`);
    rows.push([index ? "Other recogniser" : "Recogniser", words.join(", ")]);
    rows.push([index ? "The other's names" : "Names", sentence(each.threshold)]);
    if (index) rows.push(["It has seen", `${each.compared_with} of ${counted(about.photographs, "photograph")}`]);
  });
  $("about").replaceChildren(...rows.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]));
}

$("files").addEventListener("change", (event) => {
  add([...event.target.files]);
  event.target.value = "";
});
$("forget").addEventListener("click", () => {
  forget();
  $("files").focus();
});
$("camera").addEventListener("click", () => openCamera((file) => add([file])));

let depth = 0;
const over = (inside) => document.body.classList.toggle("over", inside);
addEventListener("dragenter", (event) => {
  event.preventDefault();
  depth += 1;
  over(true);
});
addEventListener("dragleave", () => {
  depth -= 1;
  over(depth > 0);
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  depth = 0;
  over(false);
  add(await droppedFiles(event.dataTransfer));
});

when("people", showPeople);
when("people", showAbout);
Promise.all([showPeople(), showAbout()]).catch((error) => {
  $("status").textContent = error.message;
});
