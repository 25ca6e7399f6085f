// What pointer, wheel and keys ask for. They call the viewer; they know nothing of pictures.

const NOTCH = 50; // pixels of a wheel event that is one notch of a mouse, not part of a glide
const GLIDE = 30; // pixels of a touchpad that make one slice
const STEP = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const LETTER_TOOLS = { s: "scroll", w: "window", p: "pan", z: "zoom", b: "region" };

/** How many slices a wheel event is worth; `rest` is what was left over by earlier ones. */
export function wheelSteps(event, rest) {
  if (event.deltaMode !== 0) return { steps: Math.sign(event.deltaY), rest: 0 };
  if (Math.abs(event.deltaY) >= NOTCH) return { steps: Math.sign(event.deltaY), rest: 0 };
  const sum = rest + event.deltaY;
  const steps = Math.trunc(sum / GLIDE);
  return { steps, rest: sum - steps * GLIDE };
}

/** What a drag does: by button, Space, and the chosen tool. */
export function dragKind(event, tool, spaceHeld, three) {
  if (event.button === 2) return "window";
  if (event.button === 1 || spaceHeld) return "pan";
  if (event.button !== 0) return null;
  if (tool === "scroll" && three) return "crosshair";
  return tool;
}

export function listen(viewer, cell) {
  const { root } = cell;
  let rest = 0;
  let drag = null;
  root.addEventListener("contextmenu", (event) => event.preventDefault());
  root.addEventListener("focus", () => viewer.activate(cell));
  root.addEventListener("pointerenter", () => viewer.activate(cell));
  root.addEventListener("pointerleave", () => viewer.read(cell, null));
  root.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey) {
        event.preventDefault();
        viewer.zoom(cell, Math.exp(-event.deltaY / 300), [event.offsetX, event.offsetY]);
        return;
      }
      if (viewer.flat()) return; // a single image: the page scrolls
      event.preventDefault();
      const turn = wheelSteps(event, rest);
      rest = turn.rest;
      if (turn.steps) viewer.scroll(cell, turn.steps);
    },
    { passive: false },
  );
  root.addEventListener("pointerdown", (event) => {
    const kind = dragKind(event, viewer.state.tool, viewer.spaceHeld, viewer.state.layout === "three");
    if (kind === null) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
    viewer.stopFlicker();
    root.setPointerCapture(event.pointerId);
    const at = [event.offsetX, event.offsetY];
    drag = { kind, start: at, last: at, memory: viewer.beginDrag(cell, kind, at) };
    if (kind === "crosshair") viewer.point(cell, at);
  });
  root.addEventListener("pointermove", (event) => {
    const at = [event.offsetX, event.offsetY];
    if (drag === null) {
      viewer.read(cell, at);
      return;
    }
    viewer.drag(cell, drag, at);
    drag.last = at;
  });
  const end = () => {
    if (drag !== null) viewer.endDrag(drag);
    drag = null;
  };
  root.addEventListener("pointerup", end);
  root.addEventListener("pointercancel", end);
  root.addEventListener("lostpointercapture", end);
}

/** Keys, while something inside of the viewer has the focus. Returns true where one was meant. */
export function keyDown(viewer, event) {
  const { key } = event;
  const inField = event.target.closest("input, select, dialog");
  if (inField || event.altKey || event.metaKey || event.ctrlKey) return false;
  const onButton = event.target.closest("button");
  if (onButton && (key === " " || key === "Enter")) return false;
  const cell = viewer.active;
  if (STEP[key]) return arrow(viewer, cell, STEP[key], event.shiftKey);
  const lower = key.length === 1 ? key.toLowerCase() : key;
  const actions = {
    PageUp: () => viewer.scroll(cell, -5),
    PageDown: () => viewer.scroll(cell, 5),
    Home: () => viewer.scroll(cell, -Infinity),
    End: () => viewer.scroll(cell, Infinity),
    "+": () => viewer.zoom(cell, 1.25),
    "=": () => viewer.zoom(cell, 1.25),
    "-": () => viewer.zoom(cell, 0.8),
    f: () => viewer.startFlicker(event.repeat),
    " ": () => viewer.startFlicker(event.repeat, true),
    v: () => viewer.nextPlane(),
    t: () => viewer.three(),
    l: () => viewer.nextLink(),
    m: () => viewer.nextOverlay(),
    e: () => viewer.nextPhase(),
    r: () => viewer.reset(),
    j: () => viewer.step(1),
    k: () => viewer.step(-1),
    "[": () => viewer.slabHere(0),
    "]": () => viewer.slabHere(1),
    Delete: () => viewer.clearRegion(),
    Backspace: () => viewer.clearRegion(),
    "?": () => viewer.help(),
  };
  if ("1234".includes(lower) && lower.length === 1) {
    if (!event.repeat) viewer.verdict(lower);
    return true;
  }
  if (LETTER_TOOLS[lower]) {
    viewer.tool(LETTER_TOOLS[lower]);
    return true;
  }
  if (!actions[lower]) return false;
  actions[lower]();
  return true;
}

function arrow(viewer, cell, [right, down], shift) {
  const { tool } = viewer.state;
  if (tool === "window") viewer.nudgeWindow(cell, 10 * right, 10 * down);
  else if (tool === "pan") viewer.nudgePan(cell, -20 * right, -20 * down);
  else if (tool === "zoom") viewer.zoom(cell, right - down > 0 ? 1.1 : 1 / 1.1);
  else if (tool === "region") viewer.nudgeRegion(right, down, shift);
  else if (!viewer.flat()) viewer.scroll(cell, right + down);
  else return false;
  return true;
}

