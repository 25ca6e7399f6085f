// The buttons above the frames, and the list of keys.

import { element } from "./cell.js";

export const TOOLS = ["scroll", "window", "pan", "zoom", "region"];
const ICONS = {
  scroll: "M8 2v12M8 2 5 5M8 2l3 3M8 14l-3-3M8 14l3-3",
  window: "M8 2a6 6 0 1 0 0 12 6 6 0 0 0 0-12M8 2v12M8 5h5M8 8h6M8 11h5",
  pan: "M8 2v12M2 8h12M6.5 3.8 8 2l1.5 1.8M6.5 12.2 8 14l1.5-1.8M3.8 6.5 2 8l1.8 1.5M12.2 6.5 14 8l-1.8 1.5",
  zoom: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5 14 14M5 7h4M7 5v4",
  region: "M2 4V2h2M7 2h2M12 2h2v2M14 7v2M14 12v2h-2M9 14H7M4 14H2v-2M2 9V7",
};
const TOOL_WORDS = {
  scroll: "Scroll slices (S)",
  window: "Window: drag to the side for width, up and down for centre (W)",
  pan: "Move the picture (P)",
  zoom: "Zoom (Z)",
  region: "Mark a region of the query (B)",
};
const LINK_WORDS = {
  position: "linked by position (mm)",
  percent: "linked by % of depth",
  mm: "linked by mm from middle",
  off: "not linked",
};
const MAP_WORDS = { off: "map off", half: "map 50 %", only: "map only" };
export const KEYS = [
  ["Wheel, ↑ ↓, Page Up/Down, Home, End", "slices"],
  ["Right drag, or W and drag, or W and arrows", "window: width to the side, centre up and down"],
  ["Ctrl + wheel, + and −", "zoom"],
  ["Middle drag, Space + drag, or P and arrows", "move the picture"],
  ["Click in three planes", "crosshair: the other planes go to that voxel"],
  ["F or Space, held", "the match in the query's frame"],
  ["S W P Z B", "tool: scroll, window, pan, zoom, region"],
  ["Arrows in the region tool", "move the box; with Shift: its size; Delete: no region"],
  ["[ and ]", "region: first and last slice = the one shown"],
  ["V", "next plane"],
  ["T", "one plane or three"],
  ["L", "how slices are linked"],
  ["M", "map: off, 50 %, only"],
  ["E", "other phase"],
  ["R", "back to the beginning"],
  ["J and K", "next and previous match"],
  ["1 2 3 4", "verdict"],
  ["?", "this list"],
];

function icon(name) {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawn.setAttribute("viewBox", "0 0 16 16");
  drawn.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  drawn.append(path);
  return drawn;
}

export class Toolbar {
  /** @param does what is done on a click: {tool(name), plane(i), ...}, see viewer.js. */
  constructor(does) {
    this.does = does;
    this.root = element("div", { class: "tools", role: "group", "aria-label": "Viewer tools" });
    this.tools = TOOLS.map((name) => {
      const button = this.button("", TOOL_WORDS[name], () => does.tool(name));
      button.append(icon(name));
      return button;
    });
    this.windows = this.select("Window", (value) => does.preset(Number(value)));
    this.planes = element("span", { class: "group", role: "group", "aria-label": "Plane" });
    this.three = this.button("3 planes", "Three planes with a crosshair (T)", does.three);
    this.link = this.select("How slices are linked", does.link);
    this.sameWindow = this.button("window", "The same window on both", does.sameWindow);
    this.sameScale = this.button("scale", "The same mm per pixel on both", does.sameScale);
    this.map = this.select("Map of what speaks for the similarity", does.overlay);
    this.fill(this.map, Object.entries(MAP_WORDS));
    this.phases = element("span", { class: "group", role: "group", "aria-label": "Phase" });
    this.flicker = this.button("flicker", "Show the match in the query's frame while held (F)");
    this.reset = this.button("reset", "Back to the beginning (R)", does.reset);
    this.help = this.button("?", "Keys", does.help);
    const group = (...items) => element("span", { class: "group" }, ...items);
    const same = group(element("span", { class: "words" }, "same "), this.sameWindow, this.sameScale);
    this.root.append(
      group(...this.tools), this.phases, this.planes, this.three, this.windows, this.link,
      same, group(this.flicker, this.reset, this.help),
    );
    this.region = this.regionRow();
  }

  regionRow() {
    this.regionWords = element("span", { class: "words" });
    const number = (name, end) => {
      const input = element("input", { type: "number", min: "1", step: "1", "aria-label": name });
      input.addEventListener("change", () => this.does.slab(end, Number(input.value)));
      return input;
    };
    this.slab = [number("First slice of the region", 0), number("Last slice of the region", 1)];
    this.slabRow = element("label", {}, "slices ", this.slab[0], " to ", this.slab[1]);
    const clear = this.button("no region", "Forget the region (Delete)", this.does.clearRegion);
    const row = element("div", { class: "region" }, this.regionWords, this.slabRow, clear);
    row.hidden = true;
    return row;
  }

  button(text, words, action) {
    const made = element("button", { type: "button", title: words, "aria-label": words });
    if (text) made.append(text);
    if (action) made.addEventListener("click", action);
    return made;
  }

  select(words, action) {
    const made = element("select", { "aria-label": words, title: words });
    made.addEventListener("change", () => action(made.value));
    return made;
  }

  fill(select, options) {
    const said = JSON.stringify(options);
    if (select.said === said) return;
    select.said = said;
    select.replaceChildren(
      ...options.map(([value, words]) => element("option", { value }, words)),
    );
  }

  choices(group, names, action, words) {
    const said = JSON.stringify(names);
    if (group.said !== said) {
      group.said = said;
      group.replaceChildren(...names.map((name, i) => this.button(name, words(name), () => action(i))));
    }
    group.hidden = names.length < 2;
  }

  /** Show a state: what is pressed, chosen and to be had. */
  show(state, offers) {
    const alone = state.layout === "one";
    const press = (button, on) => button.setAttribute("aria-pressed", String(on));
    this.tools.forEach((button, i) => {
      press(button, state.tool === TOOLS[i]);
      button.hidden = (TOOLS[i] === "region" && !offers.region) || (TOOLS[i] === "scroll" && offers.flat);
    });
    this.choices(this.planes, offers.planes, this.does.plane, (name) => `${name} plane`);
    [...this.planes.children].forEach((button, i) => press(button, alone && state.plane === i));
    this.choices(this.phases, offers.phases, this.does.phase, (name) => `phase ${name}`);
    [...this.phases.children].forEach((button, i) => press(button, state.phase === i));
    this.three.hidden = offers.flat;
    press(this.three, state.layout === "three");
    const windows = offers.windows.map((choice, i) => [String(i), choice.name]);
    this.fill(this.windows, [...windows, ["-1", "by hand"]]);
    this.windows.value = String(state.preset);
    this.link.hidden = offers.flat;
    this.fill(this.link, offers.links.map((mode) => [mode, LINK_WORDS[mode]]));
    this.link.value = state.link;
    press(this.sameWindow, state.sameWindow);
    this.sameWindow.title = offers.windowWords;
    this.sameScale.hidden = !offers.scale;
    press(this.sameScale, state.sameScale);
    this.map.value = state.overlay;
    press(this.flicker, state.flicker);
    this.region.hidden = !(offers.region && (state.tool === "region" || state.region));
    this.regionWords.textContent = offers.regionWords;
    this.slabRow.hidden = !offers.slab;
    if (offers.slab) this.slab.forEach((input, end) => {
      input.max = String(offers.slab.count);
      if (input.getRootNode().activeElement !== input) input.value = String(offers.slab.ends[end]);
    });
  }
}

/** The list of keys, as a dialog that Escape closes. */
export function keysDialog() {
  const rows = KEYS.flatMap(([keys, words]) => [element("dt", {}, keys), element("dd", {}, words)]);
  const close = element("button", { type: "button" }, "Close");
  const dialog = element(
    "dialog", { "aria-label": "Keys of the viewer" },
    element("h2", {}, "Keys of the viewer"), element("dl", {}, ...rows), close,
  );
  close.addEventListener("click", () => dialog.close());
  return dialog;
}
