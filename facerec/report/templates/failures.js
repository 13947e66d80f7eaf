"use strict";
// Filters the failures by the lists above them, and shows them a page at a time.
(() => {
  const PAGE = 24;
  const form = document.getElementById("filters");
  if (!form) return;
  const cards = [...document.querySelectorAll("#cards > li")];
  const more = document.getElementById("show-more");
  const told = document.getElementById("shown");
  let limit = PAGE;

  function matches({ dataset }) {
    return (
      ["recognizer", "exam", "kind"].every((name) => !form[name].value || dataset[name] === form[name].value) &&
      (!form.group.value || dataset.groups.split(" ").includes(form.group.value))
    );
  }

  function show() {
    const found = cards.filter(matches);
    const visible = new Set(found.slice(0, limit));
    for (const card of cards) card.hidden = !visible.has(card);
    more.hidden = found.length <= limit;
    told.textContent = found.length ? `${visible.size} of ${found.length} matching failures are shown.` : "No failure matches these lists.";
  }

  form.addEventListener("change", () => {
    limit = PAGE;
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const next = cards.filter(matches)[limit];
    limit += PAGE;
    show();
    next.tabIndex = -1;
    next.focus();
  });
  show();
})();
