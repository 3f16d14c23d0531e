// Finding faces as fer_bench.prediction.faces does in Python; its numbers come from there.

/** The part of a gray picture of that width, as pixels of its own. */
function cut(gray, width, left, top, across, down) {
  const part = new Uint8Array(across * down);
  for (let y = 0; y < down; y++) {
    const start = (top + y) * width + left;
    part.set(gray.subarray(start, start + across), y * across);
  }
  return part;
}

/** Boxes [left, top, right, bottom, score] in a part of a picture, in pixels of the picture. */
async function search(gray, width, left, top, across, down, least) {
  const length = finder.side;
  const scale = length / Math.max(across, down);
  const [wide, high] = [across, down].map((extent) => Math.max(1, Math.round(extent * scale)));
  const small = resized(cut(gray, width, left, top, across, down), across, down, wide, high, scale < 1);
  const [before, above] = [wide, high].map((extent) => Math.floor((length - extent) / 2));
  const input = new Float32Array(3 * length * length).fill(-1);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const start = 3 * ((y + above) * length + x + before);
      input.fill(Math.round(small[y * wide + x]) / 127.5 - 1, start, start + 3);
    }
  }
  const tensor = new ort.Tensor("float32", input, [1, length, length, 3]);
  const outputs = await finderSession.run({ [finderSession.inputNames[0]]: tensor });
  const [boxes, logits] = [outputs[finder.boxes].data, outputs[finder.scores].data];
  const found = [];
  finder.anchors.forEach(([x, y], i) => {
    const score = 1 / (1 + Math.exp(-logits[i]));
    const [dx, dy, w, h] = boxes.subarray(16 * i, 16 * i + 4);
    if (!(score > least && w > 0 && h > 0)) return;
    const [px, py] = [across / wide, down / high];
    found.push([
      left + (x + dx - w / 2 - before) * px, top + (y + dy - h / 2 - above) * py,
      left + (x + dx + w / 2 - before) * px, top + (y + dy + h / 2 - above) * py, score,
    ]);
  });
  return found;
}

function overlap(a, b) {
  const across = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const down = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(0, across) * Math.max(0, down);
  return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared);
}

/** One box for each group of overlapping ones, weighted by score; the largest first. */
function merged(boxes) {
  let left = [...boxes].sort((a, b) => b[4] - a[4]);
  const found = [];
  while (left.length) {
    const group = left.filter((box) => overlap(left[0], box) > finder.max_overlap);
    const total = group.reduce((sum, box) => sum + box[4], 0);
    found.push([0, 1, 2, 3].map((k) => group.reduce((sum, box) => sum + box[k] * box[4], 0) / total));
    left = left.filter((box) => !group.includes(box));
  }
  return found.sort((a, b) => b[2] - b[0] - a[2] + a[0]);
}

function starts(extent, length) {
  const steps = Math.ceil(Math.max(0, extent - length) / (length / 2));
  if (!steps) return [0];
  return Array.from({ length: steps + 1 }, (_, step) => Math.round(step * (extent - length) / steps));
}

/** The faces of a gray picture; in the whole of it, and where that shows none, in parts. */
async function findFaces(gray, width, height) {
  let boxes = await search(gray, width, 0, 0, width, height, finder.min_score);
  if (!boxes.length) {
    const length = Math.floor((Math.max(width, height) + 1) / 2);
    for (const top of starts(height, length)) {
      for (const left of starts(width, length)) {
        const [across, down] = [Math.min(length, width - left), Math.min(length, height - top)];
        boxes = boxes.concat(await search(gray, width, left, top, across, down, finder.min_score_part));
      }
    }
  }
  return merged(boxes);
}

/** The square that is cut out around a face: left, top, side, whole pixels within the picture. */
function around([x0, y0, x1, y1], width, height) {
  const length = Math.max(x1 - x0, y1 - y0);
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2 - finder.up * length];
  const half = length * finder.crop_scale / 2;
  const clipped = (middle, extent) => [Math.max(0, Math.floor(middle - half)), Math.min(extent, Math.ceil(middle + half))];
  const [[left, right], [top, bottom]] = [clipped(x, width), clipped(y, height)];
  const side = Math.min(Math.max(right - left, bottom - top), width, height);
  const widened = (start, end, extent) =>
    Math.min(Math.max(0, start - Math.floor((side - (end - start)) / 2)), extent - side);
  return [widened(left, right, width), widened(top, bottom, height), side];
}
