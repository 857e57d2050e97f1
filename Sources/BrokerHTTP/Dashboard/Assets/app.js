// Where the page starts: the dashboard where there is a session, else the login.

import * as api from "./api.js";
import { Dashboard } from "./dashboard.js";
import { emptyState, h } from "./dom.js";
import { showLogin } from "./login.js";

const root = document.getElementById("app");

function openDashboard(session) {
    new Dashboard(root, session, askForToken);
}

function askForToken(note) {
    showLogin(root, note, openDashboard);
}

async function start() {
    try {
        openDashboard(await api.session());
    } catch (refusal) {
        if (refusal.status === 401) {
            askForToken("");
        } else {
            const again = h("button", { type: "button", class: "button primary", onclick: start }, "Try again");
            root.replaceChildren(h("main", { class: "login-page" },
                emptyState("The dashboard cannot start", refusal.message, again)));
        }
    }
}

start();
