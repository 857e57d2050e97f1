// The place of the details of one thing, beside the view or, where there is no room, over the page.

import { h } from "./dom.js";

/** Where it lies over the page, as the style sheet has it. */
const OVERLAID = matchMedia("(max-width: 1000px)");

export class Drawer {
    /** The details that are shown; null: it is closed. */
    shown = null;
    /** What had the focus before it was opened. */
    #opener = null;
    #behind;

    element = h("aside", { class: "drawer", hidden: true });

    /** `behind`: what cannot be reached while it lies over the page. */
    constructor(behind) {
        this.#behind = behind;
    }

    open(details) {
        if (this.shown) this.shown.close();
        else this.#opener = document.activeElement;
        this.shown = details;
        const close = h("button", { type: "button", class: "button small", onclick: () => this.close() }, "Close");
        const kind = h("p", { class: "drawer-kind" }, details.kind);
        this.element.replaceChildren(
            h("header", { class: "drawer-head" }, h("div", {}, kind, h("h2", {}, details.title)), close),
            details.element);
        this.element.classList.toggle("wide", Boolean(details.wide));
        this.element.setAttribute("aria-label", `${details.kind}: ${details.title}`);
        this.element.hidden = false;
        if (OVERLAID.matches) {
            this.#setBehindInert(true);
            close.focus();
        }
    }

    close() {
        if (!this.shown) return;
        this.shown.close();
        this.shown = null;
        this.element.hidden = true;
        this.element.replaceChildren();
        this.#setBehindInert(false);
        if (this.#opener.isConnected) this.#opener.focus();
    }

    #setBehindInert(inert) {
        for (const element of this.#behind) element.inert = inert;
    }
}
