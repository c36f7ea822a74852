// Photos with their objects on a canvas.  An object is {colour, box: [x, y, w, h], path: Path2D or null, label, crowd,
// dashed, hatched}, in the photo's pixels; a view {scale, x, y} says where the photo's corner lies and how large its pixels are.

const rim = "rgba(0, 0, 0, .65)";

// The photo as large as fits, in the middle.
export function fitted(photoWidth, photoHeight, width, height) {
  const scale = Math.min(width / photoWidth, height / photoHeight);
  return {scale, x: (width - photoWidth * scale) / 2, y: (height - photoHeight * scale) / 2};
}

// Gives a canvas as many pixels as the screen has under it, and coordinates in CSS pixels.
export function prepared(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const w = Math.round(width * density), h = Math.round(height * density);
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext("2d");
  canvas.shown = {width, height};
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export function drawPhoto(context, image, width, height, view) {
  context.imageSmoothingEnabled = view.scale < 3;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, view.x, view.y, width * view.scale, height * view.scale);
}

// look: {masks, boxes, labels, crowds: true or false, opacity: 0 to 1, lit: objects or none, text: CSS pixels, cover: the share
// of the canvas that labels may hide}.
// Returns where labels went: [{object, x, y, width, height}].
export function drawObjects(context, objects, view, {lit = [], ...look}) {
  const shown = objects.filter(o => look.crowds || !o.crowd);
  context.save();
  context.translate(view.x, view.y);
  context.scale(view.scale, view.scale);
  for (const o of shown) drawShape(context, o, 1 / view.scale, look, lit.includes(o), lit.length > 0);
  context.restore();
  return drawLabels(context, shown.filter(o => o.label && (look.labels || lit.includes(o))), view, look, lit);
}

function drawShape(context, object, pixel, look, lit, anyLit) {
  const dimmed = anyLit && !lit;
  const outline = (color, width, trace) => {
    context.lineWidth = width * pixel;
    context.strokeStyle = color;
    trace();
  };
  const dash = object.dashed ? [6 * pixel, 4 * pixel] : object.crowd ? [2 * pixel, 3 * pixel] : [];
  if (object.path && (look.masks || lit)) {
    if (!object.dashed) {
      context.globalAlpha = dimmed ? look.opacity / 4 : lit ? Math.max(look.opacity, .5) : look.opacity;
      context.fillStyle = object.hatched ? hatching(context, object.colour, pixel) : object.colour;
      context.fill(object.path, "evenodd");
    }
    context.globalAlpha = dimmed ? .25 : 1;
    context.lineJoin = "round";
    if (object.dashed) context.setLineDash(dash);
    outline(rim, lit ? 5 : 3, () => context.stroke(object.path));
    context.setLineDash(dash);
    outline(object.colour, lit ? 3 : 1.5, () => context.stroke(object.path));
  }
  if (look.boxes || lit && !object.path || !object.path && look.masks) {
    context.globalAlpha = dimmed ? .25 : 1;
    if (object.dashed) context.setLineDash(dash);
    outline(rim, 3, () => context.strokeRect(...object.box));
    context.setLineDash(dash);
    outline(object.colour, 1.5, () => context.strokeRect(...object.box));
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

// Stripes as wide on the screen whatever the zoom.
const hatchings = new Map();
function hatching(context, colour, pixel) {
  if (!hatchings.has(colour)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 3;
    pen.stroke(new Path2D("M-2 2L2 -2M-2 10L10 -2M6 10L10 6"));
    hatchings.set(colour, pen.createPattern(tile, "repeat"));
  }
  const pattern = hatchings.get(colour);
  pattern.setTransform(new DOMMatrix().scale(pixel));
  return pattern;
}

// Each label beside its object, where it covers no other; lit objects choose first, then the largest, and what finds no
// place is left away, to be read on hovering.
function drawLabels(context, objects, view, {text: size = 12, cover = 1}, lit) {
  const height = size + 5;
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const limit = context.canvas.shown;
  const placed = [];
  let room = cover * limit.width * limit.height;
  objects.sort((a, b) => lit.includes(b) - lit.includes(a) || b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  for (const object of objects) {
    const spot = freeSpot(context, object, view, placed, height, limit);
    if (!spot) continue;
    if ((room -= spot.width * height) < 0) break;
    placed.push({object, ...spot});
    context.globalAlpha = lit.length && !lit.includes(object) ? .45 : 1;
    context.fillStyle = object.colour;
    context.beginPath();
    context.roundRect(spot.x, spot.y, spot.width, spot.height, 3);
    context.fill();
    context.strokeStyle = rim;
    context.lineWidth = 1;
    context.stroke();
    context.fillStyle = inkOn(object.colour);
    context.fillText(object.label, spot.x + 4, spot.y + height / 2 + .5, spot.width - 8);
  }
  context.globalAlpha = 1;
  return placed;
}

function freeSpot(context, object, view, placed, height, limit) {
  const x = view.x + object.box[0] * view.scale, y = view.y + object.box[1] * view.scale;
  const w = object.box[2] * view.scale, h = object.box[3] * view.scale;
  const width = Math.min(context.measureText(object.label).width + 8, limit.width - 2);
  if (x > limit.width || y > limit.height || x + w < 0 || y + h < 0) return null;
  const right = x + w - width, middle = y + (h - height) / 2;
  const spots = [[x, y - height], [x, y], [x, y + h], [right, y - height], [right, y], [right, y + h],
                 [x, y + h - height], [x + (w - width) / 2, middle], [x, middle], [x + w, middle], [x - width, middle],
                 [x, y - 2 * height], [x, y + h + height]];
  for (const [left, top] of spots) {
    const spot = {x: clamp(left, 1, limit.width - width - 1), y: clamp(top, 1, limit.height - height - 1), width, height};
    if (Math.abs(spot.x - left) > width || Math.abs(spot.y - top) > 2 * height) continue;
    if (!placed.some(other => meet(spot, other))) return spot;
  }
  return null;
}

const clamp = (x, low, high) => Math.max(low, Math.min(x, high));
const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

// Black or white, whichever reads better on #rrggbb (WCAG 2's luminance).
export function inkOn(colour) {
  const linear = i => {
    const v = parseInt(colour.slice(i, i + 2), 16) / 255;
    return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  };
  const luminance = .2126 * linear(1) + .7152 * linear(3) + .0722 * linear(5);
  return luminance > .179 ? "#000" : "#fff";
}

// The smallest object under a point of the photo, or null.
export function objectAt(context, objects, x, y) {
  let found = null, least = Infinity;
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  for (const o of objects) {
    const [left, top, w, h] = o.box;
    const inside = o.path ? context.isPointInPath(o.path, x, y, "evenodd")
                          : x >= left && y >= top && x < left + w && y < top + h;
    if (inside && w * h < least) { least = w * h; found = o; }
  }
  context.restore();
  return found;
}
