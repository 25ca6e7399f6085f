// Where a voxel lies on the screen and in the patient. Pure functions; nothing here draws.
//
// A volume is what `document()` of volume.py says: `shape` (voxels along the stored axes x, y, z),
// `spacing` (mm, or null), `affine` (voxel to mm, RAS+, or null) and `planes`. A plane says which
// stored axis runs along the screen's columns and rows, and which of them are turned round. A
// slice's position is counted as shown: from feet to head, front to back, right to left.

export const RULERS = [200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]; // mm

const KNOWN = ["axial", "coronal", "sagittal"];
const STORED = ["first axis", "second axis", "third axis"];

/** The planes in which both are seen alike, the best first: [{name, query, match}]. */
export function planePairs(query, match) {
  if (query.dims === 2 || match.dims === 2) {
    const name = query.planes[0].name === "as stored" ? "image" : query.planes[0].name;
    return [{ name, query: query.planes[0], match: match.planes[0] }];
  }
  const named = KNOWN.map((name) => ({
    name,
    query: query.planes.find((plane) => plane.name === name),
    match: match.planes.find((plane) => plane.name === name),
  })).filter((pair) => pair.query && pair.match);
  // Where one of the two does not know its orientation, both are shown along stored axes.
  const pairs = named.length === 3 ? named : [2, 1, 0].map((axis) => ({
    name: STORED[axis],
    query: query.planes.find((plane) => plane.axis === axis),
    match: match.planes.find((plane) => plane.axis === axis),
  }));
  const first = (pair) => (pair.query.axis === query.main_axis ? 0 : 1);
  return [...pairs].sort((a, b) => first(a) - first(b));
}

/** A stored index as counted on the screen, or the other way round. */
export function turned(index, count, flip) {
  return flip ? count - 1 - index : index;
}

/** Columns and rows of a slice in voxels, and the mm of one of them ([1, 1] where unknown). */
export function sliceSize(volume, plane) {
  const mm = volume.spacing ?? [1, 1, 1];
  return {
    columns: volume.shape[plane.columns],
    rows: volume.shape[plane.rows],
    mm: [mm[plane.columns], mm[plane.rows]],
  };
}

/** The stored voxel under a column and row of the screen, given the voxel of the shown slice. */
export function voxelAt(volume, plane, shown, column, row) {
  const voxel = [...shown];
  voxel[plane.columns] = turned(column, volume.shape[plane.columns], plane.flip_columns);
  voxel[plane.rows] = turned(row, volume.shape[plane.rows], plane.flip_rows);
  return voxel;
}

/** Column, row and slice position at which a stored voxel is shown. */
export function placeOf(volume, plane, voxel) {
  const shape = volume.shape;
  return {
    column: turned(voxel[plane.columns], shape[plane.columns], plane.flip_columns),
    row: turned(voxel[plane.rows], shape[plane.rows], plane.flip_rows),
    position: turned(voxel[plane.axis], shape[plane.axis], plane.flip_slices),
  };
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/**
 * The position of one scan that belongs to a position of the other.
 * @param from, to  {count, mm}: number of slices, and mm between them where known.
 * @param mode  "percent": the same relative depth; "mm": the same distance from the middle.
 */
export function linkedPosition(position, from, to, mode) {
  const [middle, other] = [(from.count - 1) / 2, (to.count - 1) / 2];
  let linked = other;
  if (mode === "mm") linked = other + ((position - middle) * from.mm) / to.mm;
  else if (from.count > 1) linked = (position / (from.count - 1)) * (to.count - 1);
  return clamp(Math.round(linked), 0, to.count - 1);
}

/** The voxel of the other scan that belongs to a voxel of this one; `side` names this one. */
export function linkedVoxel(voxel, side, query, match, pairs, mode, before) {
  const [from, to] = side === "query" ? [query, match] : [match, query];
  if (mode === "off") return before;
  if (mode === "position") {
    const there = transformed(inverse(to.affine), transformed(from.affine, voxel));
    return there.map((index, axis) => clamp(Math.round(index), 0, to.shape[axis] - 1));
  }
  const linked = [...before];
  for (const pair of pairs) {
    const [own, other] = side === "query" ? [pair.query, pair.match] : [pair.match, pair.query];
    const here = { count: from.shape[own.axis], mm: from.spacing?.[own.axis] };
    const there = { count: to.shape[other.axis], mm: to.spacing?.[other.axis] };
    const position = turned(voxel[own.axis], here.count, own.flip_slices);
    const found = linkedPosition(position, here, there, mode);
    linked[other.axis] = turned(found, there.count, other.flip_slices);
  }
  return linked;
}

/** The ways to link that make sense for two scans, the most telling first. */
export function linkModes(query, match, sharedFrame) {
  const modes = ["percent"];
  if (query.spacing && match.spacing) modes.push("mm");
  if (sharedFrame && query.affine && match.affine) modes.unshift("position");
  return [...modes, "off"];
}

export function transformed(affine, [x, y, z]) {
  return [0, 1, 2].map(
    (row) => affine[row][0] * x + affine[row][1] * y + affine[row][2] * z + affine[row][3],
  );
}

/** The inverse of an affine whose last row is 0 0 0 1. */
export function inverse(m) {
  const cofactor = (r, c) => {
    const [r1, r2] = [(r + 1) % 3, (r + 2) % 3];
    const [c1, c2] = [(c + 1) % 3, (c + 2) % 3];
    return m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
  };
  const size = m[0][0] * cofactor(0, 0) + m[0][1] * cofactor(0, 1) + m[0][2] * cofactor(0, 2);
  const turn = [0, 1, 2].map((r) => [0, 1, 2].map((c) => cofactor(c, r) / size));
  return turn.map((row) => [
    ...row,
    -(row[0] * m[0][3] + row[1] * m[1][3] + row[2] * m[2][3]),
  ]);
}

/** A place in the patient in words: "R 12.3, A 4.0, S 30.1 mm"; RAS+ comes in. */
export function placeWords(affine, voxel) {
  const letters = ["LR", "PA", "IS"];
  const said = transformed(affine, voxel).map(
    (mm, axis) => `${letters[axis][mm < 0 ? 0 : 1]} ${Math.abs(mm).toFixed(1)}`,
  );
  return `${said.join(", ")} mm`;
}

/** The longest ruler within `room` pixels at `scale` pixels per mm: {mm, pixels}, or null. */
export function rulerFor(scale, room) {
  const mm = RULERS.find((length) => length * scale <= room);
  return mm === undefined ? null : { mm, pixels: mm * scale };
}

/** Where a slice lies in its frame: left and top edge and size, in CSS pixels. */
export function frameOf(size, scale, pan, box) {
  const width = size.columns * size.mm[0] * scale;
  const height = size.rows * size.mm[1] * scale;
  return {
    left: box.width / 2 + pan[0] * scale - width / 2,
    top: box.height / 2 + pan[1] * scale - height / 2,
    width,
    height,
  };
}

/** Pixels per mm (or per voxel) at which all slices fit their frames. */
export function fitScale(slices) {
  return Math.min(
    ...slices.map(({ size, box }) => Math.min(
      box.width / (size.columns * size.mm[0]), box.height / (size.rows * size.mm[1]),
    )),
  );
}

/** Column and row under a point of the frame, or null outside of the slice. */
export function pixelUnder(size, frame, x, y) {
  const column = Math.floor(((x - frame.left) / frame.width) * size.columns);
  const row = Math.floor(((y - frame.top) / frame.height) * size.rows);
  const inside = column >= 0 && row >= 0 && column < size.columns && row < size.rows;
  return inside ? { column, row } : null;
}
