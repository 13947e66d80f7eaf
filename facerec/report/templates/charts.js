"use strict";
// Draws each chart from the table beside it, in the colours of light or dark mode.
(() => {
  const part = (id) => {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : {};
  };
  const SPECS = part("specs");
  const FACES = part("faces");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // Okabe and Ito's colours, which people with colour blindness can tell apart.
  const LIGHT_COLOURS = ["#0072b2", "#c2500a", "#00785a", "#9c4684", "#8a6500", "#222222", "#5a4fcf"];
  const DARK_COLOURS = ["#56b4e9", "#f0904d", "#33c79a", "#e09bc6", "#e6c229", "#ffffff", "#a79bff"];

  function rowsOf(figure) {
    const table = figure.querySelector("table.numbers");
    const columns = [...table.tHead.rows[0].cells].map((cell) => ({
      name: cell.textContent,
      isNumber: cell.hasAttribute("data-number"),
    }));
    return [...table.tBodies[0].rows].map((row) => {
      const values = {};
      columns.forEach(({ name, isNumber }, index) => {
        const text = row.cells[index].textContent;
        values[name] = !isNumber ? text : text === "" ? null : Number(text);
      });
      return values;
    });
  }

  function config() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const text = { labelColor: colour("--text"), titleColor: colour("--text"), labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
    const colours = dark.matches ? DARK_COLOURS : LIGHT_COLOURS;
    return {
      aria: false, // the figure's caption and table tell it
      background: "transparent",
      font: style.getPropertyValue("font-family"),
      axis: { ...text, gridColor: colour("--line"), domainColor: colour("--quiet"), tickColor: colour("--quiet"), labelLimit: 190, labelOverlap: true },
      legend: { ...text, orient: "bottom", direction: "horizontal", labelLimit: 260, symbolLimit: 60, symbolBaseFillColor: colour("--text"), symbolBaseStrokeColor: colour("--text") },
      header: { ...text },
      view: { stroke: colour("--line") },
      mark: { color: colours[0] },
      text: { color: colour("--text") },
      rule: { color: colour("--text") },
      range: { category: colours },
    };
  }

  // Legends wrap and facets shrink or stack where the page is narrow.
  function fitted(spec, width, rows) {
    spec = structuredClone(spec);
    const isNarrow = width < 640;
    const room = (columns) => Math.max(Math.floor((width - 30) / columns - 62), 120);
    const names = spec.encoding?.y?.type === "nominal" || spec.spec?.encoding?.y?.type === "nominal";
    const labels = isNarrow ? 130 : 190;
    let inner = spec;
    if (spec.facet) {
      inner = spec.spec;
      const byColumn = spec.facet.column && (isNarrow ? ((spec.facet.row = spec.facet.column), delete spec.facet.column, false) : true);
      if (spec.columns) spec.columns = Math.min(spec.columns, width < 480 ? 1 : width < 800 ? 2 : spec.columns);
      const columns = spec.columns || (byColumn ? 2 : 1);
      inner.width = names ? Math.floor((width - labels - 60) / columns - 20) : room(columns) - (spec.facet.row ? 30 : 0);
    } else if (spec.encoding?.row) {
      spec.width = room(1) - 30;
    } else {
      spec.width = width - 4;
      spec.autosize = { type: names ? "fit-x" : "fit", contains: "padding" };
    }
    rowHeaders(spec);
    wrapTitles(inner, Math.max(Math.floor(width / 8.5), 24));
    if (isNarrow && typeof inner.height === "number") inner.height = Math.min(inner.height, 300);
    legends(spec, width / legendCount(spec), rows);
    return spec;
  }

  // A row's name stands above it, where it takes no width.
  function rowHeaders(spec) {
    const row = spec.facet?.row || spec.encoding?.row;
    if (!row) return;
    const before = row.title ? `'${row.title}: ' + ` : "";
    row.header = { labelOrient: "top", labelAngle: 0, labelAnchor: "start", labelFontWeight: 600, labelExpr: `${before}(datum.label)`, title: null };
  }

  function wrapTitles(node, most) {
    const x = node.encoding?.x;
    if (typeof x?.title === "string" && x.title.length > most) {
      x.title = x.title.split(" ").reduce((lines, word) => {
        const longer = `${lines.at(-1)} ${word}`.trim();
        return longer.length > most ? [...lines, word] : [...lines.slice(0, -1), longer];
      }, [""]);
    }
    for (const child of node.layer || []) wrapTitles(child, most);
  }

  const LEGENDS = ["color", "shape", "strokeDash"];

  // Legends stand beside one another.
  function legendCount(node) {
    const own = LEGENDS.filter((channel) => node.encoding?.[channel]?.field).length;
    const inner = [node.spec, ...(node.layer || [])].filter(Boolean).map(legendCount);
    return Math.max(own + Math.max(0, ...inner), 1);
  }

  function legends(node, width, rows) {
    if (!node || typeof node !== "object") return;
    for (const channel of LEGENDS) {
      const encoding = node.encoding?.[channel];
      if (!encoding?.field || encoding.legend === null) continue;
      const longest = Math.max(0, ...rows.map((row) => String(row[encoding.field] ?? "").length));
      const columns = Math.max(Math.floor((width - 60) / (7 * longest + 34)), 1);
      encoding.legend = { columns: Math.min(columns, 8), ...encoding.legend };
    }
    for (const child of [node.spec, ...(node.layer || [])]) legends(child, width, rows);
  }

  const tip = document.getElementById("tip");

  // Only text and classes that this page made are put into the tip, never HTML.
  function showTip(name, event, value) {
    if (value === null || value === undefined || value === "") {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren();
    const face = FACES[name]?.[value.image_id];
    if (face) {
      const picture = document.createElement("span");
      picture.className = `face ${face}`;
      tip.append(picture);
    }
    const list = document.createElement("dl");
    for (const [key, text] of Object.entries(typeof value === "object" ? value : { value })) {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = key;
      dd.textContent = text;
      list.append(dt, dd);
    }
    tip.append(list);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(Math.min(event.clientX + 14, innerWidth - box.width - 8), 4)}px`;
    tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? Math.max(event.clientY - box.height - 10, 4) : event.clientY + 18}px`;
  }

  const drawn = new Map(); // by element: its view and the width that it was drawn for

  async function draw(element, force = false) {
    const width = Math.floor(element.clientWidth);
    const before = drawn.get(element);
    if (!width || (before && before.width === width && !force)) return;
    drawn.set(element, { width });
    const name = element.dataset.chart;
    const values = rowsOf(element.closest("figure"));
    const spec = fitted(SPECS[name], width, values);
    spec.data = { values };
    const result = await vegaEmbed(element, spec, {
      mode: "vega-lite",
      actions: false,
      renderer: "svg",
      ast: true, // no eval, which the page's policy forbids
      config: config(),
      tooltip: (_, event, __, value) => showTip(name, event, value),
    });
    before?.result?.finalize();
    element.querySelector("svg").setAttribute("aria-hidden", "true"); // the figure tells it
    drawn.set(element, { width, result });
  }

  async function drawAll(force = false) {
    for (const element of document.querySelectorAll(".chart")) await draw(element, force);
    document.documentElement.dataset.charts = "drawn";
  }

  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(drawAll, 150);
  });
  addEventListener("scroll", () => (tip.hidden = true), { passive: true });
  dark.addEventListener("change", () => drawAll(true));
  for (const details of document.querySelectorAll("details.more")) {
    details.addEventListener("toggle", () => details.open && details.querySelectorAll(".chart").forEach((each) => draw(each)));
  }
  if (tip) drawAll();
})();
