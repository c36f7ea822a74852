// Where the data comes from: the server that sent this page, or the files of an export.  From file:// a browser reads
// nothing but scripts and images, so an export's data lies in scripts that call silhouetteData(name, value).

const exported = document.documentElement.dataset.export !== undefined;
const arrived = new Map();  // name -> value, or the promise's resolve

window.silhouetteData = (name, value) => {
  const waiting = arrived.get(name);
  arrived.set(name, value);
  if (typeof waiting === "function") waiting(value);
};

function fromScript(name) {
  const value = arrived.get(name);
  if (value !== undefined && typeof value !== "function") return Promise.resolve(value);
  return new Promise((resolve, reject) => {
    arrived.set(name, resolve);
    const script = document.createElement("script");
    script.src = `data/${name}.js`;
    script.onload = () => script.remove();
    script.onerror = () => { arrived.delete(name); reject(new Error(`${script.src} is missing`)); };
    document.head.append(script);
  });
}

async function fromServer(name) {
  const response = await fetch(`data/${name}`);
  if (!response.ok) throw new Error(await response.text());
  return response;
}

export const isExport = exported;

export async function json(name) {
  return exported ? fromScript(name) : (await fromServer(name)).json();
}

// An ArrayBuffer; exports have it in base64.
export async function bytes(name) {
  if (!exported) return (await fromServer(name)).arrayBuffer();
  const text = atob(await fromScript(name));
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out.buffer;
}

// kind: photo or thumbnail.  Rejects with the reason that the server has.
export async function picture(kind, row) {
  const image = new Image();
  image.decoding = "async";
  image.src = `${kind}/${row}`;
  try {
    await image.decode();
    return image;
  } catch {
    throw new Error(await reasonFor(kind, row));
  }
}

// A photo for the detail view: {image or null, fault or null}.  Browsers show what they can of a file that is cut short
// and say nothing; whoever made its thumbnail has read all of it.
export async function wholePhoto(row) {
  const {values: [image], fault} = await arrivals([picture("photo", row), picture("thumbnail", row)]);
  return {image, fault};
}

// What comes of several things, null for what does not, and why the first of those did not.
export async function arrivals(promises) {
  const all = await Promise.allSettled(promises);
  return {values: all.map(one => one.value ?? null), fault: all.find(one => one.reason)?.reason.message ?? null};
}

async function reasonFor(kind, row) {
  if (exported) return "this photo cannot be read";
  const response = await fetch(`${kind}/${row}`);
  return response.ok ? "this browser cannot show this photo" : response.text();
}
