// What an operator may do, each after a question.

import * as api from "./api.js";
import { confirmAct, notify } from "./dialog.js";
import { shortened, visible, visibleLines } from "./text.js";

export async function kill(exec) {
    const done = await confirmAct({
        title: `Kill command ${exec.exec} of ${visible(exec.org)}/${visible(exec.key)}?`,
        lines: ["Everything that it started ends with it, at once. What it has written so far stays."],
        quoted: shortened(visibleLines(exec.command), 600), act: "Kill", perform: () => api.kill(exec),
    });
    if (done) notify(`Command ${exec.exec} of ${visible(exec.org)}/${visible(exec.key)} was killed.`);
}

export async function destroy(entry) {
    const commands = entry.execs === 1 ? "1 command that runs" : `${entry.execs} commands that run`;
    const done = await confirmAct({
        title: `Destroy the entry ${visible(entry.org)}/${visible(entry.key)}?`,
        lines: [`Its sandbox ends, with ${commands} in it, and its calls are refused with BACKEND_DESTROYED.`,
            entry.backend === "memory" ? "What it holds is in memory only and is lost."
                : "Its files stay; the next call on the key makes the entry anew."],
        act: "Destroy", perform: () => api.destroy(entry),
    });
    if (done) notify(`The entry ${visible(entry.org)}/${visible(entry.key)} was destroyed.`);
}

export async function drain(node) {
    const done = await confirmAct({
        title: "Drain this broker?",
        lines: ["It takes no new connections or calls from now on, lets those in flight end until its drain timeout, cancels the rest, and exits.",
            "This cannot be taken back: the broker has to be started again."],
        act: "Drain", typed: node || "drain", perform: () => api.drain(),
    });
    if (done) notify("The broker drains.");
}
