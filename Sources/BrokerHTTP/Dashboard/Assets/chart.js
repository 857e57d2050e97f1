// Lines over the last five minutes, in SVG. All charts of a page share one cursor, so that a peak in one can be read in all.

import { h, setText, svg } from "./dom.js";
import { age, time as clock } from "./format.js";
import { GAP_MS, WINDOW_MS } from "./store.js";

const HEIGHT = 172;
const MARGIN = { left: 62, right: 10, top: 10, bottom: 22 };

/** The time that the pointer or the arrow keys are at; null: none. */
export class Cursor extends EventTarget {
    time = null;

    set(time) {
        if (time === this.time) return;
        this.time = time;
        this.dispatchEvent(new Event("move"));
    }
}

export class Chart {
    #lines;
    #format;
    #logarithmic;
    #floor;
    #cursor;
    #samples = [];
    #width = 0;
    #until = 0;
    #nothing = "";

    /**
     * `lines`: `{key, label}` in the order of their colours, the last on top. `floor`: the least that the top of the axis
     * stands for, so that noise does not fill the chart. `logarithmic` for values over several powers of ten.
     */
    constructor({ title, lines, format, floor, logarithmic = false, cursor }) {
        this.#lines = lines;
        this.#format = format;
        this.#floor = floor;
        this.#logarithmic = logarithmic;
        this.#cursor = cursor;

        this.grid = svg("g", { class: "chart-grid" });
        this.paths = lines.map((_, index) => svg("path", { class: `chart-line tone-${lines[index].tone}` }));
        this.area = svg("path", { class: `chart-area tone-${lines[0].tone}` });
        this.rule = svg("line", { class: "chart-cursor" });
        this.dots = lines.map(({ tone }) => svg("circle", { class: `chart-dot tone-${tone}`, r: 3 }));
        this.drawing = svg("svg", { height: HEIGHT, "aria-hidden": "true" }, this.grid, this.area, ...this.paths,
            this.rule, ...this.dots);
        this.values = lines.map(() => h("span", { class: "legend-value" }));
        this.moment = h("span", { class: "chart-moment" });
        this.spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
        this.noteText = h("span", { class: "chart-note" });
        this.nothing = h("p", { class: "chart-nothing" });
        this.plot = h("div", {
            class: "chart-plot", tabindex: 0, role: "group",
            "aria-label": `${title}, last five minutes. Left and right arrow read out values, Escape leaves them.`,
            onpointermove: (event) => this.#pointed(event), onpointerdown: (event) => this.#pointed(event),
            onpointerleave: () => cursor.set(null), onblur: () => cursor.set(null), onkeydown: (event) => this.#key(event),
        }, this.drawing, this.nothing);
        this.element = h("section", { class: "card chart" },
            h("header", { class: "card-head" }, h("h2", {}, title), this.noteText, this.moment),
            this.plot,
            h("ul", { class: "legend" }, ...lines.map(({ label, tone }, index) =>
                h("li", {}, h("span", { class: `legend-mark tone-${tone}`, "aria-hidden": "true" }),
                    h("span", {}, label), this.values[index]))),
            this.spoken);

        this.moved = () => this.#drawCursor();
        cursor.addEventListener("move", this.moved);
        this.resized = new ResizeObserver(([entry]) => {
            this.#width = Math.floor(entry.contentRect.width);
            this.#draw();
        });
        this.resized.observe(this.plot);
    }

    /** `nothing`: what to say where there is no value. */
    setSamples(samples, until, nothing = "Nothing in the last five minutes.") {
        this.#samples = samples;
        this.#nothing = nothing;
        this.#until = until;
        this.#draw();
    }

    setNote(note) {
        setText(this.noteText, note);
    }

    dispose() {
        this.resized.disconnect();
        this.#cursor.removeEventListener("move", this.moved);
    }

    #x(time) {
        return MARGIN.left + (1 - (this.#until - time) / WINDOW_MS) * (this.#width - MARGIN.left - MARGIN.right);
    }

    #draw() {
        if (this.#width <= MARGIN.left + MARGIN.right) return;
        this.drawing.setAttribute("width", this.#width);
        this.drawing.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
        const values = this.#samples.flatMap((sample) => this.#lines.map(({ key }) => sample[key])).filter((value) => value !== null);
        const largest = Math.max(this.#floor, ...values);
        const ticks = this.#logarithmic ? decades(values, this.#floor) : steps(largest);
        const [bottom, top] = [ticks[0], ticks[ticks.length - 1]];
        const share = this.#logarithmic
            ? (value) => Math.log(Math.max(value, bottom) / bottom) / Math.log(top / bottom)
            : (value) => value / top;
        this.y = (value) => MARGIN.top + (1 - share(value)) * (HEIGHT - MARGIN.top - MARGIN.bottom);

        const drawn = this.#lines.map(({ key }) => this.#pathOf(key));
        drawn.forEach((path, index) => this.paths[index].setAttribute("d", path.line));
        this.area.setAttribute("d", this.#logarithmic ? "" : drawn[0].area);
        this.grid.replaceChildren(...ticks.flatMap((value) => this.#rule(value)), ...this.#minutes());
        const empty = this.#samples.length > 2 ? this.#nothing : "Collecting the first seconds…";
        setText(this.nothing, values.length ? "" : empty);
        this.#drawCursor();
    }

    /** The line with its gaps, and the surface beneath it. */
    #pathOf(key) {
        const base = HEIGHT - MARGIN.bottom;
        let line = "", area = "", before = null;
        const endArea = () => { if (before) area += `L${before.x},${base}Z`; };
        for (const sample of this.#samples) {
            if (sample[key] === null) {
                endArea();
                before = null;
                continue;
            }
            const point = { time: sample.time, x: this.#x(sample.time).toFixed(1), y: this.y(sample[key]).toFixed(1) };
            if (before && point.time - before.time < GAP_MS) {
                line += `L${point.x},${point.y}`;
                area += `L${point.x},${point.y}`;
            } else {
                endArea();
                // The short stroke shows a value that stands alone.
                line += `M${point.x},${point.y}h.1`;
                area += `M${point.x},${base}V${point.y}`;
            }
            before = point;
        }
        endArea();
        return { line, area };
    }

    #rule(value) {
        const y = this.y(value);
        return [
            svg("line", { x1: MARGIN.left, x2: this.#width - MARGIN.right, y1: y, y2: y }),
            svg("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, this.#format(value)),
        ];
    }

    #minutes() {
        const every = this.#width < 420 ? 2 : 1;
        return [0, 1, 2, 3, 4, 5].map((minutes) => {
            const x = this.#x(this.#until - minutes * 60_000);
            const base = HEIGHT - MARGIN.bottom;
            const mark = svg("line", { class: "minute", x1: x, x2: x, y1: base, y2: base + 4 });
            if (minutes % every !== 0) return mark;
            const anchor = { 0: "end", 5: "start" }[minutes] ?? "middle";
            const label = minutes === 0 ? "now" : `−${minutes} min`;
            return svg("g", {}, mark, svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, label));
        });
    }

    #nearest(time) {
        let best = null;
        for (const sample of this.#samples) {
            if (this.#lines.every(({ key }) => sample[key] === null)) continue;
            if (best === null || Math.abs(sample.time - time) < Math.abs(best.time - time)) best = sample;
        }
        return best;
    }

    /** The values of the cursor's moment, or the newest. */
    #drawCursor() {
        const time = this.#cursor.time;
        const pointed = time === null ? null : this.#nearest(time);
        const sample = pointed ?? this.#samples[this.#samples.length - 1] ?? null;
        this.#lines.forEach(({ key }, index) => {
            const value = sample?.[key] ?? null;
            setText(this.values[index], this.#format(value));
            this.dots[index].classList.toggle("shown", pointed !== null && value !== null);
            if (pointed && value !== null && this.y) {
                this.dots[index].setAttribute("cx", this.#x(pointed.time));
                this.dots[index].setAttribute("cy", this.y(value));
            }
        });
        this.rule.classList.toggle("shown", pointed !== null);
        if (pointed) {
            const x = this.#x(pointed.time);
            const place = { x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom };
            for (const [name, value] of Object.entries(place)) this.rule.setAttribute(name, value);
        }
        setText(this.moment, pointed ? `${clock(pointed.time)} · ${age(this.#until - pointed.time)} ago` : "");
    }

    #pointed(event) {
        const x = event.clientX - this.plot.getBoundingClientRect().left;
        const share = (x - MARGIN.left) / (this.#width - MARGIN.left - MARGIN.right);
        this.#cursor.set(share < -0.02 || share > 1.02 ? null : this.#until - (1 - share) * WINDOW_MS);
    }

    #key(event) {
        const last = this.#samples.length - 1;
        if (last < 0) return;
        const pointed = this.#cursor.time === null ? null : this.#nearest(this.#cursor.time);
        const at = pointed ? this.#samples.indexOf(pointed) : last + 1;
        const step = event.shiftKey ? 10 : 1;
        const next = { ArrowLeft: at - step, ArrowRight: at + step, Home: 0, End: last }[event.key];
        if (next !== undefined) {
            const sample = this.#samples[Math.min(Math.max(next, 0), last)];
            this.#cursor.set(sample.time);
            const values = this.#lines.map(({ key, label }) => `${label} ${this.#format(sample[key])}`);
            setText(this.spoken, `${clock(sample.time)}: ${values.join(", ")}`);
        } else if (event.key === "Escape" && this.#cursor.time !== null) {
            this.#cursor.set(null);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }
}

/** Round values from 0 to at least `largest`, at most five of them. */
function steps(largest) {
    const rough = largest / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
    return Array.from({ length: Math.ceil(largest / step) + 1 }, (_, index) => index * step);
}

/** The powers of ten around the values, two at least. */
function decades(values, floor) {
    const positive = values.filter((value) => value > 0);
    const low = Math.floor(Math.log10(Math.min(floor, ...positive)));
    const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(floor, ...positive))));
    const every = Math.ceil((high - low) / 5);
    return Array.from({ length: Math.ceil((high - low) / every) + 1 }, (_, index) => 10 ** (low + index * every));
}
