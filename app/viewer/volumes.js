// Volumes on their way into the browser, and those that are there: one cache for the whole page.

const CEILING = 384 * 1024 * 1024; // bytes; the volume not looked at for longest goes first

/** Turn what came into voxels, or refuse: the first 16 bytes name the volume. */
export function opened(bytes, id, kind) {
  const name = [...bytes.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (name !== id) throw new Error("another volume came than was asked for; it is not shown");
  const voxels = bytes.subarray(16);
  if (kind === "grey") return new Int16Array(voxels.buffer, voxels.byteOffset, voxels.length / 2);
  if (kind === "map") return new Int8Array(voxels.buffer, voxels.byteOffset, voxels.length);
  return voxels;
}

async function fetched(address, length, onProgress, signal) {
  const answer = await fetch(address, { credentials: "same-origin", signal });
  if (!answer.ok) {
    throw new Error(`the server refused it (${answer.status}); reload the page to ask again`);
  }
  const bytes = new Uint8Array(length);
  const reader = answer.body.getReader();
  let place = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (place + value.length > length) throw new Error("more came than was announced");
    bytes.set(value, place);
    place += value.length;
    onProgress(place / length);
  }
  if (place !== length) throw new Error("it came only in part; reload the page to ask again");
  return bytes;
}

class Volumes {
  constructor() {
    this.kept = new Map(); // id -> {promise, size}; the newest last
  }

  /** The voxels of {id, token, kind, length}; asks the server once. */
  get(wanted, route, onProgress) {
    const known = this.kept.get(wanted.id);
    this.kept.delete(wanted.id);
    const entry = known ?? { size: wanted.length, listeners: new Set() };
    entry.listeners.add(onProgress);
    entry.promise ??= fetched(route + wanted.token, wanted.length + 16, (share) => {
      for (const tell of entry.listeners) tell(share);
    })
      .then((bytes) => opened(bytes, wanted.id, wanted.kind))
      .catch((error) => {
        if (this.kept.get(wanted.id) === entry) this.kept.delete(wanted.id);
        throw error;
      });
    this.kept.set(wanted.id, entry);
    let total = 0;
    for (const { size } of this.kept.values()) total += size;
    for (const [id, { size }] of this.kept) {
      if (total <= CEILING || id === wanted.id) break;
      this.kept.delete(id);
      total -= size;
    }
    return entry.promise;
  }
}

export const volumes = new Volumes();
