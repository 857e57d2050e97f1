// The search of the audit log: filters, pages, newest first.

import * as api from "./api.js";
import { emptyState, h, setText } from "./dom.js";
import { duration, moment, words } from "./format.js";
import { Table } from "./table.js";
import { shortened, visible } from "./text.js";

const PAGE = 100;
const LONGEST_CELL = 300;

/** How it ended; of a command that was carried out, how the command did. */
export function outcomeWords({ outcome, end, exit_code: code }) {
    if (outcome !== "ok") return visible(outcome);
    if (end && end !== "exited") return words(visible(end));
    return code ? `exit ${code}` : "ok";
}

export class AuditView {
    #context;
    /** `before` of each page up to the one shown; the first has none. */
    #pages = [null];
    #next = null;
    #request = 0;
    /** The org that was searched; null: none yet. */
    #searched = null;

    constructor(context) {
        this.#context = context;
        const field = (name, label, attributes = {}) => {
            const input = h("input", { name, autocomplete: "off", spellcheck: "false", ...attributes });
            return { input, element: h("label", { class: `field field-${name}` }, h("span", {}, label), input) };
        };
        this.text = field("text", "Text in the command or path", { type: "search" });
        this.key = field("key", "Key", { type: "text" });
        this.operation = field("operation", "Operation", { type: "text", placeholder: "exec, write, rm…" });
        this.since = field("since", "From", { type: "datetime-local", step: 1 });
        this.until = field("until", "Until", { type: "datetime-local", step: 1 });
        this.failed = h("input", { type: "checkbox", name: "failed", onchange: () => this.search() });
        this.filter = this.text.input;
        this.refusal = h("p", { class: "refusal", role: "alert" });
        this.range = h("span", { class: "shown", role: "status" });
        this.newest = h("button", { type: "button", class: "button small", disabled: true,
            onclick: () => this.#show([null]) }, "Newest");
        this.newer = h("button", { type: "button", class: "button small", disabled: true,
            onclick: () => this.#show(this.#pages.slice(0, -1)) }, "‹ Newer");
        this.older = h("button", { type: "button", class: "button small", disabled: true,
            onclick: () => this.#show([...this.#pages, this.#next]) }, "Older ›");
        this.form = h("form", { class: "audit-form", role: "search",
            onsubmit: (event) => { event.preventDefault(); this.search(); } },
            this.text.element, this.key.element, this.operation.element, this.since.element, this.until.element,
            h("label", { class: "check" }, this.failed, "Failed only"),
            h("div", { class: "form-acts" }, h("button", { type: "submit", class: "button primary" }, "Search"),
                h("button", { type: "button", class: "button", onclick: () => { this.form.reset(); this.search(); } }, "Reset")));
        this.table = this.#makeTable();
        this.element = h("div", { class: "view list view-audit" }, h("h1", { class: "visually-hidden" }, "Audit"), this.form,
            this.refusal, this.table.element, h("div", { class: "pager" }, this.newest, this.newer, this.older, this.range));
        this.table.setRows([], emptyState("Searching…"));
    }

    #makeTable() {
        const cell = (text) => shortened(visible(text), LONGEST_CELL);
        return new Table({
            name: "audit", label: "Audit records", ordered: true, key: ({ org, seq }) => `${org}/${seq}`,
            open: this.#context.openRecord,
            columns: [
                { id: "time", title: "Time", text: (row) => moment(row.time_ms), tone: () => "quiet" },
                { id: "outcome", title: "Outcome", text: outcomeWords,
                    tone: ({ outcome }) => outcome === "ok" ? "badge" : "badge bad" },
                ...this.#context.session.operator ? [{ id: "org", title: "Org", text: ({ org }) => visible(org),
                    tone: () => "quiet" }] : [],
                { id: "key", title: "Key", text: ({ key }) => cell(key), tone: () => "name" },
                { id: "operation", title: "Operation", text: ({ operation }) => visible(operation) },
                { id: "subject", title: "Subject", text: ({ subject }) => cell(subject), tone: () => "code" },
                { id: "principal", title: "By", text: ({ principal }) => cell(principal), tone: () => "quiet" },
                { id: "took", title: "Took", end: true, text: (row) => duration(row.duration_us) },
            ],
        });
    }

    /** Called with each overview: the log is searched when the view is opened or another org is chosen, then when asked to. */
    update() {
        if (this.#searched !== this.#context.scope) this.search();
    }

    dispose() {}

    /** Searches for what is given and nothing else. */
    searchFor({ key = "", text = "", failed = false }) {
        this.form.reset();
        this.key.input.value = key;
        this.text.input.value = text;
        this.failed.checked = failed;
        this.search();
    }

    search() {
        return this.#show([null]);
    }

    async #show(pages) {
        this.#searched = this.#context.scope;
        this.#request += 1;
        const request = this.#request;
        this.element.setAttribute("aria-busy", "true");
        try {
            const answer = await api.audit({ ...this.#filters(), before: pages[pages.length - 1], limit: PAGE });
            if (request !== this.#request) return;
            this.#pages = pages;
            this.#next = answer.next_before || null;
            setText(this.refusal, "");
            this.table.element.scrollTop = 0;
            // The broker looks through a part of a long log at a time, where nothing may be.
            this.table.setRows(answer.records, this.#next === null
                ? emptyState("No record matches", "What changes something, and every command, is recorded. Widen the filters, or search again.")
                : emptyState("Nothing here yet", "This part of the log has no such record. “Older” looks further back."));
            setText(this.range, `Page ${pages.length}, ${answer.records.length} records`);
        } catch (refusal) {
            if (request !== this.#request) return;
            this.#pages = [null];
            this.#next = null;
            const off = refusal.status === 404;
            setText(this.refusal, off ? "" : refusal.message);
            this.table.setRows([], off ? emptyState("There is no audit log", refusal.message)
                : emptyState("The search was not answered", "See above, then search again."));
            setText(this.range, "");
        }
        this.element.removeAttribute("aria-busy");
        this.newest.disabled = this.newer.disabled = this.#pages.length === 1;
        this.older.disabled = this.#next === null;
    }

    #filters() {
        const milliseconds = ({ input }) => input.value ? new Date(input.value).getTime() : "";
        return {
            org: this.#context.scope, key: this.key.input.value.trim(), operation: this.operation.input.value.trim(),
            text: this.text.input.value,
            failed: this.failed.checked ? 1 : "", since_ms: milliseconds(this.since), until_ms: milliseconds(this.until),
        };
    }
}
