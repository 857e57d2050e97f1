// What the drawer shows: one entry, command, org, error or record. Each is
// `{title, element, update(), close(), act?(), toggleFollow?(), wide?}`; `update` is called with each overview.

import * as acts from "./acts.js";
import { outcomeWords } from "./audit.js";
import { facts, h, setText } from "./dom.js";
import { age, bytes, count, dateTime, duration } from "./format.js";
import { LimitBars } from "./limits.js";
import { execKey, failureWord, isMade, keyWords, stateWords } from "./lists.js";
import { OutputPanel } from "./output.js";
import { refusedWords, showFacts } from "./overview.js";
import { shortened, visible, visibleLines } from "./text.js";

const still = { update() {}, close() {} };

function button(label, act, kind = "") {
    return h("button", { type: "button", class: `button ${kind}`, onclick: act }, label);
}

export function entryDetails(context, entry) {
    let now = entry;
    const list = h("dl", { class: "facts" });
    const commands = h("div", { class: "brief-list" });
    const gone = h("p", { class: "inline-note" });
    const destroy = context.mayDestroy(entry) ? button("Destroy…", () => acts.destroy(now), "danger") : null;
    const details = {
        ...still,
        title: `${visible(entry.org)}/${keyWords(entry.key)}`, kind: "Entry",
        element: h("div", {}, gone, list, h("h3", {}, "Running commands"), commands,
            h("div", { class: "drawer-acts" }, button("Audit of this key",
                () => context.searchAudit({ org: entry.org, key: entry.key })), destroy)),
        act: () => destroy && !destroy.disabled && acts.destroy(now),
        update() {
            const { overview } = context.store;
            const found = overview.entries.find(({ org, key, backend }) => org === entry.org && key === entry.key
                && backend === entry.backend);
            now = found ?? now;
            setText(gone, found ? "" : overview.entries_truncated
                ? "This entry is not among those that the broker sends just now."
                : "This entry is gone; its files stay unless they were in memory.");
            if (found && destroy && !isMade(now)) setText(gone, "It is not there yet, so that it cannot be destroyed.");
            if (destroy) destroy.disabled = !isMade(now) || !found && !overview.entries_truncated;
            showFacts(list, [
                ["State", stateWords(now.state)], ["Backend", visible(now.backend)],
                ["Leases", count(now.leases)], ["Size", bytes(now.bytes)],
                ["Idle for", now.state === "idle" ? age(now.idle_ms) : "–"], ["Age", age(now.age_ms)],
            ]);
            const running = overview.execs.filter(({ org, key }) => org === entry.org && key === entry.key);
            const shown = running.map(execKey).join(" ") || "none";
            if (commands.dataset.shown === shown) return;
            commands.dataset.shown = shown;
            commands.replaceChildren(...running.length
                ? running.map((exec) => h("button", { type: "button", class: "brief", onclick: () => context.openExec(exec) },
                    h("span", { class: "quiet" }, String(exec.exec)),
                    h("span", { class: "brief-subject code" }, shortened(visible(exec.command), 200))))
                : [h("p", { class: "inline-note" }, "None.")]);
        },
    };
    return details;
}

export function execDetails(context, exec) {
    let now = exec;
    let ended = null;
    // As near as the reports tell.
    let endedAt = null;
    const list = h("dl", { class: "facts" });
    const openEntry = button("Entry", () => context.openEntry(entryOf()));
    const entryOf = () => context.store.overview.entries.find(({ org, key }) => org === exec.org && key === exec.key);
    const kill = context.mayAct ? button("Kill…", () => acts.kill(now), "danger") : null;
    const looked = exec.attachable !== false && context.mayAct;
    const panel = !looked ? null : new OutputPanel(exec, { ended: (end, words) => { ended = words; details.update(); } });
    const details = {
        wide: true,
        title: `Command ${exec.exec} of ${visible(exec.org)}/${visible(exec.key)}`, kind: "Command",
        element: h("div", { class: "exec-details" },
            h("pre", { class: "quoted command", tabindex: 0 }, visibleLines(exec.command)), list,
            panel?.element ?? h("p", { class: "inline-note" }, context.mayAct
                ? "It runs in the foreground: its output goes to the client that waits for it, and cannot be looked at from here."
                : "A token that only reads cannot look at the output of commands."),
            h("div", { class: "drawer-acts" }, openEntry,
                button("Audit of this key", () => context.searchAudit({ org: exec.org, key: exec.key })), kill)),
        act: () => kill && !kill.disabled && acts.kill(now),
        toggleFollow: () => panel?.toggleFollow(),
        close: () => panel?.close(),
        update() {
            const { overview } = context.store;
            const found = overview.execs.find((candidate) => execKey(candidate) === execKey(exec));
            now = found ?? now;
            if (!found && !overview.execs_truncated) {
                panel?.gone();
                ended ??= "ended";
            }
            if (ended !== null) endedAt ??= overview.time_ms;
            if (kill) kill.disabled = ended !== null;
            openEntry.disabled = !entryOf();
            showFacts(list, [
                ["State", ended ?? "running"], ["Started", dateTime(exec.started_ms)],
                [ended ? "Ran for about" : "Running for", age((endedAt ?? overview.time_ms) - exec.started_ms)],
                ["Scope", visible(exec.scope)], ["Isolation", visible(exec.isolation)],
                ["Written", `${bytes(now.stdout_bytes)} out, ${bytes(now.stderr_bytes)} err`],
            ]);
        },
    };
    return details;
}

export function orgDetails(context, org) {
    const list = h("dl", { class: "facts" });
    const limits = new LimitBars();
    const refused = h("p", { class: "inline-note" });
    const chosen = () => context.scope === org;
    const choose = button("", () => context.setScope(chosen() ? "" : org), "primary");
    return {
        ...still,
        title: visible(org), kind: "Org",
        element: h("div", {}, list, h("h3", {}, "Limits"), limits.element, refused,
            h("div", { class: "drawer-acts" }, button("Its audit", () => context.searchAudit({ org })), choose)),
        update() {
            setText(choose, chosen() ? "Show all orgs" : "Show only this org");
            const found = context.store.orgs(org)[0];
            if (!found) {
                setText(refused, "The broker has no such org any more.");
                return;
            }
            const pool = found.pool ?? {};
            showFacts(list, [
                ["Calls answered", count(found.calls_ok)], ["Calls failed", count(found.calls_failed)],
                ["In flight", count(found.calls_in_flight)],
                ["Waiting for a turn", found.calls_waiting
                    ? `${count(found.calls_waiting)}, longest ${duration(found.longest_wait_us)}` : "0"],
                ["Waiting for an entry", pool.waiting ? `${count(pool.waiting)}, longest ${duration(pool.longest_wait_us)}` : "0"],
                ["Connections", count(found.connections)], ["Commands", count(found.execs_running)],
                ["Entries", `${count(pool.active)} in use, ${count(pool.idle)} idle`], ["Entries evicted", count(pool.evictions)],
                ["Bytes in flight", bytes(found.bytes_in_flight)],
            ]);
            limits.update(found.limits ?? []);
            setText(refused, refusedWords(Object.entries(found.refusals ?? {})));
        },
    };
}

export function failureDetails(context, failure) {
    return operationDetails(context, failure, {
        title: `${visible(failure.operation)}: ${failureWord(failure)}`, kind: "Error",
        pairs: [["Bytes", failure.bytes ? bytes(failure.bytes) : null], ["Exit status", failure.exit_code ?? null]],
    });
}

export function recordDetails(context, record) {
    return operationDetails(context, record, {
        title: `${visible(record.operation)}: ${outcomeWords(record)}`, kind: "Audit record",
        pairs: [["By", visible(record.principal)], ["From", record.peer ? visible(record.peer) : null],
            ["Command", record.exec ? String(record.exec) : null], ["Exit status", record.exit_code ?? null],
            ["Number of the record", String(record.seq)]],
    });
}

function operationDetails(context, operation, { title, kind, pairs }) {
    return {
        ...still, title, kind,
        element: h("div", {}, h("pre", { class: "quoted command", tabindex: 0 }, visibleLines(operation.subject) || "–"),
            facts([["Org", visible(operation.org)], ["Key", visible(operation.key)], ["Scope", visible(operation.scope || "/")],
                ["Time", dateTime(operation.time_ms)], ["Took", duration(operation.duration_us)], ...pairs]),
            h("div", { class: "drawer-acts" }, button("Audit of this key",
                () => context.searchAudit({ org: operation.org, key: operation.key })))),
    };
}
