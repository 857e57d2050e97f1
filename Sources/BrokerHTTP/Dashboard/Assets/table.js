// A table of any number of rows, of which only those in sight are elements. Rows are held by key: selection and focus
// stay with a row while its place changes.

import { h, setText } from "./dom.js";

const ROW_HEIGHT = 34;
const OVERSCAN = 6;
let tables = 0;

export class Table {
    #columns;
    #key;
    #open;
    #rows = [];
    #elements = new Map();
    #sort;
    #id = `table-${tables += 1}`;
    #ordered;

    selectedKey = null;

    /**
     * `columns`: `{id, title, text(row), tone?(row), sort?(row), end?}`, with `sort` what to order by, `end` for numbers.
     * `open(row)` is called for a click and Enter. `ordered`: the rows come in their order, and no column sorts.
     */
    constructor({ name, label, columns, key, open, sort, ordered = false }) {
        this.#columns = columns;
        this.#key = key;
        this.#open = open;
        this.#sort = sort;
        this.#ordered = ordered;
        this.titles = columns.map((column) => this.#title(column));
        this.body = h("div", { role: "rowgroup", class: "table-body" });
        this.nothing = h("div", { class: "table-nothing" });
        this.element = h("div", {
            class: `table table-${name}`, role: "grid", "aria-label": label, tabindex: 0,
            onscroll: () => this.#draw(), onclick: (event) => this.#clicked(event),
        }, h("div", { role: "row", class: "table-titles", "aria-rowindex": 1 }, ...this.titles), this.body, this.nothing);
        new ResizeObserver(() => this.#draw()).observe(this.element);
        this.#showSort();
    }

    /** `nothing`: what to show where there are no rows. */
    setRows(rows, nothing) {
        this.#rows = this.#sorted(rows);
        this.element.setAttribute("aria-rowcount", rows.length + 1);
        this.body.style.height = `${rows.length * ROW_HEIGHT}px`;
        this.element.classList.toggle("is-empty", rows.length === 0);
        if (rows.length === 0) {
            const key = nothing.textContent;
            if (this.nothing.textContent !== key) this.nothing.replaceChildren(nothing);
        } else {
            this.nothing.replaceChildren();
        }
        this.#draw();
    }

    get selected() {
        return this.#rows.find((row) => this.#key(row) === this.selectedKey) ?? null;
    }

    select(key) {
        this.selectedKey = key;
        this.#draw();
    }

    move(step) {
        if (!this.#rows.length) return;
        const at = this.#rows.findIndex((row) => this.#key(row) === this.selectedKey);
        const from = at < 0 && step < 0 ? this.#rows.length : at;
        const next = Math.min(Math.max(from + step, 0), this.#rows.length - 1);
        this.selectedKey = this.#key(this.#rows[next]);
        this.#reveal(next);
        this.#draw();
        // Where the page scrolls around the table.
        this.#elements.get(this.selectedKey)?.scrollIntoView({ block: "nearest" });
    }

    openSelected() {
        const row = this.selected;
        if (row) this.#open(row);
    }

    #reveal(index) {
        const titles = this.titles[0].offsetHeight;
        const above = index * ROW_HEIGHT, below = above + ROW_HEIGHT;
        const room = this.element.clientHeight - titles;
        if (above < this.element.scrollTop) this.element.scrollTop = above;
        else if (below > this.element.scrollTop + room) this.element.scrollTop = below - room;
    }

    #title(column) {
        const content = this.#ordered || !column.sort ? column.title
            : h("button", { type: "button", tabindex: -1, onclick: () => this.#sortBy(column.id) }, column.title);
        return h("div", { role: "columnheader", class: `cell column-${column.id}${column.end ? " end" : ""}` }, content);
    }

    #sortBy(id) {
        const column = this.#columns.find((candidate) => candidate.id === id);
        this.#sort = this.#sort.by === id ? { by: id, descending: !this.#sort.descending }
            : { by: id, descending: Boolean(column.end) };
        this.#showSort();
        this.#rows = this.#sorted(this.#rows);
        this.#draw();
    }

    /** The next column that sorts, or the other direction: for the keyboard. */
    sortNext(reverse) {
        if (this.#ordered) return;
        const sortable = this.#columns.filter(({ sort }) => sort).map(({ id }) => id);
        this.#sortBy(reverse ? this.#sort.by : sortable[(sortable.indexOf(this.#sort.by) + 1) % sortable.length]);
    }

    #showSort() {
        if (this.#ordered) return;
        this.#columns.forEach(({ id }, index) => {
            if (id === this.#sort.by) this.titles[index].setAttribute("aria-sort", this.#sort.descending ? "descending"
                : "ascending");
            else this.titles[index].removeAttribute("aria-sort");
        });
    }

    #sorted(rows) {
        if (this.#ordered) return rows;
        const value = this.#columns.find(({ id }) => id === this.#sort.by).sort;
        const direction = this.#sort.descending ? -1 : 1;
        const keyed = rows.map((row) => ({ row, value: value(row), key: this.#key(row) }));
        // The key decides between equals, so that rows do not change places from second to second.
        keyed.sort((a, b) => direction * compare(a.value, b.value) || compare(a.key, b.key));
        return keyed.map(({ row }) => row);
    }

    #draw() {
        const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_HEIGHT) - OVERSCAN);
        const last = Math.min(this.#rows.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW_HEIGHT) + OVERSCAN);
        const unused = new Map(this.#elements);
        const drawn = new Map();
        const fresh = [];
        for (let index = first; index < last; index += 1) {
            const key = this.#key(this.#rows[index]);
            const element = unused.get(key);
            if (element) {
                unused.delete(key);
                drawn.set(key, element);
            } else {
                fresh.push(key);
            }
        }
        const spare = [...unused.values()];
        for (const key of fresh) drawn.set(key, spare.pop() ?? this.#makeRow());
        for (const element of spare) element.remove();
        this.#elements = drawn;
        for (let index = first; index < last; index += 1) {
            const key = this.#key(this.#rows[index]);
            this.#fill(drawn.get(key), this.#rows[index], key, index);
        }
        const active = drawn.get(this.selectedKey);
        if (active) this.element.setAttribute("aria-activedescendant", active.id);
        else this.element.removeAttribute("aria-activedescendant");
    }

    #makeRow() {
        const cells = this.#columns.map(({ id, end }) => h("div",
            { role: "gridcell", class: `cell column-${id}${end ? " end" : ""}` }, h("span")));
        const element = h("div", { role: "row", class: "table-row" }, ...cells);
        element.cells = cells;
        this.body.append(element);
        return element;
    }

    #fill(element, row, key, index) {
        element.rowKey = key;
        element.id = `${this.#id}-${index}`;
        element.setAttribute("aria-rowindex", index + 2);
        element.setAttribute("aria-selected", String(key === this.selectedKey));
        element.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
        this.#columns.forEach((column, at) => {
            const content = element.cells[at].firstChild;
            setText(content, column.text(row));
            const tone = column.tone?.(row) ?? "";
            if (content.className !== tone) content.className = tone;
        });
    }

    #clicked(event) {
        const element = event.target.closest(".table-row");
        if (!element) return;
        this.select(element.rowKey);
        this.openSelected();
    }
}

function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return a < b ? -1 : a > b ? 1 : 0;
}
