// The first view: how much goes on, how fast, what waits, and what is nearly full.

import { Chart, Cursor } from "./chart.js";
import { emptyState, h, setText } from "./dom.js";
import { bytes, count, duration, limitName, percent, rate } from "./format.js";
import { LimitBars, shareUsed, stateOf } from "./limits.js";
import { ALL } from "./store.js";
import { Table } from "./table.js";
import { shortened, visible } from "./text.js";

const MAX_LIMITS = 10;
const MAX_FAILURES = 8;

const FIGURES = [
    ["calls", "Calls"], ["failing", "Failing"], ["p99", "p99"], ["inFlight", "In flight"], ["waiting", "Waiting"],
    ["connections", "Connections"], ["entries", "Entries"], ["commands", "Commands"],
];

export class OverviewView {
    #context;

    constructor(context) {
        this.#context = context;
        this.figures = new Map(FIGURES.map(([name, title]) => {
            const value = h("dd", {}, "–"), note = h("dd", { class: "figure-note" });
            return [name, { value, note, element: h("div", { class: "figure" }, h("dt", {}, title), value, note) }];
        }));
        this.cursor = new Cursor();
        this.charts = this.#makeCharts();
        this.orgs = this.#makeOrgs();
        this.limits = new LimitBars();
        this.limitsTitle = h("h2", {}, "Limits");
        this.refused = h("p", { class: "card-foot" });
        this.pool = h("dl", { class: "facts two" });
        this.failures = h("div", { class: "brief-list" });
        this.orgsCard = h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", {}, "Orgs"),
            h("span", { class: "chart-note" }, "Enter or click: details")), this.orgs.element);
        this.element = h("div", { class: "view overview" },
            h("dl", { class: "figures" }, ...[...this.figures.values()].map(({ element }) => element)),
            h("div", { class: "charts" }, ...this.charts.map(({ element }) => element)),
            h("div", { class: "columns" },
                h("div", { class: "column" }, context.session.operator ? this.orgsCard : null,
                    h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", {}, "Recent errors"),
                        h("a", { href: "#/errors", class: "chart-note" }, "All errors")), this.failures)),
                h("div", { class: "column" },
                    h("section", { class: "card" }, h("header", { class: "card-head" }, this.limitsTitle),
                        this.limits.element, this.refused),
                    h("section", { class: "card" }, h("header", { class: "card-head" }, h("h2", {}, "Pool of entries")),
                        this.pool))));
        this.table = context.session.operator ? this.orgs : null;
        this.scrolls = true;
    }

    dispose() {
        this.charts.forEach((chart) => chart.dispose());
    }

    update() {
        const { store, scope } = this.#context;
        const samples = store.samples(scope);
        const orgs = store.orgs(scope);
        const until = store.overview?.time_ms ?? Date.now();
        const [calls, times, ...others] = this.charts;
        const untold = samples.some(({ ok }) => ok > 0) ? "This broker does not tell how long calls take." : undefined;
        times.setSamples(samples, until, untold);
        for (const chart of [calls, ...others]) chart.setSamples(samples, until);
        times.setNote(scope === ALL && orgs.length > 1 && !store.overview?.latency ? "of the slowest org" : "");
        this.#showFigures(samples[samples.length - 1], orgs);
        if (this.table) this.orgs.setRows(store.orgs(ALL).map((org) => this.#orgRow(org)),
            emptyState("No org yet", "Orgs stand in the configuration."));
        this.#showLimits(orgs);
        this.#showPool(orgs);
        this.#showFailures();
    }

    #makeCharts() {
        const { cursor } = this;
        return [
            new Chart({ title: "Calls per second", format: rate, floor: 1, cursor,
                lines: [{ key: "ok", label: "answered", tone: "main" }, { key: "failed", label: "failed", tone: "bad" }] }),
            new Chart({ title: "Time of a call", format: duration, floor: 100, logarithmic: true, cursor,
                lines: [{ key: "p99", label: "p99", tone: "faint" }, { key: "p90", label: "p90", tone: "half" },
                    { key: "p50", label: "p50", tone: "main" }] }),
            new Chart({ title: "Longest wait", format: duration, floor: 1000, cursor,
                lines: [{ key: "callWait", label: "for a turn", tone: "main" },
                    { key: "poolWait", label: "for an entry", tone: "half" }] }),
            new Chart({ title: "At work", format: count, floor: 4, cursor,
                lines: [{ key: "inFlight", label: "calls in flight", tone: "main" },
                    { key: "waiting", label: "waiting", tone: "warn" },
                    { key: "commands", label: "commands", tone: "half" }] }),
        ];
    }

    #makeOrgs() {
        const sample = (row) => row.sample;
        return new Table({
            name: "orgs", label: "Orgs", key: ({ org }) => org, sort: { by: "calls", descending: true },
            open: ({ org }) => this.#context.openOrg(org),
            columns: [
                { id: "org", title: "Org", text: ({ org }) => visible(org), tone: () => "name", sort: ({ org }) => org },
                { id: "calls", title: "Calls", end: true, text: (row) => rate(sample(row)?.ok),
                    sort: (row) => sample(row)?.ok ?? -1 },
                { id: "failed", title: "Failed", end: true, text: (row) => rate(sample(row)?.failed),
                    tone: (row) => sample(row)?.failed > 0 ? "bad-text" : "", sort: (row) => sample(row)?.failed ?? -1 },
                { id: "p99", title: "p99", end: true, text: (row) => duration(sample(row)?.p99),
                    sort: (row) => sample(row)?.p99 ?? -1 },
                { id: "flight", title: "In flight", end: true, text: (row) => count(row.calls_in_flight),
                    sort: (row) => row.calls_in_flight },
                { id: "waiting", title: "Waiting", end: true, text: (row) => count(row.waiting), sort: (row) => row.waiting },
                { id: "connections", title: "Conn.", end: true, text: (row) => count(row.connections),
                    sort: (row) => row.connections },
                { id: "commands", title: "Cmds", end: true, text: (row) => count(row.execs_running),
                    sort: (row) => row.execs_running },
                { id: "fullest", title: "Fullest limit", text: ({ fullest }) => fullest
                    ? `${percent(fullest.share)} ${limitName(fullest.name)}` : "–",
                    tone: ({ fullest }) => `${stateOf(fullest?.share ?? 0)}-text`,
                    sort: ({ fullest }) => -(fullest?.share ?? 0) },
            ],
        });
    }

    #orgRow(org) {
        const samples = this.#context.store.samples(org.org);
        const fullest = (org.limits ?? []).map((limit) => ({ ...limit, share: shareUsed(limit) }))
            .reduce((best, limit) => best === null || limit.share > best.share ? limit : best, null);
        return { ...org, sample: samples[samples.length - 1], fullest, waiting: org.calls_waiting + (org.pool?.waiting ?? 0) };
    }

    #showFigures(sample, orgs) {
        const total = (read) => orgs.reduce((sum, org) => sum + (read(org) ?? 0), 0);
        const show = (name, value, note = "", state = "") => {
            const figure = this.figures.get(name);
            setText(figure.value, value);
            setText(figure.note, note);
            figure.element.className = `figure ${state}`;
        };
        const calls = sample && sample.ok !== null ? sample.ok + sample.failed : null;
        const failing = calls > 0 ? sample.failed / calls : calls === 0 ? 0 : null;
        const longest = Math.max(0, ...orgs.map((org) => Math.max(org.longest_wait_us ?? 0, org.pool?.longest_wait_us ?? 0)));
        const waiting = sample?.waiting ?? null;
        show("calls", rate(calls), `${count(total((org) => org.calls_ok))} answered`);
        show("failing", failing === null ? "–" : `${(failing * 100).toFixed(failing > 0 && failing < 0.1 ? 1 : 0)} %`,
            `${count(total((org) => org.calls_failed))} failed`, failing > 0.05 ? "bad" : "");
        show("p99", duration(sample?.p99), `p50 ${duration(sample?.p50)}`);
        show("inFlight", count(sample?.inFlight), bytes(total((org) => org.bytes_in_flight)));
        show("waiting", count(waiting), waiting > 0 ? `longest ${duration(longest)}` : "nothing waits", waiting > 0
            ? "warn" : "");
        show("connections", count(total((org) => org.connections)), orgs.length === 1 ? "1 org" : `${count(orgs.length)} orgs`);
        show("entries", count(total((org) => org.pool?.active) + total((org) => org.pool?.idle)),
            `${count(total((org) => org.pool?.active))} in use`);
        show("commands", count(total((org) => org.execs_running)), "running");
    }

    #showLimits(orgs) {
        const several = orgs.length > 1;
        const all = orgs.flatMap((org) => (org.limits ?? []).map((limit) => several
            ? { ...limit, org: visible(org.org) } : limit));
        const fullest = [...all].sort((a, b) => shareUsed(b) - shareUsed(a)).slice(0, several ? MAX_LIMITS : all.length);
        setText(this.limitsTitle, several && all.length > MAX_LIMITS ? `Limits: the ${MAX_LIMITS} fullest` : "Limits");
        this.limits.update(fullest);
        const refusals = new Map();
        for (const org of orgs) {
            for (const [name, times] of Object.entries(org.refusals ?? {})) refusals.set(name, (refusals.get(name) ?? 0) + times);
        }
        setText(this.refused, refusedWords([...refusals]));
    }

    #showPool(orgs) {
        const total = (name) => orgs.reduce((sum, { pool }) => sum + (pool?.[name] ?? 0), 0);
        const [hits, misses] = [total("hits"), total("misses")];
        const longest = Math.max(0, ...orgs.map(({ pool }) => pool?.longest_wait_us ?? 0));
        showFacts(this.pool, [
            ["in use", count(total("active"))], ["idle", count(total("idle"))], ["being made", count(total("creating"))],
            ["waiting", total("waiting") ? `${count(total("waiting"))} (${duration(longest)})` : "0"],
            ["found ready", hits + misses ? percent(hits / (hits + misses)) : "–"], ["made", count(misses)],
            ["evicted", count(total("evictions"))], ["timed out", count(total("timeouts"))],
            ["refused", count(total("refusals"))],
        ]);
    }

    #showFailures() {
        const failures = this.#context.store.failuresOf(this.#context.scope).filter(({ error }) => error).slice(0, MAX_FAILURES);
        const key = failures.map(({ number }) => number).join() || "none";
        if (this.failures.dataset.shown === key) return;
        this.failures.dataset.shown = key;
        this.failures.replaceChildren(...failures.length
            ? failures.map((failure) => h("button", { type: "button", class: "brief",
                onclick: () => this.#context.openFailure(failure) },
                h("span", { class: "badge bad" }, visible(failure.error)),
                h("span", { class: "name" }, `${visible(failure.org)}/${visible(failure.key)}`),
                h("span", { class: "brief-subject" }, `${visible(failure.operation)} ${shortened(visible(failure.subject), 200)}`)))
            : [emptyState("No call has failed since this page was opened.")]);
    }
}

export function refusedWords(refusals) {
    const some = refusals.filter(([, times]) => times > 0).sort((a, b) => b[1] - a[1]);
    return some.length ? `Refused since the start: ${some.map(([name, times]) => `${limitName(name)} ${count(times)}`).join(" · ")}` : "Nothing was refused since the start.";
}

/** Replaces only values where the terms are the same. */
export function showFacts(list, pairs) {
    if (list.children.length !== pairs.length) {
        list.replaceChildren(...pairs.map(([term]) => h("div", {}, h("dt", {}, term), h("dd"))));
    }
    pairs.forEach(([, value], index) => setText(list.children[index].lastChild, value));
}
