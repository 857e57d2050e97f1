// A view of rows: a filter, some choices, a table.

import { emptyState, h, setText } from "./dom.js";
import { count } from "./format.js";
import { Table } from "./table.js";

export class ListView {
    #options;
    #words = [];

    /**
     * `rows()`: those of the chosen org. `haystack(row)`: what the filter looks in. `choices`: `{label, options, test(row, value)}`,
     * the first option showing all. `act(row)`: what `x` does. `nothing`: lines where there are no rows at all.
     * `note()`: a sentence beneath the filter, or an empty text.
     */
    constructor(options) {
        this.#options = options;
        this.filter = h("input", {
            type: "search", class: "filter", placeholder: options.placeholder,
            "aria-label": `Filter: ${options.placeholder}`, autocomplete: "off", spellcheck: "false",
            oninput: () => {
                this.#words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
                this.update();
            },
        });
        this.choices = (options.choices ?? []).map((choice) => ({
            ...choice,
            element: h("select", { "aria-label": choice.label, onchange: () => this.update() },
                ...choice.options.map(([value, label]) => h("option", { value }, label))),
        }));
        this.shown = h("span", { class: "shown", role: "status" });
        this.noteText = h("p", { class: "list-note" });
        this.table = new Table(options);
        this.element = h("div", { class: `view list view-${options.name}` },
            h("div", { class: "list-head" }, h("h1", { class: "visually-hidden" }, options.label), this.filter,
                ...this.choices.map(({ element }) => element), this.shown),
            this.noteText, this.table.element);
    }

    act() {
        const row = this.table.selected;
        if (row) this.#options.act?.(row);
    }

    dispose() {}

    update() {
        const all = this.#options.rows();
        const rows = all.filter((row) => this.choices.every(({ element, test }) => element.selectedIndex === 0
            || test(row, element.value)) && this.#matches(row));
        setText(this.shown, rows.length === all.length ? count(all.length) : `${count(rows.length)} of ${count(all.length)}`);
        setText(this.noteText, this.#options.note?.() ?? "");
        this.table.setRows(rows, all.length ? this.#noMatch() : emptyState(...this.#options.nothing));
    }

    #matches(row) {
        if (!this.#words.length) return true;
        const haystack = this.#options.haystack(row).toLowerCase();
        return this.#words.every((word) => haystack.includes(word));
    }

    #noMatch() {
        const clear = h("button", { type: "button", class: "button small", onclick: () => this.#clear() }, "Show all");
        return emptyState("Nothing matches", "No row has all the words of the filter and the chosen properties.", clear);
    }

    #clear() {
        this.filter.value = "";
        this.#words = [];
        for (const { element } of this.choices) element.selectedIndex = 0;
        this.update();
    }
}
