// A classic script, before the style sheet, so that a chosen theme is there at the first paint.
try {
    const chosen = localStorage.getItem("agent-broker.theme");
    if (chosen === "light" || chosen === "dark") {
        document.documentElement.dataset.theme = chosen;
    }
} catch {
    // Storage that is blocked: the system's theme.
}
