// What the page does: move in the drawing, find a step, open a step or a finding. All text is in the page already.
"use strict";

(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const limit = (value, least, most) => Math.min(Math.max(value, least), most);
  const LEGIBLE = 0.35; // pixels a unit, of which a letter has twelve
  const figures = all("#drawings figure");
  const drawings = new Map(figures.map((figure) => [figure.id, new Drawing(figure)]));
  let current; // the drawing that is shown

  // A drawing, and the part of it that is seen: the point in the middle, and how many pixels a unit has.
  function Drawing(figure) {
    const svg = one("svg", figure);
    const [left, top, width, height] = svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    const nodes = new Map(all(".node", svg).map((node) => [node.dataset.link, node]));
    const edges = new Map(all(".edge", svg).map((edge) => [edge.dataset.number, edge]));
    let x, y, scale, fitting, seen;

    Object.assign(svg.style, { width: `${width}px`, height: `${height}px` });
    // A transform of the whole is many times as fast as another viewBox, for which all text is laid out again.
    const paint = () => {
      const [right, down] = [seen.width / 2 - (x - left) * scale, seen.height / 2 - (y - top) * scale];
      svg.style.transform = `translate(${right}px, ${down}px) scale(${scale})`;
    };
    const fitted = (box) => Math.min(seen.width / box.width, seen.height / box.height);
    const measure = () => {
      seen = figure.getBoundingClientRect();
      fitting = fitted({ width: width + 16, height: height + 16 });
    };
    const rescale = (wanted) => {
      scale = limit(wanted, Math.min(fitting, 1) / 2, 8);
    };
    // Where a part of the drawing stands, in the units of its viewBox.
    const boxOf = (part) => {
      const box = part.getBoundingClientRect();
      return {
        x: x + (box.left + box.width / 2 - seen.left - seen.width / 2) / scale,
        y: y + (box.top + box.height / 2 - seen.top - seen.height / 2) / scale,
        width: box.width / scale,
        height: box.height / scale,
      };
    };

    this.figure = figure;
    this.nodes = nodes;
    this.fit = () => {
      measure();
      [x, y] = [left + width / 2, top + height / 2];
      rescale(Math.min(fitting, 1.5));
      paint();
    };
    // All of it, or where runs begin if nobody could read all of it.
    this.home = () => {
      this.fit();
      if (fitting >= LEGIBLE || !nodes.size) return;
      this.centre([one(".node.begins", svg) ?? one(".node", svg)]);
      this.move(0, 60 - seen.height / 2);
    };
    this.resize = () => {
      measure();
      rescale(scale);
      paint();
    };
    this.move = (right, down) => {
      x -= right / scale;
      y -= down / scale;
      paint();
    };
    // Zooms around a point on the screen, by default the middle.
    this.zoom = (factor, clientX = seen.left + seen.width / 2, clientY = seen.top + seen.height / 2) => {
      const [fromX, fromY] = [clientX - seen.left - seen.width / 2, clientY - seen.top - seen.height / 2];
      const before = scale;
      rescale(scale * factor);
      x += fromX / before - fromX / scale;
      y += fromY / before - fromY / scale;
      paint();
    };
    // Puts parts of the drawing into the middle: all of them, or the last where they would be too small to read.
    this.centre = (parts) => {
      if (!parts.length) return;
      const boxes = parts.map(boxOf);
      const [west, north, east, south] = [
        Math.min(...boxes.map((box) => box.x - box.width / 2)),
        Math.min(...boxes.map((box) => box.y - box.height / 2)),
        Math.max(...boxes.map((box) => box.x + box.width / 2)),
        Math.max(...boxes.map((box) => box.y + box.height / 2)),
      ];
      const most = fitted({ width: east - west + 60, height: south - north + 60 });
      if (most < LEGIBLE && parts.length > 1) {
        this.centre(parts.slice(-1));
        return;
      }
      [x, y] = [(west + east) / 2, (north + south) / 2];
      rescale(Math.min(Math.max(scale, 0.8), most));
      paint();
    };
    this.isSeen = (part) => {
      const box = part.getBoundingClientRect();
      return (
        box.left >= seen.left && box.right <= seen.right && box.top >= seen.top && box.bottom <= seen.bottom
      );
    };
    this.light = (links, numbers) => {
      const lit = new Set([...numbers.map((each) => edges.get(each)), ...links.map((link) => nodes.get(link))]);
      for (const part of [...nodes.values(), ...edges.values()]) part.classList.toggle("lit", lit.has(part));
      figure.classList.toggle("lighting", lit.size > 0);
      this.centre([...lit].filter(Boolean));
    };
  }

  function turnTo(id) {
    if (current === drawings.get(id)) return;
    current = drawings.get(id);
    for (const figure of figures) figure.hidden = figure.id !== id;
    const choice = one("#pipelines");
    if (choice) choice.value = id;
    current.home();
    find();
  }

  // Opens what has this id: a node's panel, or a finding.
  function show(id) {
    const target = document.getElementById(id);
    if (!target) return;
    if (target.matches("details")) {
      target.open = true;
      light(target);
      one("summary", target).focus();
    } else if (target.matches(".node-panel")) {
      const owner = [...drawings].find(([, drawing]) => drawing.nodes.has(id));
      if (owner) turnTo(owner[0]); // else there is a text in the place of its drawing
      const node = owner?.[1].nodes.get(id);
      if (node && !owner[1].isSeen(node)) owner[1].centre([node]);
      select(node);
      for (const each of all(".node-panel")) each.classList.toggle("shown", each === target);
      markLines();
      one("#steps").scrollTop = 0;
    }
    try {
      history.replaceState(null, "", `#${id}`);
    } catch {
      // a page in a frame has no address of its own
    }
  }

  function select(node) {
    for (const each of all(".node.selected")) each.classList.remove("selected");
    if (node) node.classList.add("selected");
  }

  function light(finding) {
    for (const each of all("details[open]")) if (each !== finding) each.open = false;
    if (finding?.dataset.drawing) turnTo(finding.dataset.drawing);
    for (const drawing of drawings.values()) if (drawing !== current) drawing.light([], []);
    const words = (text) => (text ? text.split(" ") : []);
    if (current) current.light(words(finding?.dataset.nodes), words(finding?.dataset.edges));
    markLines();
  }

  // The lines of the shown step through which the path of the open finding goes.
  function markLines() {
    const shown = one(".node-panel.shown");
    const hops = shown ? all(`details[open] a[href="#${shown.id}"]`) : [];
    const lines = new Set(hops.map((hop) => hop.dataset.line));
    for (const line of shown ? all(".line", shown) : []) line.classList.toggle("lit", lines.has(line.dataset.line));
  }

  function close() {
    select(null);
    for (const each of all(".node-panel.shown")) each.classList.remove("shown");
  }

  // Search

  let matches = [];
  let at = 0;

  function find() {
    const input = one("#search input");
    const wanted = input ? input.value.trim().toLowerCase() : "";
    const nodes = current ? [...current.nodes.values()] : [];
    const isMatch = (node) => wanted !== "" && node.dataset.name.toLowerCase().includes(wanted);
    for (const node of nodes) node.classList.toggle("match", isMatch(node));
    const rank = (node) => node.dataset.name.toLowerCase().indexOf(wanted);
    matches = nodes.filter(isMatch).sort((a, b) => rank(a) - rank(b));
    at = 0;
    if (wanted === "") one("#search output")?.replaceChildren();
    else look();
  }

  function look() {
    one("#search output").value = matches.length ? `${at + 1} of ${matches.length}` : "no step";
    if (matches.length) current.centre([matches[at]]);
    select(matches[at]);
  }

  // What the reader does

  function listen() {
    document.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#"]');
      if (event.target.closest(".close")) close();
      if (!link) return;
      event.preventDefault();
      show(link.getAttribute("href").slice(1));
    });
    for (const finding of all("details.finding"))
      finding.addEventListener("toggle", () => {
        if (finding.open) {
          light(finding);
          finding.scrollIntoView({ block: "nearest" });
        } else if (!one("details[open]")) light(null);
      });
    one("#pipelines")?.addEventListener("change", (event) => {
      close();
      light(null);
      turnTo(event.target.value);
    });
    const search = one("#search");
    search.addEventListener("input", find);
    search.addEventListener("submit", (event) => event.preventDefault());
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !matches.length) return;
      if (one(".node-panel.shown")?.id === matches[at].dataset.link) {
        at = (at + (event.shiftKey ? -1 : 1) + matches.length) % matches.length;
        look();
      }
      show(matches[at].dataset.link);
    });
    one("#in").addEventListener("click", () => current.zoom(1.3));
    one("#out").addEventListener("click", () => current.zoom(1 / 1.3));
    one("#fit").addEventListener("click", () => current.fit());
    document.addEventListener("keydown", press);
    for (const drawing of drawings.values()) follow(drawing);
    new ResizeObserver(() => current.resize()).observe(one("#drawings"));
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (event.target.closest("#steps")) one(".node.selected")?.focus();
      close();
      light(null);
    }
    if (event.target.closest("input") || (event.target.closest("select") && event.key !== "/")) return;
    const onNode = event.target.closest(".node");
    const actions = {
      "/": () => one("#search input").focus(),
      "+": () => current.zoom(1.3),
      "=": () => current.zoom(1.3),
      "-": () => current.zoom(1 / 1.3),
      0: () => current.fit(),
    };
    if (onNode) {
      actions.Enter = actions[" "] = () => {
        show(onNode.dataset.link);
        one(".node-panel.shown").focus(); // from where Escape leads back
      };
    }
    if (!event.target.closest("#panel")) {
      actions.ArrowLeft = () => current.move(60, 0);
      actions.ArrowRight = () => current.move(-60, 0);
      actions.ArrowUp = () => current.move(0, 60);
      actions.ArrowDown = () => current.move(0, -60);
    }
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  }

  // The pointer on a drawing: one moves it, two zoom, the wheel zooms, a click without a move opens a step.
  function follow(drawing) {
    const { figure } = drawing;
    const held = new Map();
    let moved = 0;
    figure.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held.set(event.pointerId, event);
      if (held.size === 1) moved = 0;
    });
    figure.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) return;
      const [right, down] = [event.clientX - before.clientX, event.clientY - before.clientY];
      moved += Math.abs(right) + Math.abs(down);
      if (held.size === 1 && moved < 4) return;
      if (!figure.hasPointerCapture(event.pointerId)) figure.setPointerCapture(event.pointerId);
      figure.classList.add("moving");
      const others = [...held.values()].filter((each) => each.pointerId !== event.pointerId);
      if (others.length === 0) drawing.move(right, down);
      else {
        const apart = (each) => Math.hypot(each.clientX - others[0].clientX, each.clientY - others[0].clientY);
        drawing.zoom(apart(event) / Math.max(apart(before), 1), others[0].clientX, others[0].clientY);
      }
      held.set(event.pointerId, event);
    });
    const release = (event) => {
      held.delete(event.pointerId);
      if (!held.size) figure.classList.remove("moving");
    };
    addEventListener("pointerup", release); // which may be beside the drawing
    addEventListener("pointercancel", release);
    figure.addEventListener("click", (event) => {
      const node = event.target.closest(".node");
      if (node && moved < 4) show(node.dataset.link);
    });
    figure.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      drawing.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX, event.clientY);
    }, { passive: false });
    figure.addEventListener("focusin", (event) => {
      const node = event.target.closest(".node");
      if (node?.matches(":focus-visible") && !drawing.isSeen(node)) drawing.centre([node]);
    });
  }

  document.documentElement.classList.add("scripted");
  if (figures.length) {
    listen();
    turnTo(figures[0].id);
  }
  show(decodeURIComponent(location.hash.slice(1)));
})();
