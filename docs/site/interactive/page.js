// The interactive page: hands pictures and splits to the model (model.cpp, in WebAssembly) and draws what it answers.
"use strict";
(() => {
  const grid = 8, tokens = grid * grid, best = 5, heads = 3, side = 256, patch = 8;
  const shown = {words: 1, a_sees: 2, a_inpaints: 3, b_sees: 4, b_inpaints: 5, attention: 6};
  const examples = [80, 31, 99, 25, 14, 66, 58, 3, 42, 77];
  const element = id => document.getElementById(id);
  let model, head = heads, seed = 1, selected = 27, drawing = false;

  // Three bytes a pixel from the model's memory, on a canvas of side x side pixels of its own.
  function put(canvas, at, size) {
    const bytes = new Uint8ClampedArray(size * size * 4);
    for (let i = 0, j = 0; i < bytes.length; i += 4, j += 3) {
      bytes[i] = model.HEAPU8[at + j], bytes[i + 1] = model.HEAPU8[at + j + 1], bytes[i + 2] = model.HEAPU8[at + j + 2], bytes[i + 3] = 255;
    }
    canvas.width = canvas.height = size;
    canvas.getContext("2d").putImageData(new ImageData(bytes, size, size), 0, 0);
  }
  const putShown = (id, which) => put(element(id), model._shown_pixels(which), side);
  const inA = token => model.HEAPU8[model._in_a() + token] !== 0;

  // The picture with a tint for each branch, and a line where they meet.
  function drawSplit() {
    const canvas = element("split"), context = canvas.getContext("2d"), cell = canvas.width / grid;
    const picture = document.createElement("canvas");
    put(picture, model._shown_pixels(0), side);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    for (let token = 0; token < tokens; ++token) {
      const x = token % grid * cell, y = Math.floor(token / grid) * cell, mine = inA(token);
      context.fillStyle = mine ? "rgb(217 130 43 / 30%)" : "rgb(43 127 217 / 30%)";
      context.fillRect(x, y, cell, cell);
      context.strokeStyle = "rgb(255 255 255 / 25%)", context.lineWidth = 1;
      context.strokeRect(x + .5, y + .5, cell, cell);
    }
    context.beginPath();
    for (let token = 0; token < tokens; ++token) {
      const x = token % grid, y = Math.floor(token / grid);
      const line = (fromX, fromY) => { context.moveTo(fromX * cell, fromY * cell); context.lineTo((x + 1) * cell, (y + 1) * cell); };
      if (x + 1 < grid && inA(token) !== inA(token + 1)) line(x + 1, y);
      if (y + 1 < grid && inA(token) !== inA(token + grid)) line(x, y + 1);
    }
    context.lineCap = "round", context.lineWidth = 6, context.strokeStyle = "rgb(20 18 30 / 85%)", context.stroke();
    context.lineWidth = 2.5, context.strokeStyle = "#fff", context.stroke();
  }

  function drawAttention() {
    for (let which = 0; which < 3; ++which) putShown("attention_" + which, shown.attention + 3 * head + which);
    for (const button of element("heads").children) button.setAttribute("aria-pressed", String(Number(button.value) === head));
  }

  // One line of the detail: a word's picture, its number, and its probability where it is a guess.
  function wordRow(id, token, share, right) {
    const row = document.createElement("div"), canvas = document.createElement("canvas"), text = document.createElement("span");
    row.className = "row";
    put(canvas, model._draw_word(id, token), patch);
    text.textContent = "word " + id;
    if (right) text.className = "right";
    row.append(canvas, text);
    if (share !== undefined) {
      const room = document.createElement("div"), bar = document.createElement("div"), number = document.createElement("span");
      room.className = "bar-room", bar.className = "share", bar.style.width = 100 * share + "%";
      room.append(bar);
      number.textContent = (100 * share).toFixed(0) + " %";
      row.append(room, number);
    }
    return row;
  }
  function drawDetail() {
    const token = selected, detail = element("detail"), word = model.HEAP32[(model._word_ids() >> 2) + token];
    const guesser = inA(token) ? 1 : 0, at = (guesser * tokens + token) * best;  // who does not see it
    const title = document.createElement("h3"), truth = wordRow(word, token);
    const list = document.createElement("div"), heading = document.createElement("div");
    title.textContent = "Patch " + (token % grid + 1) + ", " + (Math.floor(token / grid) + 1);
    truth.append("what stands there");
    heading.className = "row";
    const name = guesser === 0 ? "<span class=a>A</span>" : "<span class=b>B</span>";
    heading.innerHTML = "<span>Hidden from " + name + ", which guesses:</span>";
    for (let i = 0; i < best; ++i) {
      const id = model.HEAP32[(model._guesses() >> 2) + at + i];
      list.append(wordRow(id, token, model.HEAPF32[(model._shares() >> 2) + at + i], id === word));
    }
    detail.replaceChildren(title, truth, heading, list);
  }

  function look() {
    const begin = performance.now();
    model._look();
    element("time").textContent = (performance.now() - begin).toFixed(0) + " milliseconds on one thread";
    drawSplit();
    for (const id of ["words", "a_sees", "a_inpaints", "b_sees", "b_inpaints"]) putShown(id, shown[id]);
    drawAttention();
    drawDetail();
    const numbers = model.HEAPF32.slice(model._numbers() >> 2, (model._numbers() >> 2) + 5);
    const score = (right, nats) => (100 * right).toFixed(0) + " % of the words exactly, " + nats.toFixed(2) + " nats";
    element("a_score").textContent = score(numbers[0], numbers[1]);
    element("b_score").textContent = score(numbers[2], numbers[3]);
    element("cosine").textContent = numbers[4].toFixed(2);
  }
  // Events that wait for their turn together are answered by one look.
  let waiting = false;
  function lookSoon() {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; look(); });
  }

  function say(text, bad) {
    const status = element("status");
    status.hidden = !text, status.textContent = text;
    status.classList.toggle("bad", !!bad);
  }
  function press(button) {
    for (const other of element("shapes").children) other.setAttribute("aria-pressed", String(other === button));
  }

  async function openFile(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      say("“" + file.name + "” is no picture that this browser can open; JPEG, PNG and WebP are.", true);
      return;
    }
    const scale = Math.min(1, 512 / Math.min(bitmap.width, bitmap.height)), canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale)), canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff", context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    model.HEAPU8.set(pixels, model._room(pixels.length));
    model._open_picture(canvas.width, canvas.height);
    say("");
    press(null);
    look();
  }

  function tokenAt(canvas, event) {
    const box = canvas.getBoundingClientRect();
    const at = (value, from, length) => Math.min(grid - 1, Math.max(0, Math.floor((value - from) / length * grid)));
    return at(event.clientY, box.top, box.height) * grid + at(event.clientX, box.left, box.width);
  }

  function listen() {
    const split = element("split");
    let toA = false;
    const give = event => { model._give(tokenAt(split, event), toA ? 1 : 0); lookSoon(); };
    split.addEventListener("pointerdown", event => { drawing = true, toA = !inA(tokenAt(split, event)); give(event); });
    split.addEventListener("pointermove", event => { if (drawing) give(event); });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { drawing = false; });
    element("turn").addEventListener("input", event => { model._split(2, 0, event.target.value * Math.PI / 180); lookSoon(); });
    element("blocks").addEventListener("click", () => { model._split(0, ++seed, 0); look(); });
    element("scatter").addEventListener("click", () => { model._split(1, ++seed, 0); look(); });
    for (const canvas of document.querySelectorAll(".ask"))
      canvas.addEventListener("click", event => { selected = tokenAt(canvas, event); drawDetail(); });

    for (let h = 0; h <= heads; ++h) {
      const button = document.createElement("button");
      button.type = "button", button.value = h, button.textContent = h < heads ? "Head " + (h + 1) : "Mean of heads";
      button.addEventListener("click", () => { head = h; drawAttention(); });
      element("heads").append(button);
    }
    for (const index of examples) {
      const button = document.createElement("button"), canvas = document.createElement("canvas");
      button.type = "button", button.title = "Built-in picture " + index;
      put(canvas, model._draw_shape(index, 128), 128);
      button.append(canvas);
      button.addEventListener("click", () => { model._open_shape(index); say(""); press(button); look(); });
      element("shapes").append(button);
    }
    const drop = element("drop");
    element("file").addEventListener("change", event => { if (event.target.files.length) openFile(event.target.files[0]); });
    addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over"); });
    addEventListener("dragleave", () => drop.classList.remove("over"));
    addEventListener("drop", event => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
    });
  }

  async function start() {
    if (typeof vitrail !== "function")
      return say("This copy of the site was built without emscripten, so the model is missing here.", true);
    try {
      model = await vitrail();
    } catch {
      return say("The model could not start: it needs a browser with WebAssembly and its SIMD instructions (all since 2023).", true);
    }
    const bytes = Uint8Array.from(atob(weightsInBase64), c => c.charCodeAt(0));
    model.HEAPU8.set(bytes, model._room(bytes.length));
    const wrong = model._load_weights();
    if (wrong) return say(model.UTF8ToString(wrong), true);
    element("lab").hidden = false;
    listen();
    model._split(0, seed, 0);
    element("shapes").children[0].click();
  }
  start();
})();
