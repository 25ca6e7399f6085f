// Query and match side by side. The default export is what Streamlit calls, at first and whenever
// Python's data change; everything in between happens here, and Python hears settled values only.

import { Cell, element } from "./cell.js";
import * as place from "./geometry.js";
import * as grey from "./grey.js";
import { keyDown, listen } from "./gestures.js";
import { keysDialog, Toolbar } from "./toolbar.js";
import { volumes } from "./volumes.js";

const REST = 250; // ms without a change after which Python hears of a region
const SIDES = ["query", "match"];
const OVERLAYS = ["off", "half", "only"];

export class Viewer {
  constructor(root) {
    this.root = element("div", { class: "viewer" });
    const ask = (name) => (...given) => this[name](...given);
    const names = ["tool", "preset", "plane", "three", "link", "sameWindow", "sameScale", "overlay",
      "phase", "reset", "help", "slab", "clearRegion"];
    this.toolbar = new Toolbar(Object.fromEntries(names.map((name) => [name, ask(name)])));
    this.cells = SIDES.flatMap((side) => [0, 1, 2].map((number) => new Cell(side, number)));
    this.frames = element("div", { class: "frames one" }, ...this.cells.map((cell) => cell.root));
    this.colours = element("span", {}, element("i"),
      "orange, solid line: speaks for the similarity", element("i", { class: "against" }),
      "blue, dashed line: speaks against it");
    this.legend = element("div", { class: "legend" }, this.toolbar.map, this.colours);
    this.said = element("div", { class: "said", role: "status" });
    this.keys = keysDialog();
    const below = element("div", { class: "below" }, this.toolbar.region, this.legend);
    this.root.append(this.toolbar.root, this.frames, below, this.said, this.keys);
    root.append(this.root);
    this.active = this.cells[0];
    this.loaded = new Map(); // id -> {voxels} or {share} or {error}
    this.drawn = 0; // number of frames drawn, for those who measure
    for (const cell of this.cells) listen(this, cell);
    this.hearKeys();
    this.hearFlickerButton();
    this.observer = new ResizeObserver(() => {
      this.measured = null;
      this.change();
    });
    this.observer.observe(this.frames);
  }

  hearKeys() {
    this.root.addEventListener("keydown", (event) => {
      if (keyDown(this, event)) event.preventDefault();
      if (!event.target.closest("dialog")) event.stopPropagation(); // R would run the page again
    });
    this.root.addEventListener("keyup", (event) => {
      if (event.key === " " || event.key.toLowerCase() === "f") this.stopFlicker();
    });
    this.root.addEventListener("focusout", (event) => {
      if (!this.root.contains(event.relatedTarget)) this.stopFlicker();
    });
  }

  hearFlickerButton() {
    const { flicker } = this.toolbar;
    flicker.addEventListener("pointerdown", () => this.startFlicker());
    for (const end of ["pointerup", "pointerleave"]) {
      flicker.addEventListener(end, () => this.stopFlicker());
    }
    flicker.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") this.startFlicker();
    });
    flicker.addEventListener("keyup", () => this.stopFlicker());
  }

  // -- what Python says --------------------------------------------------------------------------

  /** Take Python's data; a new match leaves everything of the query as it is. */
  update({ data, setStateValue, setTriggerValue }) {
    const names = (panes) => (panes ?? []).map((pane) => pane.id).join();
    const newQuery = names(this.data?.query) !== names(data.query);
    const newMatch = names(this.data?.match) !== names(data.match);
    this.data = data;
    this.tell = setStateValue;
    this.trigger = setTriggerValue;
    if (newQuery) {
      this.begin(0);
      this.settle();
    } else if (newMatch) this.meetMatch();
    this.load();
    this.change();
  }

  /** A query seen for the first time. */
  begin(phase) {
    this.state = { phase };
    const choices = this.choices();
    this.state = {
      phase, layout: "one", plane: 0, preset: 0,
      tool: this.pane("query").volume.dims === 3 ? "scroll" : "window",
      link: "percent", sameWindow: true, sameScale: true, overlay: "half", flicker: false,
      voxel: {}, zoom: { query: 1, match: 1 }, pan: { query: {}, match: {} },
      rule: { query: choices[0].query, match: choices[0].match }, region: null,
    };
    [this.state.link] = this.links();
    this.state.voxel = { query: this.middle("query"), match: this.middle("match") };
    this.follow("query");
  }

  meetMatch() {
    const { state } = this;
    const choices = this.choices();
    if (state.preset >= 0) {
      state.preset = Math.min(state.preset, choices.length - 1);
      this.takePreset();
    } else if (state.sameWindow) {
      this.setWindow("query", this.windowOf("query"));
    }
    if (!this.links().includes(state.link)) [state.link] = this.links();
    state.plane = Math.min(state.plane, this.pairs().length - 1);
    state.voxel.match = this.middle("match");
    this.follow("query");
  }

  load() {
    const { data } = this;
    const order = [this.state.phase, ...data.phases.keys()];
    const panes = order.flatMap((phase) => SIDES.map((side) => data[side][phase]));
    for (const pane of [...panes, ...panes.map((one) => one.overlay).filter(Boolean)]) {
      const known = this.loaded.get(pane.id);
      if (known && !known.error) continue;
      const entry = { share: 0 };
      this.loaded.set(pane.id, entry);
      volumes
        .get(pane, data.route, (share) => {
          entry.share = share;
          this.change();
        })
        .then((voxels) => { entry.voxels = voxels; }, (error) => { entry.error = error.message; })
        .then(() => this.change());
    }
    const shown = new Set(panes.flatMap((pane) => [pane.id, pane.overlay?.id]));
    for (const id of this.loaded.keys()) if (!shown.has(id)) this.loaded.delete(id);
  }

  // -- what follows from data and state ----------------------------------------------------------

  pane(side) { return this.data[side][this.state.phase]; }

  volumesNow() { return [this.pane("query").volume, this.pane("match").volume]; }

  pairs() { return place.planePairs(...this.volumesNow()); }

  choices() { return grey.windowChoices(...this.volumesNow()); }

  links() {
    return place.linkModes(...this.volumesNow(), this.data.shared[this.state.phase]);
  }

  flat() { return this.pane("query").volume.dims === 2; }

  relative() { return !this.volumesNow().every((volume) => volume.unit === "HU"); }

  middle(side) { return this.pane(side).volume.shape.map((count) => (count - 1) >> 1); }

  shownCells() {
    const { layout, plane } = this.state;
    const count = this.pairs().length;
    return this.cells.filter((cell) => (
      layout === "three" ? cell.number < count : cell.number === plane
    ));
  }

  planeOf(cell, side = cell.side) { return this.pairs()[cell.number][side]; }

  other(side) { return side === "query" ? "match" : "query"; }

  /** Let the other side follow a voxel of this one, as far as they are linked. */
  follow(side) {
    const { state } = this;
    const other = this.other(side);
    const before = state.voxel[other];
    state.voxel[other] = place.linkedVoxel(
      state.voxel[side], side, ...this.volumesNow(), this.pairs(), state.link, before,
    );
  }

  /** Pixels per mm of each side before zooming. */
  fits() {
    const cells = this.shownCells();
    const slices = (side) => cells.filter((cell) => cell.side === side).map((cell) => ({
      size: place.sliceSize(this.pane(side).volume, this.planeOf(cell)), box: cell.box,
    }));
    if (this.state.sameScale && this.scalesKnown()) {
      const fit = place.fitScale([...slices("query"), ...slices("match")]);
      return { query: fit, match: fit };
    }
    return { query: place.fitScale(slices("query")), match: place.fitScale(slices("match")) };
  }

  scalesKnown() { return this.volumesNow().every((volume) => volume.spacing !== null); }

  scale(side) { return this.fit[side] * this.state.zoom[side]; }

  pan(cell, side = cell.side) { return this.state.pan[side][cell.number] ?? [0, 0]; }

  // -- drawing -----------------------------------------------------------------------------------

  /** Something changed: draw with the browser's next frame, once. */
  change() {
    if (this.asked || !this.data) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      if (this.root.isConnected) this.draw();
    });
  }

  draw() {
    const { state } = this;
    const shown = new Set(this.shownCells());
    this.frames.className = `frames ${state.layout}`;
    for (const cell of this.cells) {
      cell.root.hidden = !shown.has(cell);
      cell.root.classList.toggle("first", cell.number === 0);
    }
    // Asking for sizes makes the browser lay out the page: only where they may have changed.
    const laid = `${state.layout} ${state.plane} ${window.devicePixelRatio}`;
    if (this.measured !== laid) for (const cell of shown) cell.measure();
    this.measured = laid;
    if ([...shown].some(({ box }) => box.width < 2 || box.height < 2)) return;
    this.fit = this.fits();
    for (const cell of shown) this.drawCell(cell);
    this.toolbar.show(state, this.offers());
    this.legend.hidden = !this.hasMap();
    this.colours.hidden = state.overlay === "off";
    this.drawn += 1;
    this.describe();
  }

  drawCell(cell) {
    const { state } = this;
    const flicker = state.flicker && cell.side === "query";
    const side = flicker ? "match" : cell.side;
    const pane = this.pane(side);
    const entry = this.loaded.get(pane.id) ?? { share: 0 };
    const name = side === "query" ? "Query" : "Match";
    const title = `${name}${pane.title ? `: ${pane.title}` : ""}`;
    const label = `${title}, ${this.pairs()[cell.number].name}`;
    if (cell.root.getAttribute("aria-label") !== label) cell.root.setAttribute("aria-label", label);
    if (!entry.voxels) {
      const sentence = entry.error
        ? `This picture cannot be shown: ${entry.error}.`
        : `Loading … ${Math.round(100 * entry.share)} %`;
      cell.drawNothing(title, sentence);
      return;
    }
    cell.draw({
      pane, title, voxels: entry.voxels, name: this.pairs()[cell.number].name,
      map: (pane.overlay && this.loaded.get(pane.overlay.id)?.voxels) ?? null,
      plane: this.planeOf(cell, side), voxel: state.voxel[side],
      how: grey.resolved(state.rule[side], pane.volume),
      scale: this.scale(side), pan: this.pan(cell, side), overlay: state.overlay,
      crosshair: state.layout === "three", region: side === "query" ? state.region : null,
    });
  }

  hasMap() { return SIDES.some((side) => this.pane(side).overlay); }

  offers() {
    const { state } = this;
    const { volume } = this.pane("query");
    const plane = this.pairs()[this.active.number]?.query ?? this.pairs()[0].query;
    const { region } = state;
    const count = volume.shape[plane.axis];
    const ends = (region ?? [])[plane.axis] ?? [0, count];
    const shown = [ends[0], ends[1] - 1].map((i) => place.turned(i, count, plane.flip_slices) + 1);
    const extent = region?.map(([low, high]) => high - low).slice(0, volume.dims).join(" × ");
    return {
      flat: this.flat(), planes: this.pairs().map((pair) => pair.name),
      phases: this.data.phases.length > 1 ? this.data.phases : [], windows: this.choices(),
      links: this.links(), scale: this.scalesKnown(),
      region: this.data.pick_region,
      regionWords: region ? `Region of the query: ${extent} voxels` : "Draw a box on the query",
      slab: volume.dims === 3 ? { count, ends: shown.sort((a, b) => a - b) } : null,
      windowWords: this.relative()
        ? "The same part of each scan's greys on both (1 to 99 %)"
        : "The same values (HU) on both",
    };
  }

  /** For those who do not see the pictures: what is shown, once it rests. */
  describe() {
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => {
      const { place: where, window } = this.active.texts;
      const text = [where, window].map((one) => one.textContent.split("\n")[0]).join(", ");
      if (this.said.textContent !== text) this.said.textContent = text;
    }, 600);
  }

  // -- what gestures, keys and buttons ask for ---------------------------------------------------

  activate(cell) {
    if (this.active === cell) return;
    this.active = cell;
    this.change();
  }

  read(cell, at) {
    const voxel = at && this.voxelUnder(cell, at);
    cell.readout = voxel && cell.shown ? cell.wordsAt(voxel) : "";
    this.change();
  }

  /** The stored voxel under a point of a cell, or null. */
  voxelUnder(cell, [x, y]) {
    if (!cell.frame) return null;
    const found = place.pixelUnder(cell.size, cell.frame, x, y);
    if (!found) return null;
    const { pane, plane, voxel } = cell.shown;
    return place.voxelAt(pane.volume, plane, voxel, found.column, found.row);
  }

  scroll(cell, steps) {
    const { volume } = this.pane(cell.side);
    const plane = this.planeOf(cell);
    const count = volume.shape[plane.axis];
    const voxel = [...this.state.voxel[cell.side]];
    const position = place.turned(voxel[plane.axis], count, plane.flip_slices);
    const wanted = place.clamp(position + steps, 0, count - 1);
    voxel[plane.axis] = place.turned(wanted, count, plane.flip_slices);
    this.go(cell.side, voxel);
  }

  go(side, voxel) {
    this.state.voxel[side] = voxel;
    this.follow(side);
    this.change();
  }

  point(cell, at) {
    const voxel = this.voxelUnder(cell, at);
    if (voxel) this.go(cell.side, voxel);
  }

  setWindow(side, window) {
    const { state } = this;
    const relative = state.sameWindow && this.relative();
    const rule = grey.ruleOf(window, this.pane(side).volume, relative);
    state.rule[side] = rule;
    if (state.sameWindow) state.rule[this.other(side)] = rule;
    state.preset = -1;
    this.change();
  }

  windowOf(side) {
    const { volume } = this.pane(side);
    const how = grey.resolved(this.state.rule[side], volume);
    return how.table ? { center: volume.window[0], width: volume.window[1] } : how;
  }

  nudgeWindow(cell, right, down) {
    const { volume } = this.pane(cell.side);
    this.setWindow(cell.side, grey.draggedWindow(this.windowOf(cell.side), right, down, volume));
  }

  zoom(cell, factor, at = null) {
    const { state } = this;
    const { side, box } = cell;
    const before = state.zoom[side];
    const after = place.clamp(before * factor, 0.2, 40);
    const [x, y] = at ? [at[0] - box.width / 2, at[1] - box.height / 2] : [0, 0];
    const [panX, panY] = this.pan(cell);
    const [old, now] = [this.fit[side] * before, this.fit[side] * after];
    // The point under the pointer stays there.
    this.setPan(cell, [panX + x / now - x / old, panY + y / now - y / old]);
    state.zoom[side] = after;
    if (state.sameScale) state.zoom[this.other(side)] = after;
    this.change();
  }

  setPan(cell, pan) {
    const { state } = this;
    state.pan[cell.side][cell.number] = pan;
    if (!state.sameScale) return;
    const other = this.other(cell.side);
    const share = this.scale(cell.side) / this.scale(other);
    state.pan[other][cell.number] = pan.map((shift) => shift * share);
  }

  nudgePan(cell, right, down) {
    const scale = this.scale(cell.side);
    const [x, y] = this.pan(cell);
    this.setPan(cell, [x + right / scale, y + down / scale]);
    this.change();
  }

  beginDrag(cell, kind, at) {
    if (kind === "window") return this.windowOf(cell.side);
    if (kind === "region") return this.voxelUnder(cell, at);
    return { rest: 0 };
  }

  drag(cell, { kind, start, last, memory }, at) {
    const [right, down] = [at[0] - last[0], at[1] - last[1]];
    const { volume } = this.pane(cell.side);
    if (kind === "window") {
      const moved = [at[0] - start[0], at[1] - start[1]];
      this.setWindow(cell.side, grey.draggedWindow(memory, ...moved, volume));
    } else if (kind === "pan") {
      this.nudgePan(cell, right, down);
    } else if (kind === "zoom") {
      this.zoom(cell, Math.exp(-down / 150));
    } else if (kind === "crosshair") {
      this.point(cell, at);
    } else if (kind === "region" && memory && cell.side === "query") {
      this.boxTo(cell, memory, at);
    } else if (kind === "scroll" && !this.flat()) {
      memory.rest += down / Math.max(4, cell.box.height / volume.shape[this.planeOf(cell).axis]);
      const steps = Math.trunc(memory.rest);
      memory.rest -= steps;
      if (steps) this.scroll(cell, steps);
    }
  }

  endDrag() { this.settle(); }

  // -- the region of the query, in stored voxels: [first, behind the last] along each axis -------

  boxTo(cell, from, at) {
    const point = [0, 1].map((i) => place.clamp(
      at[i],
      cell.frame[i ? "top" : "left"] + 0.01,
      cell.frame[i ? "top" : "left"] + cell.frame[i ? "height" : "width"] - 0.01,
    ));
    const to = this.voxelUnder(cell, point);
    if (!to) return;
    const plane = this.planeOf(cell);
    const region = this.wholeRegion();
    for (const axis of [plane.columns, plane.rows]) {
      region[axis] = [Math.min(from[axis], to[axis]), Math.max(from[axis], to[axis]) + 1];
    }
    this.setRegion(region);
  }

  /** The region there is, else the whole scan. */
  wholeRegion() {
    const { shape } = this.pane("query").volume;
    return (this.state.region ?? shape.map((count) => [0, count])).map((ends) => [...ends]);
  }

  setRegion(region) {
    if (!this.data.pick_region) return;
    this.state.region = region;
    this.change();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.settle(), REST);
  }

  /** Tell Python, where it does not know yet. */
  settle() {
    clearTimeout(this.resting);
    const pane = this.pane("query");
    const box = this.state.region?.slice(0, pane.volume.dims) ?? null;
    const known = this.told?.id === pane.id ? this.told.box : null;
    if (JSON.stringify(box) === JSON.stringify(known)) return;
    this.told = { id: pane.id, box };
    this.tell("region", this.told);
  }

  clearRegion() { if (this.state.region) this.setRegion(null); }

  activeQueryPlane() { return this.pairs()[this.active.number].query; }

  /** One end of the slab, as a slice number of the viewer. */
  slab(end, number) {
    if (!Number.isFinite(number)) return;
    const plane = this.activeQueryPlane();
    const count = this.pane("query").volume.shape[plane.axis];
    const region = this.wholeRegion();
    const [low, high] = region[plane.axis];
    const ends = [low, high - 1].map((i) => place.turned(i, count, plane.flip_slices));
    ends.sort((a, b) => a - b);
    ends[end] = place.clamp(Math.round(number) - 1, 0, count - 1);
    ends[1 - end] = end === 0 ? Math.max(...ends) : Math.min(...ends);
    const stored = ends.map((i) => place.turned(i, count, plane.flip_slices)).sort((a, b) => a - b);
    region[plane.axis] = [stored[0], stored[1] + 1];
    this.setRegion(region);
  }

  slabHere(end) {
    if (this.flat() || !this.data.pick_region) return;
    const plane = this.activeQueryPlane();
    const count = this.pane("query").volume.shape[plane.axis];
    const index = this.state.voxel.query[plane.axis];
    this.slab(end, place.turned(index, count, plane.flip_slices) + 1);
  }

  nudgeRegion(right, down, size) {
    const plane = this.activeQueryPlane();
    const { shape } = this.pane("query").volume;
    const fresh = this.state.region === null;
    const region = this.wholeRegion();
    const moves = [
      [plane.columns, plane.flip_columns ? -right : right],
      [plane.rows, plane.flip_rows ? -down : down],
    ];
    for (const [axis, by] of moves) {
      let [low, high] = region[axis];
      const step = Math.max(1, Math.round(shape[axis] / 50));
      if (fresh) {
        low = Math.floor(shape[axis] / 4);
        high = Math.ceil((3 * shape[axis]) / 4);
      } else if (size) {
        high = place.clamp(high + step * by, low + 1, shape[axis]);
      } else {
        const shift = place.clamp(step * by, -low, shape[axis] - high);
        [low, high] = [low + shift, high + shift];
      }
      region[axis] = [low, high];
    }
    this.setRegion(region);
  }

  // -- buttons -----------------------------------------------------------------------------------

  set(changes) {
    Object.assign(this.state, changes);
    this.change();
  }

  tool(name) {
    if (name === "region" && !this.data.pick_region) return;
    if (name === "scroll" && this.flat()) return;
    this.set({ tool: name });
  }

  preset(number) {
    this.state.preset = number;
    this.takePreset();
    this.change();
  }

  takePreset() {
    const choice = this.choices()[this.state.preset];
    if (choice) this.state.rule = { query: choice.query, match: choice.match };
  }

  sameWindow() {
    const { state } = this;
    this.set({ sameWindow: !state.sameWindow });
    if (state.sameWindow && state.preset < 0) this.setWindow("query", this.windowOf("query"));
    else if (state.sameWindow) this.preset(state.preset);
  }

  sameScale() {
    const { state } = this;
    this.set({ sameScale: !state.sameScale });
    if (!state.sameScale) return;
    state.zoom.match = state.zoom.query;
    state.pan.match = { ...state.pan.query };
  }

  plane(number) {
    const cell = this.cells.find((one) => one.side === this.active.side && one.number === number);
    const focused = this.cells.some((one) => one.root === this.root.getRootNode().activeElement);
    this.set({ plane: number, layout: "one" });
    this.draw();
    this.active = cell;
    if (focused) cell.root.focus({ preventScroll: true });
  }

  nextPlane() { if (!this.flat()) this.plane((this.state.plane + 1) % this.pairs().length); }

  three() {
    if (this.flat()) return;
    const layout = this.state.layout === "three" ? "one" : "three";
    this.set({ layout });
    if (layout === "one") this.plane(this.active.number);
  }

  link(mode) {
    this.set({ link: mode });
    this.follow("query");
  }

  nextLink() {
    const modes = this.links();
    if (!this.flat()) this.link(modes[(modes.indexOf(this.state.link) + 1) % modes.length]);
  }

  overlay(mode) { this.set({ overlay: mode }); }

  nextOverlay() {
    if (this.hasMap()) this.overlay(OVERLAYS[(OVERLAYS.indexOf(this.state.overlay) + 1) % 3]);
  }

  phase(number) {
    const { state } = this;
    this.set({ phase: number });
    for (const side of SIDES) {
      const { shape } = this.pane(side).volume;
      state.voxel[side] = state.voxel[side].map((index, axis) => Math.min(index, shape[axis] - 1));
    }
    if (state.region) this.setRegion(null); // it was drawn on the other phase
    if (!this.links().includes(state.link)) [state.link] = this.links();
    if (state.preset >= 0) this.takePreset();
    this.follow("query");
  }

  nextPhase() {
    const count = this.data.phases.length;
    if (count > 1) this.phase((this.state.phase + 1) % count);
  }

  reset() {
    const { phase, region, overlay } = this.state;
    this.begin(phase);
    this.set({ region, overlay });
  }

  startFlicker(repeat = false, space = false) {
    this.spaceHeld ||= space;
    if (!repeat && !this.state.flicker) this.set({ flicker: true });
  }

  stopFlicker() {
    this.spaceHeld = false;
    if (this.state?.flicker) this.set({ flicker: false });
  }

  step(by) { this.trigger("step", by); }

  verdict(number) { this.trigger("verdict", number); }

  help() { this.keys.showModal(); }

  remove() {
    this.observer.disconnect();
    clearTimeout(this.resting);
    clearTimeout(this.speaking);
    this.root.remove();
  }
}

const viewers = new WeakMap(); // by the element that Streamlit gave

export default function show(component) {
  const { parentElement } = component;
  let viewer = viewers.get(parentElement);
  if (!viewer) {
    viewer = new Viewer(parentElement);
    viewers.set(parentElement, viewer);
    parentElement.medsiamViewer = viewer; // for tests, and for those who look in the console
  }
  viewer.update(component);
  // Streamlit may clean up after a call that a newer one has overtaken.
  viewer.turn = (viewer.turn ?? 0) + 1;
  const { turn } = viewer;
  return () => {
    if (viewer.turn !== turn) return;
    viewer.remove();
    viewers.delete(parentElement);
  };
}
