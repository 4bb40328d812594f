"use strict";
// Draws the pictures of a page. Everything it needs stands in the page, packed; nothing is fetched.
(async () => {
  const unpacked = async (name) => {
    const packed = atob(document.getElementById(name).textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const root = document.documentElement;
  const library = document.createElement("script");
  library.textContent = await unpacked("library");
  document.head.append(library);
  const page = JSON.parse(await unpacked("figures"));
  Plotly.register({ moduleType: "locale", name: page.language, dictionary: {}, format: page.format });

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = () => window.innerWidth < 700;
  let range = page.views.focus.slice();
  const drawn = [];

  // Colours are names of the page's style, times are counted in periods: made into what the library wants.
  const ready = (value, style) => {
    if (typeof value === "string" && value.startsWith("var(")) return style.getPropertyValue(value.slice(4, -1)).trim();
    if (Array.isArray(value)) return value.map((one) => ready(one, style));
    if (value === null || typeof value !== "object") return value;
    if (value.$t) return value.$t.map((step) => page.origin + step * page.period);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, ready(one, style)]));
  };

  // The scale of a sensor follows what is shown; the mark of its bound counts where it is near.
  const fitted = (figure, data) => {
    let low = Infinity, high = -Infinity;
    for (const trace of data) {
      if (trace.hoverinfo === "skip" && !trace.band) continue;
      for (let i = 0; i < trace.y.length; i += 1) {
        const y = trace.y[i];
        if (y === null || trace.x[i] < range[0] || trace.x[i] > range[1]) continue;
        if (y < low) low = y;
        if (y > high) high = y;
      }
    }
    if (low > high) return null;
    for (const level of figure.levels) {
      if (level > high && level - high < high - low) high = level;
      if (level < low && low - level < high - low) low = level;
    }
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - room, high + room];
  };

  const made = (figure, width) => {
    const style = getComputedStyle(document.body);
    const data = ready(figure.data, style);
    const layout = ready(figure.layout, style);
    layout.font = { family: style.fontFamily, size: 12, color: style.getPropertyValue("--ink").trim() };
    layout.paper_bgcolor = "rgba(0,0,0,0)";
    layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.hoverlabel = { bgcolor: style.getPropertyValue("--paper").trim(), font: { size: 12 }, namelength: 40 };
    layout.separators = page.separators;
    layout.dragmode = window.matchMedia("(pointer: coarse)").matches ? false : "zoom";
    if (!figure.still) layout.xaxis.range = range.slice();
    if (narrow()) {
      layout.margin = { ...layout.margin, l: 62, r: 6 };
      layout.font.size = 10;
      if (figure.short) layout.yaxis.ticktext = figure.short;
    }
    if (width) layout.width = width;
    const fit = figure.fit ? fitted(figure, data) : null;
    if (fit) layout.yaxis.range = fit;
    return [data, layout];
  };

  const options = { displayModeBar: false, responsive: true, locale: page.language, doubleClick: false };

  const show = (wanted) => {
    const [first, last] = page.views.limits;
    const least = page.period * 4;
    const width = Math.min(Math.max(wanted[1] - wanted[0], least), last - first);
    const begin = Math.min(Math.max(wanted[0], first), last - width);
    range = [begin, begin + width];
    for (const { place, figure } of drawn) {
      if (figure.still) continue;
      const change = { "xaxis.range": range.slice() };
      const fit = figure.fit ? fitted(figure, place.data) : null;
      if (fit) change["yaxis.range"] = fit;
      Plotly.relayout(place, change);
    }
    root.dataset.range = range.join(" ");
  };

  const followed = (change) => {
    const told = change["xaxis.range"] || [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (told[0] === undefined || told[0] === null) return;
    const moved = told.map((time) => (typeof time === "number" ? time : Date.parse(`${time.replace(" ", "T")}Z`)));
    // The library tells later of what it was told to do: what is shown already is no news.
    if (moved.every((time, edge) => Math.abs(time - range[edge]) <= 1)) return;
    show(moved);
  };

  const redrawn = (width) => {
    for (const { place, figure } of drawn) Plotly.react(place, ...made(figure, width), options);
  };

  const acts = {
    all: () => show(page.views.all),
    focus: () => show(page.views.focus),
    week: () => show([page.views.end - 7 * 864e5, page.views.end]),
    day: () => show([page.views.end - 864e5, page.views.end]),
    nearer: () => show([range[0] + (range[1] - range[0]) / 4, range[1] - (range[1] - range[0]) / 4]),
    wider: () => show([range[0] - (range[1] - range[0]) / 2, range[1] + (range[1] - range[0]) / 2]),
    earlier: () => show(range.map((time) => time - (range[1] - range[0]) / 4)),
    later: () => show(range.map((time) => time + (range[1] - range[0]) / 4)),
  };
  const keys = { "+": "nearer", "=": "nearer", "-": "wider", ArrowLeft: "earlier", ArrowRight: "later", Home: "all", Escape: "focus" };

  for (const button of document.querySelectorAll("button[data-act]")) {
    button.addEventListener("click", () => acts[button.dataset.act]());
  }
  for (const [name, figure] of Object.entries(page.figures)) {
    const place = document.getElementById(name);
    await Plotly.newPlot(place, ...made(figure), options);
    drawn.push({ place, figure });
    if (figure.still) continue; // it has no scale of time
    place.on("plotly_relayout", followed);
    place.on("plotly_doubleclick", acts.focus);
    place.addEventListener("keydown", (event) => {
      if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        acts[keys[event.key]]();
      }
    });
    await new Promise((next) => setTimeout(next));
  }
  dark.addEventListener("change", () => redrawn());
  window.addEventListener("beforeprint", () => {
    root.classList.add("on-paper");
    redrawn(page.paper);
  });
  window.addEventListener("afterprint", () => {
    root.classList.remove("on-paper");
    for (const { place } of drawn) place.style.width = "";
    redrawn();
    for (const { place } of drawn) Plotly.Plots.resize(place);
  });
  root.dataset.range = range.join(" ");
  root.dataset.drawn = Math.round(performance.now());
})().catch((problem) => {
  document.getElementById("undrawn").hidden = false;
  throw problem;
});
