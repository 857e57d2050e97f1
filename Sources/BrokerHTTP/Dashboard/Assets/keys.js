// The keyboard: one table for what keys do and for what the help says about them.

import { dialogIsOpen, showKeys } from "./dialog.js";

const HELP = [
    { title: "Everywhere", keys: [["1 2 3 4 5", "overview, entries, commands, errors, audit"],
        ["/", "filter or search"], ["o", "choose an org"],
        ["t", "theme: system, light, dark"], ["?", "this help"], ["Esc", "close, or leave a field"]] },
    { title: "Rows", keys: [["j k", "next, previous; also the arrows"], ["Home End", "first, last"], ["Enter", "open"],
        ["s", "sort by the next column"],
        ["S", "sort the other way round"], ["x", "kill the command, destroy the entry (asks first)"]] },
    { title: "Output", keys: [["f", "follow, or pause"]] },
    { title: "Charts", keys: [["← →", "read out values; with Shift ten at a time"], ["Home End", "oldest, newest"]] },
];

export function showHelp() {
    showKeys(HELP);
}

const SCROLLING = new Set(["ArrowDown", "ArrowUp", "Home", "End"]);

/** Returns what takes the keys off again. */
export function listenToKeys(dashboard) {
    const table = () => dashboard.view.table;
    // On a page that scrolls, arrows are the page's unless the table has the focus.
    const moves = (step) => {
        if (dashboard.view.scrolls && document.activeElement !== table()?.element) return false;
        table()?.move(step);
        return true;
    };
    const acts = {
        "/": () => dashboard.focusFilter(),
        o: () => dashboard.focusOrgs(),
        t: () => dashboard.changeTheme(),
        "?": showHelp,
        j: () => table()?.move(1), ArrowDown: () => moves(1),
        k: () => table()?.move(-1), ArrowUp: () => moves(-1),
        Home: () => moves(-Infinity), End: () => moves(Infinity),
        s: () => table()?.sortNext(false), S: () => table()?.sortNext(true),
        Enter: () => table()?.openSelected(),
        x: () => dashboard.act(),
        f: () => dashboard.toggleFollow(),
        ...Object.fromEntries(["1", "2", "3", "4", "5"].map((digit, index) => [digit, () => dashboard.goTo(index)])),
    };

    function pressed(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || dialogIsOpen() || event.defaultPrevented) return;
        const writes = event.target.closest("input, select, textarea");
        if (event.key === "Escape") {
            if (writes) {
                event.target.blur();
                table()?.element.focus();
            } else {
                dashboard.closeDrawer();
            }
            return;
        }
        // From the filter, the arrow leads into the rows.
        if (writes && event.key === "ArrowDown" && event.target.type === "search") {
            table()?.element.focus();
        } else if (writes) {
            return;
        }
        // What has a meaning of its own where the focus is.
        if (event.target.closest(event.key === "Enter" ? "button, a" : SCROLLING.has(event.key)
            ? ".output-text, .drawer" : ":not(*)")) return;
        const act = acts[event.key];
        if (!act) return;
        if (act() !== false) event.preventDefault();
    }

    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
}
