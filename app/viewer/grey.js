// From values to greys. Pure functions; a volume is what `document()` of volume.py says.
//
// A rule says how a pane is windowed and is worked out for each volume it meets:
//   {kind: "own"}                     as the file says: its table, else its window
//   {kind: "percent"}                 from the 1st to the 99th percentile
//   {kind: "values", center, width}   in the scan's own units
//   {kind: "relative", center, width} in parts of the 1st to 99th percentile, 0 to 1

const LEVELS = 65536;
const LOWEST = -32768;
export const NARROWEST = 1e-6; // of the percentiles' width

/** What a rule is for one volume: {table} or {center, width}. */
export function resolved(rule, volume) {
  if (rule.kind === "own" && volume.table) return { table: volume.table };
  if (rule.kind === "values") return { center: rule.center, width: rule.width };
  if (rule.kind === "relative") {
    const [middle, span] = volume.percentiles;
    return { center: middle + (rule.center - 0.5) * span, width: rule.width * span };
  }
  const [center, width] = rule.kind === "own" ? volume.window : volume.percentiles;
  return { center, width };
}

/** The rule that gives a window again: in values, or in parts of the percentiles. */
export function ruleOf(window, volume, relative) {
  if (!relative) return { kind: "values", center: window.center, width: window.width };
  const [middle, span] = volume.percentiles;
  return {
    kind: "relative",
    center: 0.5 + (window.center - middle) / span,
    width: window.width / span,
  };
}

/** A window moved by a drag: to the right wider, downwards darker. */
export function draggedWindow(start, right, down, volume) {
  const span = Math.max(volume.percentiles[1], NARROWEST);
  const step = Math.max(start.width, span / 20) / 300;
  return {
    center: start.center + down * step,
    width: Math.max(start.width + right * step, span * NARROWEST),
  };
}

/** Grey level, 0 to 255 and not yet rounded, of a value (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
export function levelOf(value, how, volume) {
  if (how.table) {
    const { first, levels } = how.table;
    return levels[Math.min(Math.max(Math.trunc(value - first), 0), levels.length - 1)];
  }
  let { center, width } = how;
  if (volume.function === "SIGMOID") return 255 / (1 + Math.exp((-4 * (value - center)) / width));
  if (volume.function === "LINEAR" && width >= 1) {
    // From c - 0.5 - (w - 1) / 2 to c - 0.5 + (w - 1) / 2; mirrored where the values were.
    center += volume.inverted ? 0.5 : -0.5;
    width = Math.max(width - 1, 1e-9);
  }
  return Math.min(Math.max(((value - center) / width + 0.5) * 255, 0), 255);
}

/** The colour of every stored value: opaque, red green blue equal, for a Uint32Array of pixels. */
export function greyTable(how, volume) {
  const table = new Uint32Array(LEVELS);
  for (let index = 0; index < LEVELS; index += 1) {
    const value = (index + LOWEST) * volume.slope + volume.intercept;
    const grey = Math.round(levelOf(value, how, volume));
    table[index] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

/** The brightness of every stored part of a colour. */
export function colourTable(how, volume) {
  const table = new Uint8ClampedArray(256);
  for (let index = 0; index < 256; index += 1) {
    table[index] = levelOf(index * volume.slope + volume.intercept, how, volume);
  }
  return table;
}

/** Choices of windows for a pair: [{name, query, match}] of rules, the best first. */
export function windowChoices(query, match) {
  const hounsfield = query.unit === "HU" && match.unit === "HU";
  const percent = { kind: "percent" };
  const choices = [];
  const hasOwn = (volume) => volume.table !== null || volume.presets.length > 0;
  if (hounsfield && !query.table) {
    const [center, width] = query.window;
    const rule = { kind: "values", center, width };
    choices.push({ name: "as in the query's file", query: rule, match: rule });
  } else if (hasOwn(query) || hasOwn(match)) {
    const own = (volume) => (hasOwn(volume) ? { kind: "own" } : percent);
    choices.push({ name: "as in each file", query: own(query), match: own(match) });
  }
  for (const [name, center, width] of query.presets) {
    const rule = { kind: "values", center, width };
    choices.push({ name, query: rule, match: hounsfield ? rule : percent });
  }
  const colours = query.channels === 3 && match.channels === 3; // 0 to full brightness
  const name = colours ? "as stored" : "1 to 99 % of each";
  choices.push({ name, query: percent, match: percent });
  // Without own windows on both sides the same percentiles are the fairer start.
  if (!hounsfield && !(hasOwn(query) && hasOwn(match))) choices.unshift(choices.pop());
  return choices;
}

/** A number in as many digits as it needs. */
export function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toPrecision(3);
}
