// Light, dark, or as the system has it; remembered. `theme.js` sets it before the first paint.

const KEY = "agent-broker.theme";
const NAMES = ["", "light", "dark"];
const WORDS = { "": "system", light: "light", dark: "dark" };

const current = () => document.documentElement.dataset.theme ?? "";

export function themeName() {
    return WORDS[current()];
}

export function changeTheme() {
    const next = NAMES[(NAMES.indexOf(current()) + 1) % NAMES.length];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try {
        localStorage.setItem(KEY, next);
    } catch {
        // Storage that is blocked: it holds for this page.
    }
}
