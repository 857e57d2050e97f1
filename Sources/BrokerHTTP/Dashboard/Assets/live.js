// The stream of live state, kept up: a lost one is opened again after a growing wait, one that falls silent counts as lost.

import * as api from "./api.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;
// The broker sends every second.
const SILENCE_MS = 10000;
/** Reasons for which the broker ends a stream of a session that goes on. */
const PASSING = ["draining", "too slow"];

/**
 * Events: `message` with `{type, data}` in `detail` for each of the broker's; `state` when `state` changed.
 * `state` is connecting, live, untold (the broker is there, and does not tell its state), reconnecting (then `retryAt`,
 * a time of `Date.now`) or ended.
 */
export class LiveStream extends EventTarget {
    #source = null;
    #timer = 0;
    #silence = 0;
    #wait = FIRST_WAIT_MS;

    state = "connecting";
    retryAt = 0;
    /** Why the broker ended the stream, or does not tell its state, in its words; empty where it did not say. */
    reason = "";

    open() {
        this.#close();
        if (this.state === "ended") this.#setState("connecting");
        this.#source = new EventSource("/api/events");
        for (const type of ["overview", "trouble", "operation", "missed", "history"]) {
            this.#source.addEventListener(type, (event) => this.#received(type, event.data));
        }
        this.#source.addEventListener("bye", (event) => {
            this.reason = parsed(event.data)?.reason ?? "";
            this.#lost();
            // Where the session has ended, waiting would only delay the login.
            if (!PASSING.includes(this.reason)) this.retryNow();
        });
        this.#source.addEventListener("error", () => this.#lost());
        this.#expectMore();
    }

    /** Ends for good. */
    close() {
        this.#close();
        this.#setState("ended");
    }

    #received(type, data) {
        const value = parsed(data);
        if (value === null) return;
        this.#expectMore();
        this.#wait = FIRST_WAIT_MS;
        if (type === "overview") {
            this.reason = "";
            this.#setState("live");
        } else if (type === "trouble") {
            this.reason = value.message ?? "";
            this.#setState("untold");
        }
        this.dispatchEvent(new CustomEvent("message", { detail: { type, data: value } }));
    }

    #expectMore() {
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.#lost(), SILENCE_MS);
    }

    async #lost() {
        this.#close();
        const wait = this.#wait * (0.75 + Math.random() / 2);
        this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
        this.retryAt = Date.now() + wait;
        this.#timer = setTimeout(() => this.#retry(), wait);
        this.#setState("reconnecting");
    }

    // An EventSource does not say why it failed, so the session is asked for first.
    async #retry() {
        try {
            await api.session();
        } catch (refusal) {
            if (this.state === "ended") return;
            if (refusal.status === 401) {
                this.close();
                this.dispatchEvent(new Event("signedOut"));
            } else {
                this.#lost();
            }
            return;
        }
        if (this.state !== "ended") this.open();
    }

    retryNow() {
        if (this.state !== "reconnecting") return;
        clearTimeout(this.#timer);
        this.retryAt = Date.now();
        this.#retry();
    }

    #close() {
        clearTimeout(this.#timer);
        clearTimeout(this.#silence);
        this.#source?.close();
        this.#source = null;
    }

    #setState(state) {
        this.state = state;
        this.dispatchEvent(new Event("state"));
    }
}

function parsed(data) {
    try {
        return JSON.parse(data);
    } catch {
        return null;
    }
}
