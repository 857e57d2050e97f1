// Questions before what cannot be taken back, and short notices after it.

import { h, setText } from "./dom.js";

/**
 * Asks, acts, and stays open with the broker's words where it refuses.
 * `typed`: what has to be typed before the act can be done. Resolves to whether it was done.
 */
export function confirmAct({ title, lines, quoted, act, typed, perform }) {
    return new Promise((resolve) => {
        let done = false;
        const refused = h("p", { class: "refusal", role: "alert" });
        const input = typed ? h("input", { type: "text", autocomplete: "off", spellcheck: "false",
            "aria-label": `Type ${typed} to go on` }) : null;
        const confirm = h("button", { type: "submit", class: "button danger", disabled: Boolean(typed) }, act);
        const cancel = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel");
        input?.addEventListener("input", () => { confirm.disabled = input.value !== typed; });

        const form = h("form", {
            onsubmit: async (event) => {
                event.preventDefault();
                confirm.disabled = true;
                setText(refused, "");
                try {
                    await perform();
                    done = true;
                    dialog.close();
                } catch (refusal) {
                    setText(refused, refusal.message);
                    confirm.disabled = false;
                }
            },
        }, h("h2", {}, title), ...lines.map((line) => h("p", {}, line)), quoted ? h("pre", { class: "quoted" }, quoted) : null,
        input ? h("label", { class: "field" }, h("span", {}, "Type ", h("b", {}, typed), " to go on"), input) : null,
        refused, h("div", { class: "dialog-acts" }, cancel, confirm));
        const dialog = shown(form, title);
        dialog.addEventListener("close", () => resolve(done));
        // The act is not what Enter does by accident.
        (input ?? cancel).focus();
    });
}

/** `groups`: `{title, keys: [[key, meaning]]}`. */
export function showKeys(groups) {
    const close = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close");
    const dialog = shown(h("div", {}, h("h2", {}, "Keyboard"),
        h("div", { class: "key-groups" }, ...groups.map(({ title, keys }) => h("section", {}, h("h3", {}, title),
            h("dl", { class: "keys" }, ...keys.map(([key, meaning]) => h("div", {},
                h("dt", {}, ...key.split(" ").map((part) => h("kbd", {}, part))), h("dd", {}, meaning))))))),
        h("div", { class: "dialog-acts" }, close)), "Keyboard");
    close.focus();
}

export function dialogIsOpen() {
    return document.querySelector("dialog[open]") !== null;
}

export function closeDialogs() {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

export function notify(text) {
    const announcement = h("p", { class: "announcement" }, text);
    document.getElementById("notices").append(announcement);
    setTimeout(() => announcement.remove(), 5000);
}

function shown(content, label) {
    const dialog = h("dialog", { "aria-label": label }, content);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}
