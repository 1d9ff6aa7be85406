/* The report's script: limits that decide the lanes again, charts, and the trials; tables.js comes before it.
   Text of others reaches the document as textContent alone. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const { all, element, equip } = window.lanebenchTables;

  function drawn(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  async function unpack(id) {
    const bytes = Uint8Array.from(atob($(id).textContent), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  const number = (value, digits = 3) =>
    value === null || value === undefined ? "-" : Number(value).toLocaleString("en", { maximumSignificantDigits: digits });
  const seconds = (value) =>
    value === null || value === undefined ? "-" : value < 1 ? `${number(value * 1000)} ms` : `${number(value)} s`;

  /* ---- lanes: the same rules as harness/summarize, for limits that the reader sets ---- */
  function limitState(value, low, high, limit) {
    if (value === null || value === undefined) return "unknown";
    if ((low ?? value) >= limit) return "met";
    return (high ?? value) < limit ? "not_met" : "inconclusive";
  }

  function requirements(model, lane, limits) {
    const found = model.other_states.map(([state, text]) => [state, text]);
    const rate = limits.rate ?? (lane.min_pass_rate === null ? null : 100 * lane.min_pass_rate);
    if (rate !== null) {
      const state = model.low === null ? "unknown" : limitState(model.rate, model.low, model.high, rate / 100);
      found.push([state, `${model.rate_text}, limit ${rate.toFixed(0)} %`]);
    }
    const context = limits.context ?? lane.min_context_tokens;
    if (context !== null) {
      // A declared context can only rule a model out.
      const declared = model.context_tokens === null && model.declared_context_tokens !== null;
      const tokens = declared ? model.declared_context_tokens : model.context_tokens;
      const state = limitState(tokens, null, null, context);
      found.push([declared && state === "met" ? "inconclusive" : state,
        `context ${number(tokens, 9)} tokens${declared ? " declared" : ""}, limit ${number(context, 9)}`]);
    }
    const memory = limits.memory === undefined ? lane.max_memory_bytes : limits.memory * 2 ** 30;
    if (memory !== null) {
      const state = model.memory_bytes === null ? "unknown" : model.memory_bytes <= memory ? "met" : "not_met";
      const used = model.memory_bytes === null ? "not measured" : `${(model.memory_bytes / 2 ** 30).toFixed(1)} GiB`;
      found.push([state, `memory ${used}, limit ${(memory / 2 ** 30).toFixed(1)} GiB`]);
    }
    if (limits.speed !== undefined) {
      const decode = model.decode_tps || { median: null };
      found.push([limitState(decode.median, decode.low, decode.high, limits.speed),
        `decode ${number(decode.median)} tok/s, limit ${limits.speed}`]);
    }
    return found;
  }

  function decide(lane, limits) {
    const models = lane.models.map((model) => {
      const checked = requirements(model, lane, limits);
      const states = checked.map(([state]) => state);
      const status = states.includes("not_met") ? "ruled_out" : states.every((state) => state === "met") ? "eligible" : "undecided";
      return { model: model.model, rate: model.rate, status, unmet: checked.filter(([state]) => state !== "met").map(([, text]) => text) };
    });
    const pairs = new Map(lane.pairs.map((pair) => [JSON.stringify([pair.criterion, pair.model, pair.other]), pair]));
    const compare = (criterion, model, other) => pairs.get(JSON.stringify([criterion, model, other]));
    let left = models.filter((model) => model.status === "eligible").map((model) => model.model);
    let deciding = [];
    for (const criterion of lane.rank_by) {
      if (left.length < 2) break;
      // As in summarize/lanes.py: best are those that are ahead of the most others, whatever their order.
      const others = (name) => left.filter((other) => other !== name).map((other) => compare(criterion, name, other));
      const ahead = left.map((name) => others(name).filter((pair) => pair.is_ahead).length);
      const most = Math.max(...ahead);
      const best = left.filter((_, at) => ahead[at] === most);
      const worse = best.flatMap(others).filter((pair) => pair.is_better && !best.includes(pair.other));
      const better = left.map((name) => worse.find((pair) => pair.other === name)).filter(Boolean);
      left = [best[0], ...left.filter((name) => name !== best[0] && !better.some((pair) => pair.other === name))];
      if (better.length) deciding = better;
    }
    return { models, left, deciding, undecided: models.some((model) => model.status === "undecided") };
  }

  function because(decision) {
    const { left, deciding, models } = decision;
    if (!left.length) {
      return decision.undecided ? "With these limits it is not decided: no model is shown to meet every one."
        : "With these limits, every model is ruled out.";
    }
    if (left.length > 1) return `With these limits the evidence does not decide between ${left.join(" and ")}.`;
    const reason = deciding.map((pair) => pair.text).join("; ");
    const out = models.filter((model) => model.status === "ruled_out").length;
    return `With these limits: ${reason || "the only model shown to meet every one"}.${out ? ` Ruled out: ${out} of ${models.length}.` : ""}`;
  }

  const WORDS = { eligible: "meets every limit", ruled_out: "ruled out", undecided: "undecided" };

  function showDecision(card, decision, text) {
    const { left, models } = decision;
    const pick = card.querySelector(".pick");
    pick.classList.toggle("open", left.length !== 1);
    pick.textContent = left.length ? left.join(" or ") : decision.undecided ? "No model yet" : "No model";
    const word = !left.length && !decision.undecided ? "no model" : left.length !== 1 ? "not decided" : decision.undecided ? "leaning" : "clear";
    const confidence = card.querySelector(".confidence");
    confidence.textContent = word;
    confidence.dataset.state = word;
    card.querySelector(".because").textContent = text;
    const items = new Map(all("li", card).map((item) => [item.dataset.model, item]));
    const order = ["eligible", "undecided", "ruled_out"];
    const sorted = [...models].sort((a, b) => left.includes(b.model) - left.includes(a.model)
      || order.indexOf(a.status) - order.indexOf(b.status) || (b.rate ?? 0) - (a.rate ?? 0));
    for (const model of sorted) {
      const item = items.get(model.model);
      if (!item) continue;
      item.dataset.status = model.status;
      item.classList.toggle("best", left.length === 1 && left[0] === model.model);
      item.querySelector(".why").textContent = WORDS[model.status] + (model.unmet.length ? `: ${model.unmet.join("; ")}` : "");
      item.parentElement.append(item);
    }
  }

  function limitsNow() {
    const limits = {};
    for (const input of all("#limits input")) {
      const open = input.dataset.key === "memory" ? input.max : input.min;
      if (input.value !== open) limits[input.dataset.key] = Number(input.value);
      $(`value-${input.dataset.key}`).textContent =
        input.value === open ? "as the lane says" : `${number(input.value, 9)} ${input.dataset.unit}`;
    }
    return limits;
  }

  function startLimits(data, charts) {
    const cards = new Map(all(".card[data-lane]").map((card) => [card.dataset.lane, card]));
    const lanes = data.lanes.filter((lane) => cards.has(lane.lane));
    if (!lanes.length) return;
    const texts = new Map([...cards].map(([lane, card]) => [lane, card.querySelector(".because").textContent]));
    const update = () => {
      const limits = limitsNow();
      const changed = Object.keys(limits).length > 0;
      const said = [];
      const touched = changed || update.touched;
      update.touched = touched;
      for (const lane of lanes) {
        const decision = decide(lane, limits);
        if (touched) showDecision(cards.get(lane.lane), decision, changed ? because(decision) : texts.get(lane.lane));
        said.push(`${lane.lane}: ${decision.left.join(" or ") || "no model"}`);
      }
      $("limits").querySelector("button").hidden = !changed;
      $("announcer").textContent = changed ? said.join(". ") : "";
      charts.keep(changed ? lanes.map((lane) => decide(lane, limits)) : []);
    };
    $("limits").hidden = false;
    $("limits").addEventListener("input", update);
    $("limits").addEventListener("submit", (event) => event.preventDefault());
    $("limits").addEventListener("reset", () => setTimeout(update));
    update();
  }

  /* ---- charts ---- */
  function tooltip(handler, event, item, value) {
    const tip = $("tip");
    tip.hidden = !value;
    if (!value) return;
    tip.textContent = Object.entries(value).map(([key, text]) => `${key}: ${text}`).join("\n");
    const wide = document.documentElement.clientWidth;
    tip.style.transform = `translate(${Math.min(event.clientX + 14, wide - tip.offsetWidth - 8)}px, ${event.clientY + 14}px)`;
  }

  function startCharts(data) {
    const views = new Map();
    const kept = { rows: null };
    const draw = async (box) => {
      const key = box.dataset.chart;
      if (views.has(key) || !window.lanebenchCharts) return;
      views.set(key, null);
      const { view } = await window.lanebenchCharts(box, data.charts[key].spec,
        { actions: false, ast: true, renderer: "svg", defaultStyle: false, tooltip });
      views.set(key, view);
      // The place of the chart has a role and a name; the marks inside would be parts without one.
      box.querySelector("svg").setAttribute("aria-hidden", "true");
      box.classList.add("drawn");
      if (key === "quality" && kept.rows) await change(key, kept.rows);
    };
    const change = async (key, rows) => {
      const view = views.get(key);
      if (view) await view.data("rows", structuredClone(rows)).runAsync();
    };
    const boxes = all(".chart");
    const observer = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      observer.unobserve(entry.target);
      draw(entry.target);
    }), { rootMargin: "300px" });
    boxes.forEach((box) => observer.observe(box));
    // On paper every chart is wanted, so the others are drawn when the browser has nothing else to do.
    const idle = window.requestIdleCallback || ((call) => setTimeout(call, 50));
    const rest = [...boxes];
    const next = async () => { const box = rest.shift(); if (box) { await draw(box); idle(next); } };
    setTimeout(() => idle(next), 1200);
    for (const select of all("select[data-chart]")) {
      select.addEventListener("change", () => {
        const { rows, choice } = data.charts[select.dataset.chart];
        change(select.dataset.chart, rows.filter((row) => String(row[choice]) === select.value));
      });
    }
    return {
      /* Without a limit of the reader's the chart is that of its table. A lane's own limits leave every model in it. */
      keep(decisions) {
        const chart = data.charts.quality;
        if (!chart) return;
        const rows = structuredClone(chart.rows);
        const ruledOut = (name) => decisions.every((decision) =>
          decision.models.some((model) => model.model === name && model.status === "ruled_out"));
        for (const row of rows) row.kept = !decisions.length || !ruledOut(row.model);
        for (const row of rows) {
          row.front = row.kept && !rows.some((other) => other.kept && other !== row && other.passed >= row.passed
            && other.seconds <= row.seconds && (other.passed !== row.passed || other.seconds !== row.seconds));
        }
        kept.rows = rows;
        change("quality", rows);
      },
    };
  }

  /* ---- the trials of a cell ---- */
  const LONG = 20000;

  function pre(text) {
    const code = element("pre", { tabindex: "0" }, text.slice(0, LONG));
    if (text.length <= LONG) return code;
    const more = element("button", { type: "button" }, `Show all ${text.length.toLocaleString("en")} characters`);
    more.addEventListener("click", () => { code.textContent = text; more.remove(); });
    return element("div", {}, code, more);
  }

  function folded(title, open, ...content) {
    return element("details", { open }, element("summary", {}, title), ...content);
  }

  function checkView(check) {
    const list = element("dl");
    for (const [name, text] of [["input", check.input], ["expected", check.expected], ["observed", check.observed], ["note", check.note]]) {
      if (text !== null && text !== undefined) list.append(element("dt", {}, name), element("dd", {}, text.slice(0, LONG)));
    }
    return element("div", { class: "check" }, element("b", {}, check.name), list);
  }

  function timeline(turn) {
    if (!turn.stream.length) return null;
    const end = Math.max(1, turn.stream.at(-1)[0]);
    const svg = drawn("svg", { class: "timeline", viewBox: "0 0 1000 46", preserveAspectRatio: "none", role: "img",
      "aria-label": `Stream: ${turn.events} events in ${seconds(end / 1000)}, first token at ${seconds(turn.ttft)}` });
    svg.append(drawn("line", { class: "axis", x1: 0, x2: 1000, y1: 40, y2: 40 }));
    const most = Math.max(1, ...turn.stream.map(([, , chars]) => chars));
    for (const [at, channel, chars] of turn.stream) {
      const x = (1000 * at) / end;
      const kind = chars ? channel : "o";
      svg.append(drawn("line", { class: kind, x1: x, x2: x, y1: 40, y2: 40 - 6 - (30 * chars) / most, "stroke-width": kind === "o" ? 4 : 2 }));
    }
    return svg;
  }

  function turnView(turn, index, count) {
    const parts = [`${number(turn.tokens, 9)} tokens in ${seconds(turn.e2e)}`, `first token ${seconds(turn.ttft)}`,
      `decode ${number(turn.decode)} tok/s`, `finish ${turn.finish ?? "-"}`];
    if (turn.prompt !== null) parts.push(`prompt ${number(turn.prompt, 9)}${turn.cached === null ? "" : `, ${number(turn.cached, 9)} cached`}`);
    const view = element("div", {}, element("h4", {}, count > 1 ? `Turn ${index + 1}` : "Answer"),
      element("p", { class: "meta" }, parts.join(" · ")));
    if (turn.error) view.append(element("p", { class: "outcome" }, turn.error));
    view.append(...[timeline(turn)].filter(Boolean));
    if (turn.reasoning) view.append(folded(`Reasoning, ${turn.reasoningChars.toLocaleString("en")} characters`, false, pre(turn.reasoning)));
    else if (turn.reasoningChars) view.append(element("p", { class: "meta" }, `${turn.reasoningChars.toLocaleString("en")} characters of reasoning, which this file does not hold`));
    for (const [name, text] of turn.calls) view.append(folded(`Tool call: ${name}`, true, pre(text)));
    if (turn.content) view.append(pre(turn.content));
    else view.append(element("p", { class: "meta" }, "No text."));
    return view;
  }

  function sideView(model, trial) {
    if (!trial) return element("div", { class: "side" }, element("h3", {}, model), element("p", { class: "meta" }, "This trial was not run."));
    const failed = trial.checks.filter((check) => !check.passed);
    const passed = trial.outcome === "passed";
    const side = element("div", { class: "side" },
      element("h3", {}, model, element("span", { class: `outcome${passed ? " passed" : ""}` }, `${passed ? "\u2713" : "\u2717"} ${trial.outcome.replaceAll("_", " ")}`)),
      element("p", { class: "meta" }, `trial ${trial.trial}, variant ${trial.variant}, ${trial.checks.length - failed.length} of ${trial.checks.length} checks passed`));
    side.append(...failed.slice(0, 12).map(checkView));
    if (failed.length > 12) side.append(folded(`${failed.length - 12} more failed checks`, false, ...failed.slice(12).map(checkView)));
    if (trial.code !== null) side.append(folded(`Extracted code${trial.rule ? `, rule ${trial.rule}` : ""}`, failed.length > 0, pre(trial.code)));
    side.append(...trial.turns.map((turn, index) => turnView(turn, index, trial.turns.length)));
    return side;
  }

  /* The longest common subsequence of lines; long texts are not compared. */
  function lineDiff(a, b) {
    const [x, y] = [a.split("\n"), b.split("\n")];
    if (x.length * y.length > 4e6) return null;
    const table = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
    for (let i = x.length - 1; i >= 0; i--) {
      for (let j = y.length - 1; j >= 0; j--) table[i][j] = x[i] === y[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
    const out = [];
    let [i, j] = [0, 0];
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) { out.push([" ", x[i]]); i++; j++; }
      else if (j >= y.length || (i < x.length && table[i + 1][j] >= table[i][j + 1])) out.push(["-", x[i++]]);
      else out.push(["+", y[j++]]);
    }
    return out;
  }

  function diffView(left, right, names) {
    const text = (trial) => trial.code ?? trial.turns.at(-1)?.content ?? "";
    const lines = lineDiff(text(left), text(right));
    const box = element("div", { class: "diff" }, element("h4", {}, `Difference: \u2212 ${names[0]}, + ${names[1]}`));
    if (!lines) box.append(element("p", { class: "meta" }, "Too long to compare line by line."));
    else box.append(element("pre", { tabindex: "0" }, ...lines.map(([sign, line]) =>
      element("span", { class: sign === "+" ? "add" : sign === "-" ? "del" : "" }, `${sign} ${line}`))));
    return box;
  }

  function startViewer(data) {
    const dialog = $("viewer");
    const state = { task: "", model: "", beside: "", trial: 0, trials: {} };
    const show = () => {
      const own = state.trials[state.model] || [];
      const trial = own[state.trial];
      const other = (state.trials[state.beside] || []).find((each) => trial && each.trial === trial.trial);
      $("viewer-title").textContent = `${state.task} / ${state.model}`;
      $("viewer-trials").replaceChildren(...own.map((each, index) => element("button", {
        type: "button", "aria-pressed": String(index === state.trial),
        "aria-label": `Trial ${each.trial}: ${each.outcome.replaceAll("_", " ")}`,
        onclick: () => { state.trial = index; show(); $("viewer-trials").children[index].focus(); },
      }, `${each.outcome === "passed" ? "\u2713" : "\u2717"} ${each.trial}`)));
      const pair = element("div", { class: "pair" }, sideView(state.model, trial));
      if (state.beside) pair.append(sideView(state.beside, other));
      const diff = state.beside && trial && other ? [diffView(trial, other, [state.model, state.beside])] : [];
      $("viewer-body").replaceChildren(...diff, pair);
    };
    const open = async (task, model) => {
      const index = data.tasks.indexOf(task);
      if (index < 0 || !data.models.includes(model)) return;
      const trials = await unpack(`block-${index}`);
      const first = (trials[model] || []).findIndex((trial) => trial.outcome !== "passed");
      Object.assign(state, { task, model, trials, beside: "", trial: Math.max(0, first) });
      $("beside").replaceChildren(element("option", { value: "" }, "nobody"),
        ...data.models.filter((each) => each !== model && trials[each]).map((each) => element("option", {}, each)));
      show();
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
      $("viewer-title").focus();
    };
    const follow = () => {
      const decode = (part) => { try { return decodeURIComponent(part); } catch { return part; } };
      const [, task, model] = location.hash.match(/^#([^/]+)\/(.+)$/) || [];
      if (model !== undefined) open(decode(task), decode(model));
      else if (dialog.open) dialog.close();
    };
    $("beside").addEventListener("change", (event) => { state.beside = event.target.value; show(); });
    $("viewer-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => {
      if (!location.hash.includes("/")) return;
      const link = all(`#tasks a[href="${CSS.escape ? location.hash.replaceAll('"', "%22") : ""}"]`)[0];
      history.replaceState(null, "", "#tasks");
      if (link) link.focus();
    });
    addEventListener("hashchange", follow);
    follow();
  }

  /* ---- start ---- */
  function startFolds() {
    const unfold = () => {
      const target = location.hash.length > 1 && !location.hash.includes("/") && $(location.hash.slice(1));
      if (target && target.tagName === "DETAILS") target.open = true;
    };
    addEventListener("hashchange", unfold);
    unfold();
    let closed = [];
    addEventListener("beforeprint", () => {
      // A chart's table of every event of a stream would take a hundred sheets.
      closed = all("details:not([open])").filter((fold) => !fold.closest("dialog")
        && !(fold.matches("figure > .numbers") && all("tr", fold).length > 60));
      closed.forEach((fold) => { fold.open = true; });
    });
    addEventListener("afterprint", () => closed.forEach((fold) => { fold.open = false; }));
  }

  async function start() {
    startFolds();
    const data = await unpack("data");
    startLimits(data, startCharts(data));
    startViewer(data);
    document.documentElement.dataset.ready = "true";
    // Tables that nobody has unfolded get their tools when they are.
    for (const box of all(".tool")) {
      const fold = box.closest("details:not([open])");
      if (fold) fold.addEventListener("toggle", () => equip(box), { once: true });
      else equip(box);
    }
  }
  start();
})();
