// The requests of the dashboard. A refusal is thrown as a Refusal, with the broker's own words.

export class Refusal extends Error {
    constructor(status, reason, message) {
        super(message);
        this.status = status;
        this.reason = reason;
    }
}

let csrf = "";

async function request(method, path, { body, guarded = true } = {}) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && guarded) headers["X-CSRF-Token"] = csrf;
    let response;
    try {
        response = await fetch(path, {
            method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin",
            cache: "no-store",
        });
    } catch {
        throw new Refusal(0, "UNREACHABLE", "The broker does not answer. Check that it runs and that this address reaches it, then try again.");
    }
    const answer = response.status === 204 ? null : await response.json().catch(() => null);
    if (!response.ok) {
        throw new Refusal(response.status, answer?.error?.reason ?? "",
            answer?.error?.message ?? `The broker answered with HTTP ${response.status}.`);
    }
    return answer;
}

async function openedSession(promise) {
    const session = await promise;
    csrf = session.csrf;
    return session;
}

export const session = () => openedSession(request("GET", "/api/session"));
export const logIn = (token) => openedSession(request("POST", "/api/session", { body: { token }, guarded: false }));
export const logOut = () => request("DELETE", "/api/session");
export const drain = () => request("POST", "/api/drain");
export const kill = (exec) => request("POST", `${execPath(exec)}/kill`);
export const destroy = (entry) => request("POST", `${entryPath(entry)}/destroy?backend=${encodeURIComponent(entry.backend)}`);

export function audit(filters) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filters)) {
        if (value !== "" && value !== null && value !== undefined) query.set(name, value);
    }
    return request("GET", `/api/audit?${query}`);
}

export function outputPath(exec, offsets) {
    return `${execPath(exec)}/output?from=${offsets.stdout}&stderr_from=${offsets.stderr}`;
}

function entryPath({ org, key }) {
    return `/api/orgs/${encodeURIComponent(org)}/keys/${encodeURIComponent(key)}`;
}

function execPath(exec) {
    return `${entryPath(exec)}/execs/${encodeURIComponent(exec.exec)}`;
}
