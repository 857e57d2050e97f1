// Limits as bars, the fullest first. A bar says in words too when it is nearly full.

import { h, setText } from "./dom.js";
import { limitName, percent, quantity } from "./format.js";

const NEARLY_FULL = 0.8;

export function shareUsed({ used, allowed }) {
    return allowed > 0 ? used / allowed : 0;
}

export function stateOf(share) {
    return share >= 1 ? "full" : share >= NEARLY_FULL ? "warn" : "";
}

export class LimitBars {
    #rows = new Map();

    element = h("ul", { class: "limits" });

    /** `limits`: `{name, used, allowed, unit, org?}`. */
    update(limits) {
        const ordered = limits.map((limit) => ({ ...limit, share: shareUsed(limit) }))
            .sort((a, b) => b.share - a.share || (a.org ?? "").localeCompare(b.org ?? "") || a.name.localeCompare(b.name));
        const before = this.#rows;
        this.#rows = new Map();
        for (const limit of ordered) {
            const key = `${limit.org ?? ""}/${limit.name}`;
            const row = before.get(key) ?? makeRow(limit);
            before.delete(key);
            this.#rows.set(key, row);
            this.#show(row, limit);
        }
        for (const { element } of before.values()) element.remove();
        [...this.#rows.values()].forEach(({ element }, index) => {
            if (this.element.children[index] !== element) this.element.insertBefore(element,
                this.element.children[index] ?? null);
        });
    }

    #show(row, limit) {
        const state = stateOf(limit.share);
        row.element.className = `limit ${state}`;
        setText(row.numbers, limit.allowed > 0
            ? `${quantity(limit.used, limit.unit)} of ${quantity(limit.allowed, limit.unit)}` : quantity(limit.used, limit.unit));
        setText(row.share, limit.allowed > 0 ? percent(limit.share) : "");
        setText(row.word, { full: "full", warn: "nearly full" }[state] ?? "");
        row.fill.style.width = `${Math.min(limit.share, 1) * 100}%`;
    }
}

function makeRow({ name, org }) {
    const numbers = h("span", { class: "limit-numbers" });
    const share = h("span", { class: "limit-share" });
    const word = h("span", { class: "limit-word" });
    const fill = h("span", { class: "limit-fill" });
    const element = h("li", {},
        h("span", { class: "limit-name" }, org ? h("span", { class: "limit-org" }, `${org} `) : null, limitName(name)),
        word, numbers, share,
        h("span", { class: "limit-bar", "aria-hidden": "true" }, fill));
    return { element, numbers, share, word, fill };
}
