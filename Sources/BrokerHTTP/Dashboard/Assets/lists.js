// The views of entries, running commands and errors.

import * as acts from "./acts.js";
import { age, bytes, count, duration, time } from "./format.js";
import { ListView } from "./listview.js";
import { shortened, visible } from "./text.js";

const LONGEST_CELL = 300;
const cell = (text) => shortened(visible(text), LONGEST_CELL);
const entryKey = ({ org, key, backend }) => `${org}/${key}/${backend}`;

/** The name of an entry: with the org where there are several. */
function keyColumns(context) {
    return [
        ...context.session.operator ? [{ id: "org", title: "Org", text: ({ org }) => visible(org), tone: () => "quiet",
            sort: ({ org }) => org }] : [],
        { id: "key", title: "Key", text: ({ key }) => shortened(keyWords(key), LONGEST_CELL), tone: () => "name",
            sort: ({ key }) => key },
    ];
}

const STATE_TONES = { leased: "badge on", creating: "badge busy", waiting: "badge busy" };
const STATES = { creating: "being made", waiting: "waits for room" };

/** Only an entry that is there can be destroyed. */
export const isMade = ({ state }) => !Object.hasOwn(STATES, state);
export const stateWords = (state) => STATES[state] ?? visible(state);
export const keyWords = (key) => key === "" ? "(no key)" : visible(key);

export function entriesView(context) {
    return new ListView({
        name: "entries", label: "Entries", placeholder: "Filter by key, org or backend",
        rows: () => context.store.entries(context.scope),
        key: entryKey, sort: { by: "key", descending: false }, open: context.openEntry,
        act: (row) => context.mayDestroy(row) && isMade(row) && acts.destroy(row),
        haystack: ({ org, key, backend, state }) => `${org}/${key} ${backend} ${state}`,
        choices: [
            { label: "State", options: [["", "Any state"], ["leased", "Leased"], ["idle", "Idle"],
                ["creating", "Being made"], ["waiting", "Waits for room"]], test: (row, value) => row.state === value },
            { label: "Commands", options: [["", "With or without commands"], ["with", "With commands"]],
                test: (row) => row.execs > 0 },
        ],
        nothing: ["No entry is open", "An entry is made by the first call on a key, and goes when it was idle for a while; its files stay."],
        note: () => context.store.overview?.entries_truncated
            ? `The broker sends ${count(context.store.overview.entries.length)} entries and has more: the rest is not in this list.` : "",
        columns: [
            ...keyColumns(context),
            { id: "state", title: "State", text: ({ state }) => stateWords(state),
                tone: ({ state }) => STATE_TONES[state] ?? "badge", sort: ({ state }) => state },
            { id: "backend", title: "Backend", text: ({ backend }) => visible(backend), tone: () => "quiet",
                sort: ({ backend }) => backend },
            { id: "execs", title: "Commands", end: true, text: ({ execs }) => execs ? count(execs) : "–",
                sort: ({ execs }) => execs },
            { id: "leases", title: "Leases", end: true, text: ({ leases }) => leases ? count(leases) : "–",
                sort: ({ leases }) => leases },
            { id: "bytes", title: "Size", end: true, text: (row) => bytes(row.bytes), sort: (row) => row.bytes ?? -1 },
            { id: "idle", title: "Idle for", end: true, text: (row) => row.state === "idle" ? age(row.idle_ms) : "–",
                sort: (row) => row.state === "idle" ? row.idle_ms : -1 },
            { id: "age", title: "Age", end: true, text: (row) => age(row.age_ms), sort: (row) => row.age_ms },
        ],
    });
}

export const execKey = ({ org, key, exec }) => `${org}/${key}/${exec}`;

export function commandsView(context) {
    const now = () => context.store.overview?.time_ms ?? 0;
    return new ListView({
        name: "commands", label: "Running commands", placeholder: "Filter by command, key, org or scope",
        rows: () => context.store.execs(context.scope),
        key: execKey, sort: { by: "running", descending: false }, open: context.openExec,
        act: (row) => context.mayAct && acts.kill(row),
        haystack: ({ org, key, command, scope, isolation, exec }) => `${org}/${key} ${command} ${scope} ${isolation} ${exec}`,
        nothing: ["No command runs", "A command appears here as it starts; those that ended are in the audit log."],
        note: () => context.store.overview?.execs_truncated
            ? `The broker sends ${count(context.store.overview.execs.length)} commands and has more: the rest is not in this list.` : "",
        columns: [
            { id: "number", title: "No.", end: true, text: ({ exec }) => String(exec), tone: () => "quiet",
                sort: ({ exec }) => exec },
            ...keyColumns(context),
            { id: "command", title: "Command", text: ({ command }) => cell(command), tone: () => "code",
                sort: ({ command }) => command },
            { id: "scope", title: "Scope", text: ({ scope }) => cell(scope), tone: () => "code quiet",
                sort: ({ scope }) => scope },
            { id: "out", title: "stdout", end: true, text: (row) => bytes(row.stdout_bytes), sort: (row) => row.stdout_bytes },
            { id: "err", title: "stderr", end: true, text: (row) => bytes(row.stderr_bytes), sort: (row) => row.stderr_bytes },
            { id: "running", title: "Running", end: true, text: (row) => age(now() - row.started_ms),
                sort: (row) => now() - row.started_ms },
        ],
    });
}

export const failureWord = ({ error, exit_code: code }) => error ? visible(error) : `exit ${code}`;

export function errorsView(context) {
    return new ListView({
        name: "errors", label: "Recent errors", placeholder: "Filter by code, operation, subject or key",
        rows: () => context.store.failuresOf(context.scope),
        key: ({ number }) => number, sort: { by: "time", descending: true }, open: context.openFailure,
        haystack: (row) => `${row.org}/${row.key} ${row.operation} ${row.subject} ${failureWord(row)}`,
        choices: [{
            label: "Kind", options: [["", "Failed calls and commands"], ["calls", "Failed calls"],
                ["commands", "Commands that exited with a status"]],
            test: ({ error }, value) => Boolean(error) === (value === "calls"),
        }],
        nothing: ["Nothing has failed since this page was opened",
            `That was at ${time(context.store.openedAt)}. What failed before is in the audit log, with "failed only". Calls that only read are counted, not listed.`],
        note: () => context.store.missed ? `${count(context.store.missed)} operations were not sent, because this page read too slowly. The audit log has them.` : "",
        columns: [
            { id: "time", title: "Time", text: (row) => time(row.time_ms), tone: () => "quiet", sort: ({ number }) => number },
            { id: "error", title: "Error", text: failureWord, tone: ({ error }) => error ? "badge bad" : "badge",
                sort: failureWord },
            ...keyColumns(context),
            { id: "operation", title: "Operation", text: ({ operation }) => visible(operation),
                sort: ({ operation }) => operation },
            { id: "subject", title: "Subject", text: ({ subject }) => cell(subject), tone: () => "code",
                sort: ({ subject }) => subject ?? "" },
            { id: "took", title: "Took", end: true, text: (row) => duration(row.duration_us), sort: (row) => row.duration_us },
        ],
    });
}
