// The page before a session: a token is asked for.

import * as api from "./api.js";
import { h, setText } from "./dom.js";

/** `note`: why there is no session any more, or an empty text. `opened(session)` is called once. */
export function showLogin(root, note, opened) {
    const token = h("input", {
        type: "password", name: "token", autocomplete: "current-password", spellcheck: "false", required: true,
        placeholder: "ab_…", "aria-describedby": "login-help",
    });
    const refusal = h("p", { class: "refusal", role: "alert" });
    const submit = h("button", { type: "submit", class: "button primary" }, "Log in");
    const form = h("form", {
        class: "login",
        onsubmit: async (event) => {
            event.preventDefault();
            submit.disabled = true;
            setText(submit, "Checking…");
            setText(refusal, "");
            try {
                opened(await api.logIn(token.value.trim()));
                return;
            } catch (error) {
                setText(refusal, error.status === 401 ? "The broker does not know this token. Check that it is whole, and that it was not taken out of the configuration." : error.message);
            }
            submit.disabled = false;
            setText(submit, "Log in");
            token.select();
        },
    },
    h("div", { class: "login-brand" }, h("img", { src: "/dashboard/favicon.svg", alt: "", width: 32, height: 32 }),
        h("h1", {}, "agent-broker")),
    note ? h("p", { class: "inline-note login-note", role: "status" }, note) : null,
    h("label", { class: "field" }, h("span", {}, "Token"), token), refusal, submit,
    h("p", { class: "login-help", id: "login-help" }, "A token of an org shows that org; an operator's shows all. ",
        h("code", {}, "agent-broker token new"), " makes one. It is sent to this broker only, and the page does not keep it."));
    root.replaceChildren(h("main", { class: "login-page" }, form));
    document.title = "Log in · agent-broker";
    token.focus();
}
