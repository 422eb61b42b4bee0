// Draws every [data-chart] element: reads its data from the API and hands it to Plotly.
"use strict";
(() => {
  const REDRAW_AT_MOST_EVERY_MS = 10000;
  const FAR_LIMIT = 3;
  const MS_PER_YEAR = 365.25 * 86400e3;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Plotly knows no time zones: times become wall-clock times of the facility, and the axis names the zone.
  function wallClock(zone) {
    const options = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit" };
    let format;
    try { format = new Intl.DateTimeFormat("en-CA", options); }
    catch { format = new Intl.DateTimeFormat("en-CA", { ...options, timeZone: "UTC" }); }
    return (ms) => {
      const part = Object.fromEntries(format.formatToParts(ms).map((item) => [item.type, item.value]));
      return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
    };
  }

  function layout(spec, xTitle, extra) {
    const axis = { gridcolor: colour("grid"), linecolor: colour("line"), zeroline: false, automargin: true };
    return {
      margin: { l: 56, r: 12, t: 8, b: 44 }, height: 304, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("quiet") },
      hovermode: "x unified", hoverlabel: { bgcolor: colour("card"), font: { color: colour("ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal" }, showlegend: false,
      xaxis: { ...axis, title: { text: xTitle, font: { size: 11 } } },
      yaxis: { ...axis, title: { text: spec.unit, font: { size: 12 } } },
      shapes: [], annotations: [], ...extra,
    };
  }

  // A limit far above or below everything measured would flatten the curve: it is named at the edge instead.
  function addLimits(spec, plan, data) {
    const drawn = spec.fields.flatMap((field) => [field, `${field}_min`, `${field}_max`]).flatMap((name) => data.columns[name] || [])
      .filter((value) => value !== null).concat(spec.forecast ? [spec.forecast.limit] : []);
    const low = drawn.reduce((a, b) => Math.min(a, b), Infinity), high = drawn.reduce((a, b) => Math.max(a, b), -Infinity);
    const reach = FAR_LIMIT * Math.max(Math.abs(low), Math.abs(high), high - low);
    const beyond = { top: [], bottom: [] };
    for (const limit of spec.limits || []) {
      const shade = colour(limit.level === "warn" ? "warn" : "alarm");
      if (drawn.length && Math.abs(limit.value) > reach) {
        beyond[limit.value > 0 ? "top" : "bottom"].push(`${limit.label} ${Number(limit.value.toPrecision(4))}`);
        continue;
      }
      plan.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: limit.value, y1: limit.value,
        line: { color: shade, width: 1.5, dash: limit.level === "warn" ? "dash" : "longdash" } });
      plan.annotations.push({ xref: "paper", x: 0.005, xanchor: "left", y: limit.value, yanchor: "bottom", showarrow: false,
        text: limit.label, font: { color: shade, size: 12 } });
    }
    for (const [side, names] of Object.entries(beyond)) {
      if (names.length) plan.annotations.push({ xref: "paper", yref: "paper", x: 1, xanchor: "right", y: side === "top" ? 1 : 0,
        yanchor: side, yshift: side === "top" ? -20 : 20, showarrow: false, text: `${side === "top" ? "↑" : "↓"} beyond this chart: ${names.join(", ")}`,
        bgcolor: colour("card"), font: { color: colour("quiet"), size: 12 } });
    }
  }

  // What operators did: a line through every history that it falls into.
  function addMarks(spec, plan) {
    for (const mark of spec.marks || []) {
      const x = wallClock(spec.zone)(Date.parse(mark.at));
      plan.shapes.push({ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color: colour("accent"), width: 1.2, dash: "dot" } });
      plan.annotations.push({ xref: "x", yref: "paper", x, y: 1, xanchor: "left", yanchor: "top", showarrow: false,
        text: mark.label, bgcolor: colour("card"), font: { color: colour("accent"), size: 11 } });
    }
  }

  function seriesTraces(spec, data) {
    const at = data.t_ms.map(wallClock(spec.zone));
    const shades = [colour("curve"), colour("curve-2"), colour("curve-3")];
    const scaled = (values) => spec.scale ? values.map((value) => value === null ? null : spec.scale * value) : values;
    return spec.fields.flatMap((field, index) => {
      const shade = shades[index % shades.length];
      const traces = [];
      const low = data.columns[`${field}_min`], high = data.columns[`${field}_max`];
      if (low && high) {
        const edge = { x: at, mode: "lines", line: { width: 0, color: shade }, hoverinfo: "skip", showlegend: false };
        traces.push({ ...edge, y: scaled(low) }, { ...edge, y: scaled(high), fill: "tonexty", fillcolor: `${shade}30` });
      }
      traces.push({ x: at, y: scaled(data.columns[field]), name: (spec.names || {})[field] || field.replaceAll("_", " "), mode: at.length < 60 ? "lines+markers" : "lines",
        line: { color: shade, width: index ? 1.1 : 1.7 }, connectgaps: false });
      return traces;
    });
  }

  // The trend of now with its interval, back from the newest point; and the cone from there to the limit.
  function trendTraces(spec) {
    const at = wallClock(spec.zone), shade = colour("warn"), traces = [];
    const line = (x, y, name, style) => ({ x: x.map(at), y, name, mode: "lines", line: { color: shade, width: 1.6, ...style } });
    if (spec.trend) {
      const end = Date.parse(spec.trend.at), start = Date.parse(spec.trend.from);
      const [low, rate, high] = spec.trend.per_year.map((slope) => spec.trend.value - slope * (end - start) / MS_PER_YEAR);
      traces.push({ ...line([start, end, start], [low, spec.trend.value, high], "90 % interval", { width: 0 }), fill: "toself",
        fillcolor: `${shade}40`, hoverinfo: "skip" });
      traces.push(line([start, end], [rate, spec.trend.value], "trend"));
    }
    if (spec.forecast) {
      const { value, limit } = spec.forecast, from = Date.parse(spec.forecast.at);
      const [p10, p50, p90] = spec.forecast.dates.map((date) => Date.parse(date));
      traces.push({ ...line([from, p10, p90, from], [value, limit, limit, value], "P10 – P90", { width: 0 }), fill: "toself",
        fillcolor: `${colour("alarm")}35`, hoverinfo: "skip" });
      traces.push(line([from, p50], [value, limit], "to the limit (P50)", { color: colour("alarm"), dash: "dot" }));
    }
    return traces;
  }

  function drawSeries(spec, data) {
    const extra = trendTraces(spec);
    const plan = layout(spec, `time (${spec.zone})`, { showlegend: spec.fields.length + extra.length > 1 });
    addLimits(spec, plan, data);
    return [[...seriesTraces(spec, data), ...extra], plan];
  }

  // One panel a field, under each other with one time axis: frequencies of different size beside the temperature.
  function drawStack(spec, data) {
    const rows = spec.rows.filter((row) => data.columns[row.field].some((value) => value !== null));
    if (rows.length === 0) return null;
    const at = data.t_ms.map(wallClock(spec.zone)), share = 1 / rows.length;
    const plan = layout(spec, `time (${spec.zone})`, { height: 96 * rows.length + 64, hovermode: "x" });
    const axis = plan.yaxis;
    const traces = rows.map((row, index) => {
      const place = index ? index + 1 : "";
      plan[`yaxis${place}`] = { ...axis, domain: [1 - share * (index + 0.86), 1 - share * index], nticks: 4,
        title: { text: `${row.label}<br>${row.unit}`, font: { size: 12 } } };
      const scale = row.scale || 1, shade = colour(row.unit === "°C" ? "curve-2" : "curve");
      const values = data.columns[row.field].map((value) => value === null ? null : scale * value);
      const line = { x: at, y: values, yaxis: `y${place}`, name: `${row.label} (${row.unit})`, connectgaps: false,
        mode: at.length < 60 ? "lines+markers" : "lines", line: { color: shade, width: 1.3 } };
      const reach = (error) => error === null ? 0 : scale * row.reach * error;
      return row.error ? { ...line, error_y: { type: "data", array: data.columns[row.error].map(reach), color: `${shade}70`, thickness: 1.2, width: 0 } } : line;
    });
    plan.xaxis.anchor = `y${rows.length > 1 ? rows.length : ""}`;
    plan.margin.l = 72;
    return [traces, plan];
  }

  // Several sensors, each less the mean of those that have a value at the same time.
  function drawApart(spec, answers) {
    const sums = new Map();
    for (const data of answers) data.t_ms.forEach((ms, index) => {
      const value = data.columns[spec.field][index];
      if (value === null) return;
      const [sum, count] = sums.get(ms) || [0, 0];
      sums.set(ms, [sum + value, count + 1]);
    });
    if (sums.size === 0) return null;
    const clock = wallClock(spec.zone), several = (ms) => sums.has(ms) && sums.get(ms)[1] > 1;
    const traces = answers.map((data, index) => ({ x: data.t_ms.map(clock), name: spec.sources[index].label, mode: "lines", connectgaps: false,
      y: data.t_ms.map((ms, row) => data.columns[spec.field][row] === null || !several(ms) ? null : data.columns[spec.field][row] - sums.get(ms)[0] / sums.get(ms)[1]),
      line: { color: colour(`line-${index % 6}`), width: 1.3 } }));
    return [traces, layout(spec, `time (${spec.zone})`, { showlegend: true })];
  }

  // Peaks over their frequencies, under the line of a standard and the share of it that warns.
  function drawGuide(spec, data) {
    const at = data.t_ms.map(wallClock(spec.zone)), { hz, guide, warn_share } = spec.curve;
    const line = (share, name, shade, dash) => ({ x: hz, y: guide.map((value) => value === null ? null : share * value), name, mode: "lines",
      line: { color: colour(shade), width: 1.6, dash } });
    const peaks = { x: data.columns.frequency_hz, y: data.columns.peak_mm_s, text: at, name: "windows", mode: "markers",
      marker: { color: colour("curve"), size: 4, opacity: 0.5 }, hovertemplate: "%{y:.3g} mm/s at %{x:.3g} Hz<br>%{text}<extra></extra>" };
    const plan = layout(spec, "frequency of the peak (Hz)", { showlegend: true, hovermode: "closest" });
    plan.xaxis.type = "log";
    plan.xaxis.tickvals = [1, 2, 5, 10, 20, 50, 80];
    plan.yaxis.rangemode = "tozero";
    return [[peaks, line(1, "guide value", "alarm", "longdash"), line(warn_share, "warning", "warn", "dash")], plan];
  }

  function drawWaveform(spec, data) {
    const seconds = data.samples.map((_, index) => index / data.rate_hz);
    const start = wallClock(spec.zone)(Date.parse(data.start));
    const trace = { x: seconds, y: data.samples, mode: "lines", line: { color: colour("curve"), width: 1.2 }, name: spec.unit };
    return [[trace], layout(spec, `seconds after ${start} (${spec.zone})`)];
  }

  function drawSpectrum(spec, data) {
    const trace = { x: data.frequency_hz.slice(1), y: data.density.slice(1), mode: "lines",
      line: { color: colour("curve"), width: 1.4 }, name: "density" };
    const plan = layout(spec, "frequency (Hz)");
    plan.yaxis.type = "log";
    plan.yaxis.exponentformat = "power";
    plan.shapes = (spec.bands || []).map(([low, high]) => ({ type: "rect", xref: "x", yref: "paper", x0: low, x1: high,
      y0: 0, y1: 1, line: { width: 0 }, fillcolor: `${colour("curve-2")}22`, layer: "below" }));
    plan.annotations = (spec.bands || []).map(([low, high], index) => ({ xref: "x", yref: "paper", x: (low + high) / 2, y: 1,
      yanchor: "top", showarrow: false, text: `${index + 1}`, font: { size: 11 } }));
    return [[trace], plan];
  }

  const DRAW = { series: drawSeries, stack: drawStack, apart: drawApart, guide: drawGuide, waveform: drawWaveform, spectrum: drawSpectrum };

  function note(element, text) {
    if (window.Plotly && element.classList.contains("js-plotly-plot")) Plotly.purge(element);
    const line = document.createElement("p");
    line.className = "chart-note";
    line.textContent = text;
    element.replaceChildren(line);
  }

  async function draw(element) {
    const spec = JSON.parse(element.dataset.chart);
    try {
      const answers = await Promise.all((spec.sources || [spec]).map((source) => fetch(source.url)));
      const bodies = await Promise.all(answers.map((answer) => answer.json()));
      const failed = answers.findIndex((answer) => !answer.ok);
      if (failed >= 0 && answers[failed].status === 404) return note(element, element.dataset.empty);
      if (failed >= 0) return note(element, bodies[failed].error.message);
      const data = spec.sources ? bodies : bodies[0];
      const drawing = data.t_ms && data.t_ms.length === 0 ? null : DRAW[spec.kind](spec, data);
      if (drawing === null) return note(element, element.dataset.empty);
      const [traces, plan] = drawing;
      if (["series", "stack", "apart"].includes(spec.kind)) addMarks(spec, plan);
      if (!element.classList.contains("js-plotly-plot")) element.replaceChildren();
      await Plotly.react(element, traces, plan, { responsive: true, displaylogo: false, displayModeBar: false });
    } catch (error) {
      note(element, "The readings could not be loaded. The page tries again by itself.");
    }
  }

  let lastMs = 0;
  function drawAll() {
    lastMs = Date.now();
    for (const element of document.querySelectorAll("[data-chart]")) draw(element);
  }
  document.addEventListener("telltale:refreshed", () => { if (Date.now() - lastMs >= REDRAW_AT_MOST_EVERY_MS) drawAll(); });
  dark.addEventListener("change", drawAll);
  drawAll();
})();
