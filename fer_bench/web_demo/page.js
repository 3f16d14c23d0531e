"use strict";
// The same steps as fer_bench.prediction takes in Python; everything happens on this machine, the page's policy forbids
// any connection.

const contract = JSON.parse(document.getElementById("contract").textContent);
const finder = contract.finder;
const stored = contract.preprocessing.stored_size[0];
const side = contract.preprocessing.image_size[0];
const element = (name) => document.getElementById(name);
const say = (text) => { element("status").textContent = text; };

// Preprocessing

/** Gray by luminance from RGBA bytes, in the fixed-point arithmetic of OpenCV. */
function grayOf(rgba) {
  const gray = new Uint8Array(rgba.length / 4);
  for (let i = 0, j = 0; i < gray.length; i++, j += 4) {
    gray[i] = (9798 * rgba[j] + 19235 * rgba[j + 1] + 3735 * rgba[j + 2] + 16384) >> 15;
  }
  return gray;
}

/** The source pixels, with weights that sum to 1, of each of `to` pixels along one direction of `from`. */
function shares(from, to, area) {
  const scale = from / to;
  return Array.from({ length: to }, (_, place) => {
    if (!area) {
      const at = Math.min(Math.max((place + 0.5) * scale - 0.5, 0), from - 1);
      const low = Math.floor(at);
      return [[low, 1 - at + low], [Math.min(low + 1, from - 1), at - low]];
    }
    const start = place * scale;
    const end = Math.min(start + scale, from);
    const found = [];
    for (let pixel = Math.floor(start + 1e-9); pixel < end - 1e-9; pixel++) {
      found.push([pixel, (Math.min(pixel + 1, end) - Math.max(pixel, start)) / (end - start)]);
    }
    return found;
  });
}

/** A picture of one width and height, resized to another: by averaging areas, or bilinearly. */
function resized(pixels, fromWidth, fromHeight, toWidth, toHeight, area) {
  const across = shares(fromWidth, toWidth, area);
  const down = shares(fromHeight, toHeight, area);
  const rows = new Float64Array(fromHeight * toWidth);
  for (let y = 0; y < fromHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      let sum = 0;
      for (const [pixel, weight] of across[x]) sum += weight * pixels[y * fromWidth + pixel];
      rows[y * toWidth + x] = sum;
    }
  }
  const result = new Float64Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    for (const [pixel, weight] of down[y]) {
      for (let x = 0; x < toWidth; x++) result[y * toWidth + x] += weight * rows[pixel * toWidth + x];
    }
  }
  return result;
}

/** A square picture, rounded to 8 bits: averaged where it shrinks, whole factors first, bilinear where it grows. */
function resized8(pixels, from, to) {
  if (from === to) return pixels;
  for (let factor = Math.floor(from / to); factor > 1; factor--) {
    if (from % factor === 0) {
      pixels = Uint8Array.from(resized(pixels, from, from, from / factor, from / factor, true), Math.round);
      from /= factor;
      break;
    }
  }
  if (from === to) return pixels;
  return Uint8Array.from(resized(pixels, from, from, to, to, from > to), Math.round);
}

/** A square gray picture to what the network takes: float32, 1 x side x side x 3, -1 to 1. */
function networkInput(gray, from) {
  let values = resized8(gray, from, stored);
  if (contract.preprocessing.resize === "area") values = resized8(values, stored, side);
  if (contract.preprocessing.resize === "bilinear") values = resized(values, stored, stored, side, side, false);
  const input = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++) input.fill(Math.fround(values[i]) / 127.5 - 1, 3 * i, 3 * i + 3);
  return [input, values];
}

// The model

async function unpacked(name) {
  const block = element(name);
  const packed = Uint8Array.from(atob(block.textContent), (letter) => letter.charCodeAt(0));
  block.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let ort;
let session;
let finderSession = null;

/** While the model is loaded, or the webcam starts, nothing else can be begun. */
let busy = true;
function setBusy(value) {
  busy = value;
  for (const name of ["file", "webcam"]) element(name).disabled = value;
}

async function load() {
  const address = URL.createObjectURL(new Blob([await unpacked("runtime")], { type: "text/javascript" }));
  ort = await import(address);
  ort.env.wasm.wasmBinary = await unpacked("wasm");
  ort.env.wasm.numThreads = 1;
  session = await ort.InferenceSession.create(await unpacked("model"), { executionProviders: ["wasm"] });
  if (finder) finderSession = await ort.InferenceSession.create(await unpacked("finder"), { executionProviders: ["wasm"] });
  element("finding").hidden = !finder;
  element("find").checked = Boolean(finder);
  setBusy(false);
  say("Ready: choose or drop a picture, or start the webcam.");
}

async function probabilitiesOf(input) {
  const tensor = new ort.Tensor("float32", input, [1, side, side, 3]);
  const outputs = await session.run({ [session.inputNames[0]]: tensor });
  return Array.from(outputs[session.outputNames[0]].data);
}

function show(probabilities) {
  const list = element("answer");
  list.replaceChildren();
  const first = probabilities.indexOf(Math.max(...probabilities));
  contract.class_names.forEach((name, index) => {
    const item = document.createElement("li");
    const [label, track, bar, percent] = ["span", "span", "div", "span"].map((kind) => document.createElement(kind));
    label.textContent = name;
    percent.textContent = `${(100 * probabilities[index]).toFixed(1)} %`;
    percent.className = "percent";
    bar.className = "bar";
    bar.style.width = `${100 * probabilities[index]}%`;
    track.append(bar);
    item.className = index === first ? "first" : "";
    item.dataset.probability = probabilities[index];
    item.append(label, track, percent);
    list.append(item);
  });
}

// The picture and the square

const stage = element("stage");
/** The picture as it was read; one canvas each, for a context that was lost stays lost. */
let source = document.createElement("canvas");
let video = null;
let running = Promise.resolve();

let gray = null;
/** Left, top and side of the square, whole pixels of the picture. */
let square = [0, 0, 1];

function squareOfSliders() {
  const [width, height] = [source.width, source.height];
  const length = Math.max(1, Math.round(Math.min(width, height) * element("size").value / 100));
  const start = (name, room) => Math.round(room * element(name).value / 100);
  return [start("across", width - length), start("down", height - length), length];
}

function slidersOfSquare() {
  const [left, top, length] = square;
  const share = (start, room) => (room > 0 ? 100 * start / room : 50);
  element("size").value = 100 * length / Math.min(source.width, source.height);
  element("across").value = share(left, source.width - length);
  element("down").value = share(top, source.height - length);
}

function draw() {
  const pen = stage.getContext("2d");
  pen.drawImage(fitted(source), 0, 0);
  const [left, top, length] = square;
  pen.lineWidth = Math.max(2, source.width / 150);
  pen.strokeStyle = "#fff";
  pen.strokeRect(left, top, length, length);
  pen.strokeStyle = "#06f";
  pen.setLineDash([pen.lineWidth * 3]);
  pen.strokeRect(left, top, length, length);
}

async function answer() {
  if (!gray || !session) return;
  const pixels = gray;
  if (element("find").checked) {
    const faces = await findFaces(pixels, source.width, source.height);
    if (gray !== pixels) return; // Another picture has come, and is asked for.
    if (!faces.length) {
      stage.getContext("2d").drawImage(fitted(source), 0, 0);
      element("answer").replaceChildren();
      element("seen").getContext("2d").clearRect(0, 0, side, side);
      delete stage.dataset.square;
      say("No face found. Without 'Find the face' you can put the square around it yourself.");
      return;
    }
    square = around(faces[0], source.width, source.height);
    slidersOfSquare();
    say(faces.length > 1 ? `${faces.length} faces found; the square is around the largest.` : "One face found.");
  } else {
    square = squareOfSliders();
  }
  draw();
  const [left, top, length] = square;
  const [input, values] = networkInput(cut(pixels, source.width, left, top, length, length), length);
  const seen = element("seen").getContext("2d");
  const picture = seen.createImageData(side, side);
  for (let i = 0; i < side * side; i++) picture.data.set([values[i], values[i], values[i], 255], 4 * i);
  seen.putImageData(picture, 0, 0);
  show(await probabilitiesOf(input));
  stage.dataset.square = [left, top, length];
}

/** The stage made as large as the picture, and the picture. */
function fitted(picture) {
  [stage.width, stage.height] = [picture.width, picture.height];
  return picture;
}

/** One answer after the other; of those asked for meanwhile only the last. */
let asked = false;
function ask() {
  if (asked) return;
  asked = true;
  running = running.then(() => { asked = false; return answer(); }).catch((error) => say(`Failed: ${error.message}`));
}

/** Make an image the picture. Throws where it is too large, or the browser cannot hold it or gives no pixels. */
function put(image, width, height) {
  const most = contract.limits;
  if (width * height > most.pixels || Math.max(width, height) > most.side) {
    const [million, pixels] = [Math.round(most.pixels / 1e6), most.side.toLocaleString("en")];
    throw new Error(`${width} x ${height} pixels; at most ${million} million, and ${pixels} a side, are taken`);
  }
  gray = null;
  [source.width, source.height] = [0, 0]; // Its memory is free at once, not when the browser collects it.
  source = document.createElement("canvas");
  [source.width, source.height] = [width, height];
  const pen = source.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  const pixels = pen.getImageData(0, 0, width, height).data;
  // A canvas without memory draws nothing, and gives black pixels, without an error.
  if (pen.isContextLost?.()) throw new Error("the browser has no memory for it");
  gray = grayOf(pixels);
}

function place(size, across, down) {
  [element("size").value, element("across").value, element("down").value] = [size, across, down];
}

/** Counts what was begun: a large picture that is still read must not take the place of what was chosen after it. */
let begun = 0;

async function take(file) {
  if (busy) return;
  stopWebcam();
  const turn = ++begun;
  let image;
  try {
    // Pixels as they are in the file: OpenCV applies no colour profile either.
    image = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    if (turn === begun) say(`${file.name}: no picture that this browser can read.`);
    return;
  }
  if (turn !== begun) return;
  try {
    put(image, image.width, image.height);
  } catch (error) {
    say(`${file.name}: cannot be shown: ${error.message}`);
    return;
  }
  place(100, 50, 50);
  say(`${file.name}: ${image.width} x ${image.height} pixels. Put the square around the face.`);
  ask();
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function stopWebcam() {
  if (!video) return;
  release(video.srcObject);
  video = null;
  element("webcam").textContent = "Start the webcam";
}

async function startWebcam() {
  setBusy(true);
  begun++;
  const started = document.createElement("video");
  let stream = null;
  try {
    if (!navigator.mediaDevices) throw new Error("this browser gives none to this page");
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    started.muted = true;
    started.playsInline = true;
    started.srcObject = stream;
    await started.play();
  } catch (error) {
    if (stream) release(stream);
    say(`No webcam: ${error.message}`);
    return;
  } finally {
    setBusy(false);
  }
  video = started;
  element("webcam").textContent = "Stop the webcam";
  place(60, 50, 50);
  say("Put the square around the face.");
  const frame = () => {
    if (video !== started) return;
    try {
      put(video, video.videoWidth, video.videoHeight);
    } catch (error) {
      stopWebcam();
      say(`No picture from the webcam: ${error.message}`);
      return;
    }
    ask();
    running.finally(() => requestAnimationFrame(frame));
  };
  frame();
}

element("file").addEventListener("change", (event) => {
  if (event.target.files[0]) take(event.target.files[0]);
});
element("webcam").addEventListener("click", () => (video ? stopWebcam() : startWebcam()));
for (const name of ["size", "across", "down"]) {
  element(name).addEventListener("input", () => { element("find").checked = false; ask(); });
}
element("find").addEventListener("change", ask);
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});
stage.addEventListener("pointermove", (event) => {
  if (!event.buttons || !gray) return;
  element("find").checked = false;
  const frame = stage.getBoundingClientRect();
  const [, , length] = square;
  const move = (name, at, extent, room) => {
    if (room > 0) element(name).value = 100 * (at * extent - length / 2) / room;
  };
  move("across", (event.clientX - frame.left) / frame.width, source.width, source.width - length);
  move("down", (event.clientY - frame.top) / frame.height, source.height, source.height - length);
  ask();
});

load().catch((error) => say(`The model cannot be loaded: ${error.message}`));
