// One frame with one slice in it: its elements, and how the slice is drawn.

import { frameOf, placeOf, placeWords, rulerFor, sliceSize, turned } from "./geometry.js";
import { colourTable, digits, greyTable } from "./grey.js";
import {
  outline, paintColour, paintGrey, paintMap, sliceOf, smaller, visiblePart,
} from "./slices.js";

const FEW_PIXELS = 4; // voxels of this many screen pixels are shown as what they are, unblurred
const MANY = 1 << 20; // pixels of a slice that is made smaller before it is windowed
const TILE = 256; // pixels of a large slice that are painted together
const LINES = [
  { level: 64, colour: "#E69F00", dash: [] }, // speaks for the similarity
  { level: -64, colour: "#56B4E9", dash: [5, 4] }, // against it
];

/** An element with attributes, text or children: small enough to need no library. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export class Cell {
  constructor(side, number) {
    this.side = side;
    this.number = number;
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.pen = this.canvas.getContext("2d", { alpha: false });
    this.texts = Object.fromEntries(
      ["title", "window", "place", "left", "right", "top", "bottom", "warning", "state"].map(
        (name) => [name, element("div", { class: name, "aria-hidden": "true" })],
      ),
    );
    this.bar = element("i");
    this.barText = element("span");
    this.ruler = element("div", { class: "ruler", "aria-hidden": "true" }, this.bar, this.barText);
    this.root = element(
      "div",
      { class: `cell ${side}`, tabindex: "0", role: "application", "data-plane": number },
      this.canvas,
      ...Object.values(this.texts),
      this.ruler,
    );
    this.picture = document.createElement("canvas");
    this.map = document.createElement("canvas");
    this.box = { width: 0, height: 0 };
  }

  /** Take the size that the page gives the frame. */
  measure() {
    this.box = { width: this.root.clientWidth, height: this.root.clientHeight };
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.box.width, this.box.height].map((n) => Math.round(n * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.ratio = ratio;
  }

  say(name, text) {
    if (this.texts[name].textContent !== text) this.texts[name].textContent = text;
  }

  /** Nothing but a sentence: while the volume is on its way, or where it will not come. */
  drawNothing(title, sentence) {
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const name of Object.keys(this.texts)) this.say(name, "");
    this.say("title", title);
    this.say("state", sentence);
    this.ruler.hidden = true;
    this.frame = null;
  }

  /**
   * Draw a slice.
   * @param shown {pane, voxels, map, plane, voxel, how, scale, pan, overlay, crosshair, region,
   *   name}; `map` may be null, `region` is a box in stored voxels or null.
   */
  draw(shown) {
    const { volume } = shown.pane;
    const size = sliceSize(volume, shown.plane);
    this.size = size;
    this.frame = frameOf(size, shown.scale, shown.pan, this.box);
    this.shown = shown;
    const only = shown.overlay === "only" && shown.map !== null;
    if (!only) this.paint(shown, size);
    const { pen } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const { left, top, width, height } = this.frame;
    const finest = Math.min(width / size.columns, height / size.rows) * this.ratio;
    pen.imageSmoothingEnabled = finest < FEW_PIXELS;
    if (only) {
      pen.fillStyle = "#808080";
      pen.fillRect(left, top, width, height);
    } else {
      pen.drawImage(this.picture, left, top, width, height);
    }
    if (shown.map !== null && shown.overlay !== "off") this.drawMap(pen, shown, size);
    if (shown.region !== null) this.drawRegion(pen, shown, size);
    if (shown.crosshair) this.drawCrosshair(pen, shown, size);
    this.write(shown);
  }

  /** Fill `picture` with the windowed slice, unless it is there already. */
  paint(shown, size) {
    const { volume, id } = shown.pane;
    const index = shown.voxel[shown.plane.axis];
    let slice = `${id} ${shown.plane.axis} ${index}`;
    const coarse = shown.scale * this.ratio * Math.min(...size.mm);
    const many = size.columns * size.rows > MANY && coarse <= 0.5;
    const factor = many ? Math.floor(1 / coarse) : 1;
    slice += ` ${factor}`;
    if (this.sliceKey !== slice) {
      this.slice = sliceOf(shown.voxels, volume, shown.plane, index);
      this.slicePixels = [size.columns, size.rows];
      if (factor > 1) {
        const made = smaller(this.slice, size.columns, size.rows, volume.channels, factor);
        this.slice = made.slice;
        this.slicePixels = [made.columns, made.rows];
      }
      this.sliceKey = slice;
      this.painted = null;
    }
    const { table, center, width } = shown.how;
    const grey = `${id} ${table ? "table" : `${center} ${width}`}`;
    if (this.greyKey !== grey) {
      const make = volume.channels === 3 ? colourTable : greyTable;
      this.table = make(shown.how, volume);
      this.greyKey = grey;
    }
    const [columns, rows] = this.slicePixels;
    const part = columns * rows > MANY
      ? visiblePart(this.frame, this.box, columns, rows, TILE)
      : { left: 0, top: 0, right: columns, bottom: rows };
    const painted = `${slice} ${grey} ${Object.values(part)}`;
    if (this.painted === painted) return;
    const pen = this.picture.getContext("2d");
    if (this.picture.width !== columns || this.picture.height !== rows || !this.pixels) {
      this.picture.width = columns;
      this.picture.height = rows;
      this.pixels = pen.createImageData(columns, rows);
    }
    const fill = volume.channels === 3 ? paintColour : paintGrey;
    fill(this.slice, this.table, this.pixels.data, columns, part);
    const { left, top, right, bottom } = part;
    pen.putImageData(this.pixels, 0, 0, left, top, right - left, bottom - top);
    this.painted = painted;
  }

  drawMap(pen, shown, size) {
    const index = shown.voxel[shown.plane.axis];
    const key = `${shown.pane.overlay.id} ${shown.plane.axis} ${index}`;
    if (this.mapKey !== key) {
      const slice = sliceOf(shown.map, shown.pane.volume, shown.plane, index);
      this.map.width = size.columns;
      this.map.height = size.rows;
      const canvas = this.map.getContext("2d");
      const pixels = canvas.createImageData(size.columns, size.rows);
      paintMap(slice, pixels.data);
      canvas.putImageData(pixels, 0, 0);
      this.outlines = LINES.map(({ level }) => outline(slice, size.columns, size.rows, level));
      this.mapKey = key;
    }
    const { left, top, width, height } = this.frame;
    pen.globalAlpha = shown.overlay === "only" ? 1 : 0.5 / 0.7;
    pen.drawImage(this.map, left, top, width, height);
    pen.globalAlpha = 1;
    this.outlines.forEach((lines, which) => {
      pen.beginPath();
      for (let i = 0; i < lines.length; i += 4) {
        pen.moveTo(left + (lines[i] * width) / size.columns, top + (lines[i + 1] * height) / size.rows);
        pen.lineTo(left + (lines[i + 2] * width) / size.columns, top + (lines[i + 3] * height) / size.rows);
      }
      pen.setLineDash(LINES[which].dash);
      pen.lineWidth = 1.5;
      pen.strokeStyle = LINES[which].colour;
      pen.stroke();
    });
    pen.setLineDash([]);
  }

  drawCrosshair(pen, shown, size) {
    const { column, row } = placeOf(shown.pane.volume, shown.plane, shown.voxel);
    const { left, top, width, height } = this.frame;
    const x = left + ((column + 0.5) * width) / size.columns;
    const y = top + ((row + 0.5) * height) / size.rows;
    const gap = 6;
    pen.strokeStyle = "#FFD666";
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, y - gap);
    pen.moveTo(x, y + gap);
    pen.lineTo(x, this.box.height);
    pen.moveTo(0, y);
    pen.lineTo(x - gap, y);
    pen.moveTo(x + gap, y);
    pen.lineTo(this.box.width, y);
    pen.stroke();
  }

  /** A box where the slice cuts it: solid; where it does not: dotted, to be found again. */
  drawRegion(pen, shown, size) {
    const { volume } = shown.pane;
    const { plane, region } = shown;
    const ends = (axis, flip) => {
      const [low, high] = region[axis];
      const [a, b] = [low, high - 1].map((index) => turned(index, volume.shape[axis], flip));
      return [Math.min(a, b), Math.max(a, b) + 1];
    };
    const [first, last] = ends(plane.columns, plane.flip_columns);
    const [upper, lower] = ends(plane.rows, plane.flip_rows);
    const { left, top, width, height } = this.frame;
    const index = shown.voxel[plane.axis];
    const inside = index >= region[plane.axis][0] && index < region[plane.axis][1];
    pen.lineWidth = 2;
    pen.strokeStyle = "#FFD666";
    pen.setLineDash(inside ? [] : [2, 5]);
    pen.strokeRect(
      left + (first * width) / size.columns,
      top + (upper * height) / size.rows,
      ((last - first) * width) / size.columns,
      ((lower - upper) * height) / size.rows,
    );
    pen.setLineDash([]);
  }

  /** The words in the corners and at the edges. */
  write(shown) {
    const { pane, plane } = shown;
    const { volume } = pane;
    const { position } = placeOf(volume, plane, shown.voxel);
    const count = volume.shape[plane.axis];
    const mm = volume.spacing?.[plane.axis];
    const slice = volume.dims === 3
      ? `${shown.name} ${position + 1}/${count}${mm ? ` · ${digits(mm)} mm` : ""}`
      : "";
    const zoom = volume.spacing ? `${digits(shown.scale)} px/mm` : `${digits(shown.scale)} px/pixel`;
    const { table, center, width } = shown.how;
    const window = table
      ? `table ${table.name}`
      : `C ${digits(center)} W ${digits(width)}${volume.unit ? ` ${volume.unit}` : ""}`;
    const letters = plane.letters ?? ["", "", "", ""];
    this.say("state", "");
    this.say("title", shown.title);
    this.say("window", `${volume.channels === 3 ? "colour" : window}\n${zoom}`);
    this.say("place", [slice, this.readout].filter(Boolean).join("\n"));
    ["left", "right", "top", "bottom"].forEach((edge, i) => this.say(edge, letters[i]));
    const unknown = "orientation unknown: left and right cannot be trusted";
    this.say("warning", [plane.letters ? "" : unknown, pane.note].filter(Boolean).join(" · "));
    const ruler = volume.spacing ? rulerFor(shown.scale, this.box.width / 3) : null;
    this.ruler.hidden = ruler === null;
    if (ruler) {
      this.bar.style.width = `${ruler.pixels}px`;
      this.barText.textContent = `${ruler.mm} mm`;
    }
  }

  /** What is under the pointer, in words. */
  wordsAt(voxel) {
    const { pane, voxels } = this.shown;
    const { volume } = pane;
    const [nx, ny] = volume.shape;
    const at = (voxel[0] + nx * (voxel[1] + ny * voxel[2])) * volume.channels;
    const value = (i) => {
      const stored = voxels[at + i];
      const beyond = volume.cut && (stored === -32768 ? "≤ " : stored === 32767 ? "≥ " : "");
      return `${beyond || ""}${digits(stored * volume.slope + volume.intercept)}`;
    };
    const values = volume.channels === 3 ? [0, 1, 2].map(value).join(" ") : value(0);
    const where = volume.affine
      ? placeWords(volume.affine, voxel)
      : `voxel ${voxel.slice(0, volume.dims).map((n) => n + 1).join(", ")}`;
    return `${values}${volume.unit ? ` ${volume.unit}` : ""} · ${where}`;
  }
}
