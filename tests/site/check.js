// Checks the built site from outside: every page in a frame of a phone's width, every link, and the interactive page by its own controls.
// files.js, written by check.sh, says where the site is (site), what files it has (files) and what to check (parts).
"use strict";
const phone = 360, report = document.getElementById("report"), known = new Set(files);
let checks = 0, failures = 0;
const say = text => report.append(text + "\n");
function check(holds, text) {
  ++checks;
  if (!holds) ++failures, say("wrong: " + text);
}

function inFrame(page, width, height) {
  return new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.style = "border:0;width:" + width + "px;height:" + height + "px";
    frame.onload = () => resolve(frame);
    frame.src = site + page;
    document.body.append(frame);
  });
}
async function parsed(page) {
  const text = await new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.onload = () => resolve(request.responseText);
    request.onerror = () => reject(new Error("cannot read " + page));
    request.open("GET", site + page);
    request.send();
  });
  return new DOMParser().parseFromString(text, "text/html");
}

// Links and anchors of all pages, pictures and scripts too.
async function checkLinks() {
  const anchors = new Map(), wanted = [];
  for (const page of files.filter(file => file.endsWith(".html"))) {
    const parts = await parsed(page), names = new Set();
    for (const one of parts.querySelectorAll("[id]")) names.add(one.id);
    for (const one of parts.querySelectorAll("a[name]")) names.add(one.name);
    anchors.set(page, names);
    for (const one of parts.querySelectorAll("[href], [src]")) {
      const link = one.getAttribute("href") || one.getAttribute("src");
      if (link && !/^(https?|mailto|data|javascript):/.test(link)) wanted.push([page, link]);
      check(!(one.matches("[src], link") && /^https?:/.test(link)), page + " needs the network for " + link);
    }
  }
  for (const [page, link] of wanted) {
    const url = new URL(link, "file:///" + page);
    const path = decodeURIComponent(url.pathname.slice(1)), anchor = decodeURIComponent(url.hash.slice(1));
    check(known.has(path), page + " links to " + link + ", which is not there");
    if (anchor && anchors.has(path))
      check(anchors.get(path).has(anchor), page + " links to " + link + ", which has no such place");
  }
  say(wanted.length + " links");
}

// Text that pandoc or a browser left as TeX.
function rawFormula(inside) {
  const walker = inside.ownerDocument.createTreeWalker(inside, NodeFilter.SHOW_TEXT);
  const source = /\$|\\(frac|sum|mathbb|text|le|ge|cdot)\b/;
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (!node.parentElement.closest("code, pre, script, style, math") && source.test(node.data)) return node.data.trim().slice(0, 80);
  return null;
}

async function checkPages() {
  // Of the reference every seventh page: they are all made alike.
  const pages = files.filter(file => file.endsWith(".html") && !file.startsWith("interactive/") && !file.endsWith("_source.html"));
  const chosen = pages.filter((page, i) => !page.startsWith("api/") || page === "api/index.html" || i % 7 === 0);
  let formulas = 0, pictures = 0;
  for (const page of chosen) {
    const frame = await inFrame(page, phone, 700), parts = frame.contentDocument, main = parts.querySelector("main");
    check(main && (parts.querySelector("h1, .title") || page.startsWith("api/")), page + " has no text or no heading");
    if (main) {
      check(main.innerText.length > (page.startsWith("api/") ? 20 : 60), page + " is empty");
      const width = parts.documentElement.scrollWidth;
      check(width <= phone, page + " is " + width + " pixels wide on a phone of " + phone);
      const raw = rawFormula(main);
      check(raw === null, page + " shows a formula's source: " + raw);
      check(!parts.querySelector("span.math, merror"), page + " has a formula that was not understood");
      for (const image of parts.images)
        ++pictures, check(image.complete && image.naturalWidth > 0, page + " does not show " + image.getAttribute("src"));
      for (const formula of parts.querySelectorAll("math"))
        ++formulas, check(formula.getBoundingClientRect().height > 5, page + " does not draw a formula");
    }
    frame.remove();
  }
  check(pictures > 0, "no page has a picture");
  if (files.some(file => file.startsWith("lessons/"))) check(formulas > 10, "the lessons show no formulas");
  say(chosen.length + " pages in a frame, " + pictures + " pictures, " + formulas + " formulas");
  await checkTheme();
}

// The button for light and dark, and the reference's search.
async function checkTheme() {
  const frame = await inFrame("api/index.html", 1200, 800), parts = frame.contentDocument;
  const colour = () => frame.contentWindow.getComputedStyle(parts.body).backgroundColor;
  const before = colour();
  parts.getElementById("theme").click();
  check(colour() !== before, "the button for light and dark changes nothing");
  parts.getElementById("theme").click();
  const field = parts.getElementById("find");
  field.value = "splitmask";
  field.dispatchEvent(new Event("input"));
  const first = parts.querySelector("#found a");
  check(first && first.textContent === "SplitMask" && known.has("api/" + first.getAttribute("href")), "the search does not find SplitMask");
  frame.remove();
}

// What a canvas shows, as a number; and of how many colours it is.
function look(canvas) {
  const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, colours = new Set();
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 4) {
    sum = (sum * 31 + bytes[i] * 7 + bytes[i + 1] * 3 + bytes[i + 2]) % 1000000007;
    if (colours.size < 100) colours.add(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
  }
  return {sum, colours: colours.size};
}
const soon = () => new Promise(resolve => setTimeout(resolve, 60));

async function checkInteractive() {
  const frame = await inFrame("interactive/index.html", phone, 700), parts = frame.contentDocument, the = id => parts.getElementById(id);
  for (let i = 0; i < 1500 && the("lab").hidden && !the("status").classList.contains("bad"); ++i) await soon();
  check(!the("lab").hidden, "the model did not start: " + the("status").textContent);
  if (the("lab").hidden) return;
  const canvases = ["split", "words", "a_sees", "a_inpaints", "b_sees", "b_inpaints", "attention_0", "attention_1", "attention_2"];
  const all = () => Object.fromEntries(canvases.map(id => [id, look(the(id))]));
  // Does something, and compares: `moved` must change, everything else must stay.
  const step = async (what, act, moved) => {
    const before = all();
    await act();
    let after = all();
    for (let i = 0; i < 200 && moved.some(id => before[id].sum === after[id].sum); ++i) await soon(), after = all();
    for (const id of canvases) {
      check(after[id].colours > 20, what + ": " + id + " shows " + after[id].colours + " colours");
      const moves = moved.includes(id);
      check(before[id].sum !== after[id].sum === moves, what + ": " + id + (moves ? " does not change" : " changes"));
    }
    check(parts.documentElement.scrollWidth <= phone, what + ": the page is wider than a phone");
  };
  const bySplit = canvases.filter(id => !["words", "attention_0"].includes(id)), byHead = canvases.filter(id => id.startsWith("attention"));
  check(the("shapes").children.length >= 6, "there are too few built-in pictures");
  await step("another built-in picture", () => the("shapes").children[2].click(), canvases);
  await step("a new split", () => the("blocks").click(), bySplit);
  await step("a scattered split", () => the("scatter").click(), bySplit);
  await step("turning the cut", () => { the("turn").value = 130; the("turn").dispatchEvent(new Event("input")); }, bySplit);
  await step("turning it on", () => { the("turn").value = 200; the("turn").dispatchEvent(new Event("input")); }, bySplit);
  const box = the("split").getBoundingClientRect();
  const touch = (kind, x, y) => the("split").dispatchEvent(new frame.contentWindow.PointerEvent(kind,
    {bubbles: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height}));
  const draw = () => { touch("pointerdown", .2, .5); touch("pointermove", .3, .5); touch("pointerup", .3, .5); };
  await step("drawing on the split", draw, bySplit);
  await step("one head's attention", () => the("heads").children[0].click(), byHead);

  const before = the("detail").innerHTML, words = the("words").getBoundingClientRect();
  the("words").dispatchEvent(new frame.contentWindow.MouseEvent("click", {bubbles: true, clientX: words.left + 5, clientY: words.top + 5}));
  check(the("detail").innerHTML !== before && the("detail").querySelectorAll("canvas").length === 6,
    "tapping a patch does not show its word and five guesses");

  // A reader's picture, through the control that a reader uses.
  const picture = parts.createElement("canvas"), context = picture.getContext("2d");
  picture.width = 300, picture.height = 200;
  const blend = context.createLinearGradient(0, 0, 300, 200);
  blend.addColorStop(0, "#d04020"), blend.addColorStop(1, "#2040c0");
  context.fillStyle = blend, context.fillRect(0, 0, 300, 200), context.fillStyle = "#ffe080", context.fillRect(110, 60, 80, 80);
  const blob = await new Promise(resolve => picture.toBlob(resolve)), data = new frame.contentWindow.DataTransfer();
  data.items.add(new frame.contentWindow.File([blob], "mine.png", {type: "image/png"}));
  await step("a picture of the reader's", async () => {
    the("file").files = data.files;
    the("file").dispatchEvent(new Event("change"));
  }, canvases);
  const share = /(\d+) % of the words exactly, ([\d.]+) nats/.exec(the("a_score").textContent), cosine = Number(the("cosine").textContent);
  check(share && Number(share[2]) > 0 && Number(share[2]) < 20, "A's score reads: " + the("a_score").textContent);
  check(cosine > 0.2 && cosine <= 1, "the descriptors' cosine is " + cosine);

  // The model is a trained one: on its own kind of pictures it beats guessing among 512 words, ln 512 = 6.24 nats.
  let nats = 0;
  const buttons = the("shapes").children;
  for (const button of buttons) button.click(), nats += Number(/([\d.]+) nats/.exec(the("a_score").textContent)[1]) / buttons.length;
  check(nats < 5, "A's guesses take " + nats.toFixed(2) + " nats on the built-in pictures; random weights take 6.2");

  const bad = new frame.contentWindow.DataTransfer();
  bad.items.add(new frame.contentWindow.File(["no picture"], "notes.txt", {type: "text/plain"}));
  parts.dispatchEvent(new frame.contentWindow.DragEvent("drop", {bubbles: true, dataTransfer: bad}));
  for (let i = 0; i < 200 && the("status").hidden; ++i) await soon();
  check(the("status").textContent.includes("notes.txt") && !the("status").hidden, "a file that is no picture is not refused in words");
  say("A's guesses on the built-in pictures: " + nats.toFixed(2) + " nats; one look took " + the("time").textContent);
  frame.remove();
}

// Chromium prints this page once it has loaded, and a page has not while a frame of it is still being written.
const unfinished = document.body.appendChild(document.createElement("iframe")).contentDocument;
unfinished.open();

(async () => {
  try {
    if (parts.includes("links")) await checkLinks();
    if (parts.includes("pages")) await checkPages();
    if (parts.includes("interactive")) await checkInteractive();
  } catch (error) {
    check(false, "the check itself stopped: " + error.message + " " + error.stack);
  }
  say(failures === 0 ? "all " + checks + " checks hold" : failures + " of " + checks + " checks fail");
  unfinished.close();
})();
