// A plot of what stands in #plot-data: zoom, pan, several meters, PNG and CSV.
"use strict";
(() => {
  const place = document.getElementById("plot");
  const source = document.getElementById("plot-data");
  if (!place || !source) return;
  const { name, unit, zone, series } = JSON.parse(source.textContent);
  const COLOURS = {
    light: ["#0b6e75", "#c2571a", "#5b4bb5", "#2f7d32", "#b0266b", "#8a6d00", "#1f5fae", "#6d4c41", "#00838f", "#ad1457", "#455a64", "#7b1fa2"],
    dark: ["#5fc4c9", "#f0a26b", "#a99bf0", "#86cf8a", "#f08bbd", "#dcc15a", "#83b4f0", "#c7a89c", "#67d5e0", "#f48fb1", "#a7bac4", "#d09be0"],
  };
  // step in seconds, format, and what is added where a year, month, day or hour begins: 24 hours a day
  const day = "\n{YYYY}-{MM}-{DD}";
  const TIMES = [
    [31536000, "{YYYY}", null, null, null, null, null, null, 1],
    [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
    [60, "{HH}:{mm}", day, null, day, null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", day, null, day, null, null, null, 1],
  ];
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const css = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark"
    || (document.documentElement.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  const palette = () => COLOURS[dark() ? "dark" : "light"];
  const FONT = "12px Inter, system-ui, sans-serif";
  const data = uPlot.join(series.map((each) => [each.x, each.y]));
  const first = data[0][0];
  const last = data[0][data[0].length - 1];
  const width = () => place.clientWidth;
  const height = () => Math.max(300, Math.min(520, innerHeight - 470));
  let plot;

  function draw() {
    const range = plot && { min: plot.scales.x.min, max: plot.scales.x.max };
    if (plot) plot.destroy();
    const colours = palette();
    const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: FONT };
    plot = new uPlot({
      width: width(),
      height: height(),
      padding: [8, 32, 0, 0],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
      cursor: { drag: { x: true, y: false }, focus: { prox: 24 } },
      focus: { alpha: 0.3 },
      scales: { x: { time: true } },
      axes: [{ ...axis, values: TIMES }, { ...axis, size: (_, values) => 24 + 7 * Math.max(4, ...(values || []).map((text) => String(text).length)), label: unit || undefined, labelSize: unit ? 18 : 0, labelFont: FONT }],
      series: [
        { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
        ...series.map((each, index) => ({
          label: each.label,
          stroke: colours[index % colours.length],
          fill: series.length === 1 ? `${colours[0]}22` : undefined,
          width: 1.6,
          spanGaps: true,
          points: { show: each.x.length < 40 },
          value: (_, value) => (value === null || value === undefined ? "-" : `${+value.toPrecision(9)} ${unit}`),
        })),
      ],
    }, data, place);
    pan(plot);
    if (range) plot.setScale("x", range);
  }

  function look(min, max) {
    const span = Math.max(60, Math.min(max - min, last - first || 60));
    const low = Math.max(first, Math.min(min, last - span));
    plot.setScale("x", { min: low, max: low + span });
  }
  const actions = {
    in: () => { const { min, max } = plot.scales.x; const part = (max - min) / 4; look(min + part, max - part); },
    out: () => { const { min, max } = plot.scales.x; const part = (max - min) / 2; look(min - part, max + part); },
    left: () => { const { min, max } = plot.scales.x; const part = (max - min) / 4; look(min - part, max - part); },
    right: () => { const { min, max } = plot.scales.x; const part = (max - min) / 4; look(min + part, max + part); },
    all: () => plot.setScale("x", { min: first, max: last }),
    png: () => {
      const from = plot.ctx.canvas;
      const ratio = from.width / width();
      const head = 52 * ratio;
      const to = document.createElement("canvas");
      to.width = from.width;
      to.height = from.height + head;
      const context = to.getContext("2d");
      context.fillStyle = css("--paper");
      context.fillRect(0, 0, to.width, to.height);
      context.drawImage(from, 0, head);
      context.scale(ratio, ratio);
      context.fillStyle = css("--ink");
      context.font = `600 ${FONT.replace("12px", "14px")}`;
      context.fillText(unit ? `${name} in ${unit}` : name, 16, 20);
      context.font = FONT;
      let x = 16;
      series.forEach((each, index) => {
        context.fillStyle = palette()[index % palette().length];
        context.fillRect(x, 34, 14, 3);
        context.fillStyle = css("--soft");
        context.fillText(each.label, x + 20, 40);
        x += 44 + context.measureText(each.label).width;
      });
      to.toBlob((blob) => save(blob, "cas-plot.png"));
    },
    csv: () => {
      const mark = unit ? ` [${unit}]` : "";
      const rows = [["time", ...series.map((each) => each.label + mark)]];
      const { min, max } = plot.scales.x;
      data[0].forEach((at, index) => {
        if (at < min || at > max) return;
        rows.push([new Date(at * 1000).toISOString(), ...data.slice(1).map((values) => values[index] ?? "")]);
      });
      save(new Blob([rows.map((row) => row.join(",")).join("\r\n") + "\r\n"], { type: "text/csv" }), "cas-plot.csv");
    },
  };
  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  function pan(of) {
    of.over.addEventListener("mousedown", (event) => {
      if (!event.shiftKey && event.button !== 1) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const { min, max } = of.scales.x;
      const per = (max - min) / of.over.clientWidth;
      const start = event.clientX;
      const move = (next) => look(min - (next.clientX - start) * per, max - (next.clientX - start) * per);
      const end = () => { removeEventListener("mousemove", move); removeEventListener("mouseup", end); };
      addEventListener("mousemove", move);
      addEventListener("mouseup", end);
    }, true);
    of.over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return; // the page scrolls as it should
      event.preventDefault();
      const { min, max } = of.scales.x;
      const at = min + (max - min) * (event.offsetX / of.over.clientWidth);
      const factor = event.deltaY < 0 ? 0.8 : 1.25;
      look(at - (at - min) * factor, at + (max - at) * factor);
    }, { passive: false });
  }

  const tools = document.querySelector(".plot-tools");
  tools.hidden = false;
  tools.addEventListener("click", (event) => { const action = event.target.dataset.plot; if (action) actions[action](); });
  const keys = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", 0: "all" };
  place.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    actions[keys[event.key]]();
  });
  document.fonts.load(FONT).finally(draw);
  addEventListener("resize", () => plot && plot.setSize({ width: width(), height: height() }));
  document.addEventListener("cas-theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
