// Slices out of a volume, and their pixels. Pure functions on typed arrays.

const ORANGE = [230, 159, 0]; // palette of M. Okabe and K. Ito: told apart with any colour vision
const BLUE = [0, 114, 178];
const OPAQUE = 0.7; // where a map is strongest
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

/** The stored values of a slice as shown, row by row. */
export function sliceOf(voxels, volume, plane, index) {
  const channels = voxels.length / (volume.shape[0] * volume.shape[1] * volume.shape[2]);
  const [wide, high] = volume.shape;
  const strides = [channels, channels * wide, channels * wide * high];
  const [columns, rows] = [volume.shape[plane.columns], volume.shape[plane.rows]];
  const across = strides[plane.columns] * (plane.flip_columns ? -1 : 1);
  const down = strides[plane.rows] * (plane.flip_rows ? -1 : 1);
  let start = index * strides[plane.axis];
  if (plane.flip_columns) start += (columns - 1) * strides[plane.columns];
  if (plane.flip_rows) start += (rows - 1) * strides[plane.rows];
  if (across === 1 && channels === 1 && down === columns) {
    return voxels.subarray(start, start + columns * rows);
  }
  const slice = new voxels.constructor(columns * rows * channels);
  let put = 0;
  for (let row = 0; row < rows; row += 1) {
    let from = start + row * down;
    for (let column = 0; column < columns; column += 1) {
      for (let part = 0; part < channels; part += 1) slice[put + part] = voxels[from + part];
      put += channels;
      from += across;
    }
  }
  return slice;
}

/** A slice made smaller by a whole factor: the mean of each block, so that nothing flickers. */
export function smaller(slice, columns, rows, channels, factor) {
  const [wide, high] = [Math.floor(columns / factor), Math.floor(rows / factor)];
  const small = new slice.constructor(wide * high * channels);
  const count = factor * factor;
  for (let row = 0; row < high; row += 1) {
    for (let column = 0; column < wide; column += 1) {
      for (let part = 0; part < channels; part += 1) {
        let sum = 0;
        for (let y = row * factor; y < (row + 1) * factor; y += 1) {
          const from = (y * columns + column * factor) * channels + part;
          for (let x = 0; x < factor; x += 1) sum += slice[from + x * channels];
        }
        small[(row * wide + column) * channels + part] = Math.round(sum / count);
      }
    }
  }
  return { slice: small, columns: wide, rows: high };
}

/** Greys into the pixels of an ImageData `columns` wide, within {left, top, right, bottom}. */
export function paintGrey(slice, table, pixels, columns, part) {
  const out = new Uint32Array(pixels.buffer);
  for (let row = part.top; row < part.bottom; row += 1) {
    const end = row * columns + part.right;
    for (let i = row * columns + part.left; i < end; i += 1) out[i] = table[slice[i] + 32768];
  }
}

/** Colours, likewise. */
export function paintColour(slice, table, pixels, columns, part) {
  for (let row = part.top; row < part.bottom; row += 1) {
    const end = row * columns + part.right;
    for (let i = row * columns + part.left; i < end; i += 1) {
      pixels[4 * i] = table[slice[3 * i]];
      pixels[4 * i + 1] = table[slice[3 * i + 1]];
      pixels[4 * i + 2] = table[slice[3 * i + 2]];
      pixels[4 * i + 3] = 255;
    }
  }
}

/** The part of a slice that a box shows, in tiles, so that a small move needs no new paint. */
export function visiblePart(frame, box, columns, rows, tile) {
  const ends = (start, extent, room, count) => {
    const low = Math.floor((-start / extent) * count / tile) * tile;
    const high = Math.ceil(((room - start) / extent) * count / tile) * tile;
    return [Math.min(Math.max(low, 0), count), Math.min(Math.max(high, 0), count)];
  };
  const [left, right] = ends(frame.left, frame.width, box.width, columns);
  const [top, bottom] = ends(frame.top, frame.height, box.height, rows);
  return { left, top, right, bottom };
}

/** A signed map (-127 to 127) as colours that cover more where it is stronger. */
export function paintMap(slice, pixels) {
  for (let i = 0; i < slice.length; i += 1) {
    const [red, green, blue] = slice[i] > 0 ? ORANGE : BLUE;
    pixels[4 * i] = red;
    pixels[4 * i + 1] = green;
    pixels[4 * i + 2] = blue;
    pixels[4 * i + 3] = Math.round((255 * OPAQUE * Math.abs(slice[i])) / 127);
  }
}

/**
 * Lines around what lies beyond a level, in columns and rows: [x0, y0, x1, y1, ...].
 * Marching squares between the middles of voxels; what is beyond the edge counts as 0.
 */
export function outline(slice, columns, rows, level) {
  const lines = [];
  const sign = Math.sign(level);
  const limit = Math.abs(level);
  const at = (x, y) => {
    const inside = x >= 0 && y >= 0 && x < columns && y < rows;
    return inside ? sign * slice[y * columns + x] : 0;
  };
  for (let y = -1; y < rows; y += 1) {
    for (let x = -1; x < columns; x += 1) {
      const corner = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      const inside = corner.map((value) => value >= limit);
      const count = inside[0] + inside[1] + inside[2] + inside[3];
      if (count === 0 || count === 4) continue;
      const cuts = [];
      for (let edge = 0; edge < 4; edge += 1) {
        const next = (edge + 1) % 4;
        if (inside[edge] === inside[next]) continue;
        const part = (limit - corner[edge]) / (corner[next] - corner[edge]);
        const [ax, ay] = CORNERS[edge];
        const [bx, by] = CORNERS[next];
        cuts.push(x + 0.5 + ax + part * (bx - ax), y + 0.5 + ay + part * (by - ay));
      }
      lines.push(...cuts);
    }
  }
  return lines;
}
